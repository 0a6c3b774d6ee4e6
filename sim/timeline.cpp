#include "sim/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, kTracks> kTrackNames{"load", "array", "vector", "store", "fetch"};

const char* name_of_node(const Program& program, std::uint32_t command) {
  const int node = program.info[command].node;
  return node < 0 ? "" : program.network.nodes[static_cast<std::size_t>(node)].name.c_str();
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Timeline::Timeline(const std::string& path, std::string detail, std::uint64_t limit)
    : file_(path), path_(path), detail_(std::move(detail)), limit_(limit) {}

void Timeline::begin(const Program& program, int channels) {
  program_ = &program;
  const auto named = [&](const Node& node) { return node.name == detail_; };
  if (!detail_.empty() && std::none_of(program.network.nodes.begin(), program.network.nodes.end(), named)) {
    throw Error(fmt::format("--timeline-detail: network {} has no layer {}", program.network.name, detail_));
  }
  for (std::uint32_t first = 0; first < program.commands.size();) {
    const std::uint32_t end = first + program.commands[first].get(Field::GROUP) + 1;
    for (std::uint32_t c = first; c < end && c < program.commands.size(); ++c) {
      single_.push_back(!detail_.empty() && name_of_node(program, c) == detail_);
      group_.push_back(single_.back() ? c : first);
    }
    first = end;
  }
  event(text_of({{"ph", "M"},
                 {"pid", 1},
                 {"name", "process_name"},
                 {"args", {{"name", program.network.name + ", " + program.recipe + ", " + program.hardware.name}}}}));
  for (std::size_t track = 0; track < kTracks; ++track) name_track(track, kTrackNames[track]);
  open_bus_.resize(static_cast<std::size_t>(channels));
  for (std::size_t n = 0; n < open_bus_.size(); ++n) name_track(kTracks + n, fmt::format("dram {}", n));
}

void Timeline::name_track(std::size_t track, const std::string& name) {
  event(text_of({{"ph", "M"}, {"pid", 1}, {"tid", track + 1}, {"name", "thread_name"}, {"args", {{"name", name}}}}));
  event(text_of({{"ph", "M"},
                 {"pid", 1},
                 {"tid", track + 1},
                 {"name", "thread_sort_index"},
                 {"args", {{"sort_index", track + 1}}}}));
}

/// Writes one event, and the end of the list that must still fit behind it.
void Timeline::event(const std::string& json) {
  constexpr std::uint64_t kBetween = 64;  // what stands before, between and behind the events
  if (written_ + json.size() + kBetween > limit_) {
    throw Error(
        fmt::format("--timeline {}: the trace would have more than {} bytes, the limit; take a smaller batch, "
                    "fewer steps or no --timeline-detail",
                    path_, limit_));
  }
  const std::string text = (written_ == 0 ? "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n" : ",\n") + json;
  file_.write(text);
  written_ += text.size();
}

void Timeline::take(const ExecutionRecord& execution) {
  std::optional<Slice>& open = open_[execution.queue];
  const std::uint32_t first = execution.queue == kFetchTrack ? execution.command : group_[execution.command];
  if (open && (open->first != first || single_[execution.command] || execution.queue == kFetchTrack)) {
    write(execution.queue, *open);
    open.reset();
  }
  if (!open) open = Slice{first, execution.start, execution.end, 0, 0};
  open->end = execution.end;
  open->busy += execution.end - execution.start;
  open->executions += 1;
}

void Timeline::write(std::size_t track, const Slice& slice) {
  const CommandInfo& info = program_->info[slice.first];
  const std::string layer = name_of_node(*program_, slice.first);
  const std::string opcode(opcode_name(program_->commands[slice.first].opcode()));
  event(text_of({{"ph", "X"},
                 {"pid", 1},
                 {"tid", track + 1},
                 {"ts", before_ + slice.start},
                 {"dur", slice.end - slice.start},
                 {"name", fmt::format("{}{}{} {}{}", layer, layer.empty() ? "" : " ", info.phase,
                                      track == kFetchTrack ? "fetch of " : "", opcode)},
                 {"args",
                  {{"command", slice.first},
                   {"does", info.text},
                   {"executions", slice.executions},
                   {"busy_cycles", slice.busy}}}}));
}

void Timeline::take_bus(const dram::BusSlice& slice) {
  std::optional<Bus>& open = open_bus_[slice.channel];
  if (open && open->slice.end != slice.start) {
    write_bus(slice.channel, *open);
    open.reset();
  }
  if (!open) open = Bus{slice, 0};
  open->slice.end = slice.end;
  open->slice.end_edge = slice.end_edge;
  open->bursts += 1;
}

void Timeline::write_bus(std::size_t channel, const Bus& bus) {
  const double start = static_cast<double>(before_) + bus.slice.start_edge;
  event(text_of({{"ph", "X"},
                 {"pid", 1},
                 {"tid", kTracks + channel + 1},
                 {"ts", start},
                 {"dur", bus.slice.end_edge - bus.slice.start_edge},
                 {"name", "data"},
                 {"args", {{"bursts", bus.bursts}, {"memory_cycles", bus.slice.end - bus.slice.start}}}}));
}

void Timeline::end_step(std::uint64_t cycles) {
  for (std::size_t track = 0; track < kTracks; ++track) {
    if (open_[track]) write(track, *open_[track]);
    open_[track].reset();
  }
  for (std::size_t n = 0; n < open_bus_.size(); ++n) {
    if (!open_bus_[n]) continue;
    write_bus(n, *open_bus_[n]);
    cycles = std::max(cycles, static_cast<std::uint64_t>(std::ceil(open_bus_[n]->slice.end_edge)));
    open_bus_[n].reset();
  }
  before_ += cycles;
}

void Timeline::commit() {
  file_.write("\n]}\n");
  file_.commit();
}

}  // namespace bitloom
