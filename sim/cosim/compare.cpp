#include "sim/cosim/compare.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"
#include "sim/cosim/layout_decoder.hpp"

namespace bitloom::cosim {
namespace {

void add(Comparison& sum, Difference difference) {
  ++sum.mismatches;
  if (sum.first.size() < Comparison::kKept) sum.first.push_back(std::move(difference));
}

/// What the program gives a handle of golden's must be recorded: else it would be a value that nobody compares.
[[noreturn]] void refuse_unrecorded(const std::string& name) {
  throw Error(fmt::format("co-simulation: the accelerator has {}, which golden does not record", name));
}

void compare_tensor(const Program& program, int index, const NamedTensor& golden, std::span<const std::uint8_t> memory,
                    const std::string& executor, int step, Comparison& sum) {
  const TensorPlacement& place = program.tensors[static_cast<std::size_t>(index)];
  if (golden.rows != place.rows || golden.cols != place.cols) {
    throw Error(fmt::format("co-simulation: {} is {}×{} in golden and {}×{} in memory", place.name, golden.rows,
                            golden.cols, place.rows, place.cols));
  }
  const std::vector<std::int32_t> got = decode_tensor(place, memory);
  ++sum.tensors;
  sum.elements += got.size();
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == golden.values[i]) continue;
    add(sum, {executor, step, place.name, index, static_cast<int>(i) / place.cols, static_cast<int>(i) % place.cols,
              golden.values[i], got[i], place.writers});
  }
}

/// Returns the word of the table page at this index.
std::uint32_t table_entry(const Program& program, int index, std::span<const std::uint8_t> memory) {
  const std::size_t at = program.table_address + 4 * static_cast<std::size_t>(index);
  std::uint32_t word = 0;
  for (unsigned byte = 0; byte < 4; ++byte) word |= std::uint32_t{memory[at + byte]} << (8 * byte);
  return word;
}

void compare_table(const Program& program, const StepRecord& record, std::span<const std::uint8_t> memory,
                   const std::string& executor, int step, Comparison& sum) {
  const TensorPlacement* table = find_tensor(program, "table");
  if (table == nullptr) throw Error("co-simulation: the program has no table page");
  for (const auto& [name, index] : program.table) {
    const auto* handle = std::get_if<ScalarHandle>(&name);
    if (handle == nullptr) continue;  // the accelerator's own
    const auto found = record.scalars.find(*handle);
    if (found == record.scalars.end()) refuse_unrecorded(text_of(name, program.network));
    const std::int64_t expected = found->second;
    const std::int64_t got = table_entry(program, index, memory);
    ++sum.scalars;
    ++sum.elements;
    if (expected == got) continue;
    const std::string text = "table entry " + text_of(name, program.network);
    add(sum, {executor, step, text, kNoPlace, 0, index, expected, got, table->writers});
  }
}

/// Everything golden records must have been compared, but for what the program declares that memory does not hold.
void require_all_seen(const Program& program, const StepRecord& record, const std::set<TensorHandle>& seen,
                      Comparison& sum) {
  for (const auto& [handle, tensor] : record.tensors) {
    if (seen.contains(handle)) continue;
    const std::string name = name_of(handle, program.network);
    sum.unseen.insert(name);
    if (!program.left_out.contains(handle)) {
      throw Error(fmt::format("co-simulation: golden records {}, which has no place in memory", name));
    }
  }
  for (const auto& [handle, value] : record.scalars) {
    if (program.table.contains(handle)) continue;
    throw Error(
        fmt::format("co-simulation: golden records {}, which is no table entry", name_of(handle, program.network)));
  }
}

/// What the program declares to be left out must be so.
void require_left_out(const Program& program, const StepRecord& record, const std::set<TensorHandle>& seen) {
  for (const TensorHandle& handle : program.left_out) {
    if (record.tensors.contains(handle) && !seen.contains(handle)) continue;
    throw Error(fmt::format("co-simulation: the program leaves out {}, which {}", name_of(handle, program.network),
                            seen.contains(handle) ? "lies in memory" : "golden does not record"));
  }
}

/// Returns the places of golden's tensors, in program order of their writers.
std::vector<int> places_in_order(const Program& program) {
  std::vector<int> places;
  for (std::size_t i = 0; i < program.tensors.size(); ++i) {
    if (program.tensors[i].golden.has_value()) places.push_back(static_cast<int>(i));
  }
  const auto first_writer = [&](int place) {
    const std::vector<int>& writers = program.tensors[static_cast<std::size_t>(place)].writers;
    return writers.empty() ? -1 : writers.front();
  };
  std::stable_sort(places.begin(), places.end(), [&](int a, int b) { return first_writer(a) < first_writer(b); });
  return places;
}

}  // namespace

void compare_step(const Program& program, const StepRecord& record, std::span<const std::uint8_t> memory,
                  std::uint64_t batch_address, const std::string& executor, int step, Comparison& sum) {
  std::set<TensorHandle> seen;
  for (const int index : places_in_order(program)) {
    const TensorPlacement& place = program.tensors[static_cast<std::size_t>(index)];
    const auto found = record.tensors.find(*place.golden);
    if (found == record.tensors.end()) refuse_unrecorded(place.name);
    const auto base = place.in_batch ? memory.subspan(batch_address) : memory;
    compare_tensor(program, index, found->second, base, executor, step, sum);
    seen.insert(*place.golden);
  }
  compare_table(program, record, memory, executor, step, sum);
  require_all_seen(program, record, seen, sum);
  require_left_out(program, record, seen);
}

std::int64_t element_of(const Program& program, const Difference& difference, std::span<const std::uint8_t> memory,
                        std::uint64_t batch_address) {
  if (difference.place == kNoPlace) return table_entry(program, difference.col, memory);
  const TensorPlacement& place = program.tensors[static_cast<std::size_t>(difference.place)];
  const auto base = place.in_batch ? memory.subspan(batch_address) : memory;
  TensorPlacement row = place;
  row.address += static_cast<std::uint64_t>(difference.row) * place.pitch;
  row.rows = 1;
  row.bytes = place.pitch;
  return decode_tensor(row, base)[static_cast<std::size_t>(difference.col)];
}

}  // namespace bitloom::cosim
