#include "model/io/output_plan.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "model/io/error.hpp"

namespace bitloom {
namespace fs = std::filesystem;
namespace {

bool same_file(const OutputPlace& a, const OutputPlace& b) {
  if (a.kind != PlaceKind::kFile || b.kind != PlaceKind::kFile || a.exists != b.exists) return false;
  return a.exists ? a.status.st_dev == b.status.st_dev && a.status.st_ino == b.status.st_ino : a.target == b.target;
}

/// Returns the place of what is read or already open; only a regular file can be overwritten.
OutputPlace existing(const std::string& path) {
  OutputPlace place;
  place.path = path;
  place.kind = PlaceKind::kStream;
  std::error_code error;
  if (stat(path.c_str(), &place.status) == 0) {
    place.exists = true;
    place.target = fs::canonical(path, error).string();
    if (S_ISREG(place.status.st_mode)) place.kind = PlaceKind::kFile;
  }
  return place;
}

bool lies_in(const std::string& file, const std::string& folder) {
  return file.starts_with(folder) && (folder == "/" || file[folder.size()] == '/');
}

[[noreturn]] void refuse(const std::string& option, const std::string& path, const std::string& reason) {
  throw Error(fmt::format("{} {}: {}", option, path, reason));
}

}  // namespace

OutputPlan::OutputPlan() {
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    OutputPlace place;
    if (fstat(descriptor, &place.status) == 0 && S_ISREG(place.status.st_mode)) {
      place.exists = true;
      standard_.push_back({descriptor == STDOUT_FILENO ? "standard output" : "standard error", place, ""});
    }
  }
}

void OutputPlan::reads(const std::string& option, const std::string& path, const std::string& successor) {
  if (path.empty()) return;
  inputs_.push_back({option, existing(path), successor});
  for (const Named& output : outputs_) refuse_meeting(output);
  refuse_dumped(inputs_.back());
}

void OutputPlan::reads_folder(const std::string& option, const std::string& path,
                              bool (*is_input)(const std::string& name)) {
  if (path.empty()) return;
  folders_.push_back({{option, existing(path), ""}, is_input});
  for (const Named& output : outputs_) refuse_meeting(output);
}

void OutputPlan::writes(const std::string& option, const std::string& path) {
  if (path.empty() || path == "-") return;
  require_writable_target(path);
  add(option, path);
}

void OutputPlan::writes_file(const std::string& option, const std::string& path) {
  if (path.empty()) return;
  require_writable_file(path);
  add(option, path);
}

void OutputPlan::writes_dump(const std::string& option, const std::string& path) {
  if (path.empty()) return;
  require_writable_folder(path);
  dumps_.push_back({option, existing(path), ""});
  for (const Named& output : outputs_) refuse_dumped(output);
  for (const Named& input : inputs_) refuse_dumped(input);
}

void OutputPlan::add(const std::string& option, const std::string& path) {
  const Named output{option, output_place(path), ""};
  refuse_meeting(output);
  refuse_dumped(output);
  outputs_.push_back(output);
}

void OutputPlan::refuse_meeting(const Named& output) const {
  for (const Named& other : outputs_) {
    if (other.option != output.option && same_file(other.place, output.place)) {
      refuse(output.option, output.place.path, fmt::format("{} writes the same file", other.option));
    }
  }
  for (const Named& other : standard_) {
    if (same_file(other.place, output.place)) {
      refuse(output.option, output.place.path,
             fmt::format("{} goes to the same file; name /dev/stdout to write there", other.option));
    }
  }
  for (const Named& input : inputs_) {
    if (input.successor != output.option && same_file(input.place, output.place)) {
      refuse(output.option, output.place.path, fmt::format("it would overwrite an input, {}", input.option));
    }
  }
  for (const auto& [folder, is_input] : folders_) {
    const std::string& target = output.place.target;
    const bool inside = output.place.exists && lies_in(target, folder.place.target);
    if (output.place.kind == PlaceKind::kFile && inside && is_input(fs::path(target).filename().string())) {
      refuse(output.option, output.place.path, fmt::format("it would overwrite a file of {}'s folder", folder.option));
    }
  }
}

/// The names of a dump's files are known only later; by their ending a file that they could meet is known now.
void OutputPlan::refuse_dumped(const Named& file) const {
  const fs::path target = file.place.target;
  if (target.extension() != ".npy" && target.filename() != "scalars.json") return;
  for (const Named& dump : dumps_) {
    if (lies_in(file.place.target, dump.place.target)) {
      refuse(dump.option, dump.place.path,
             fmt::format("it writes {} files where {} lies, {}", target.extension().string(), file.place.path,
                         file.option));
    }
  }
}

}  // namespace bitloom
