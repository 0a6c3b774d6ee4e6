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

void compare_tensor(const TensorPlacement& place, const NamedTensor& golden, std::span<const std::uint8_t> memory,
                    const std::string& executor, int step, Comparison& sum) {
  if (golden.rows != place.rows || golden.cols != place.cols) {
    throw Error(fmt::format("co-simulation: {} is {}×{} in golden and {}×{} in memory", place.name, golden.rows,
                            golden.cols, place.rows, place.cols));
  }
  const std::vector<std::int32_t> got = decode_tensor(place, memory);
  ++sum.tensors;
  sum.elements += got.size();
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == golden.values[i]) continue;
    add(sum, {executor, step, place.name, static_cast<int>(i) / place.cols, static_cast<int>(i) % place.cols,
              golden.values[i], got[i], place.writers});
  }
}

/// The word of the table page at this index.
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
    const auto found = record.scalars.find(name);
    if (found == record.scalars.end()) continue;  // the accelerator's own
    const std::int64_t expected = found->second;
    const std::int64_t got = table_entry(program, index, memory);
    ++sum.scalars;
    ++sum.elements;
    if (expected != got) add(sum, {executor, step, "table entry " + name, 0, index, expected, got, table->writers});
  }
}

/// Everything golden records must have been compared, but for what the program declares that memory does not hold.
void require_all_seen(const Program& program, const StepRecord& record, const std::set<std::string>& seen,
                      Comparison& sum) {
  for (const auto& [name, tensor] : record.tensors) {
    if (seen.count(name) != 0) continue;
    sum.unseen.insert(name);
    if (program.left_out.count(name) == 0) {
      throw Error(fmt::format("co-simulation: golden records {}, which has no place in memory", name));
    }
  }
  for (const auto& [name, value] : record.scalars) {
    if (program.table.count(name) == 0) {
      throw Error(fmt::format("co-simulation: golden records {}, which is no table entry", name));
    }
  }
}

/// Nothing may stand on one side alone that the program does not declare, and all that it declares must be so: else a
/// name that is misspelt would be a value that is not compared.
void require_declared(const Program& program, const StepRecord& record, const std::set<std::string>& seen) {
  const auto recorded = [&](const std::string& name) {
    return record.tensors.count(name) != 0 || record.scalars.count(name) != 0;
  };
  const auto require = [&](const std::string& name) {
    if (recorded(name) || program.own.count(name) != 0) return;
    throw Error(fmt::format("co-simulation: the accelerator has {}, which golden does not record", name));
  };
  for (const TensorPlacement& place : program.tensors) require(place.name);
  for (const auto& [name, entry] : program.table) require(name);
  for (const std::string& name : program.own) {
    if (recorded(name))
      throw Error(fmt::format("co-simulation: golden records {}, declared to be no value of it", name));
  }
  for (const std::string& name : program.left_out) {
    if (record.tensors.count(name) != 0 && seen.count(name) == 0) continue;
    throw Error(fmt::format("co-simulation: the program leaves out {}, which {}", name,
                            seen.count(name) != 0 ? "lies in memory" : "golden does not record"));
  }
}

}  // namespace

void compare_step(const Program& program, const StepRecord& record, std::span<const std::uint8_t> memory,
                  std::uint32_t batch_address, const std::string& executor, int step, Comparison& sum) {
  std::vector<const TensorPlacement*> places;
  for (const TensorPlacement& place : program.tensors) {
    if (record.tensors.count(place.name) != 0) places.push_back(&place);
  }
  std::stable_sort(places.begin(), places.end(), [](const TensorPlacement* a, const TensorPlacement* b) {
    return (a->writers.empty() ? -1 : a->writers.front()) < (b->writers.empty() ? -1 : b->writers.front());
  });
  std::set<std::string> seen;
  for (const TensorPlacement* place : places) {
    const auto base = place->in_batch ? memory.subspan(batch_address) : memory;
    compare_tensor(*place, record.tensors.at(place->name), base, executor, step, sum);
    seen.insert(place->name);
  }
  compare_table(program, record, memory, executor, step, sum);
  require_all_seen(program, record, seen, sum);
  require_declared(program, record, seen);
}

std::int64_t element_of(const Program& program, const Difference& difference, std::span<const std::uint8_t> memory,
                        std::uint32_t batch_address) {
  const TensorPlacement* place = find_tensor(program, difference.tensor);
  if (place == nullptr) return table_entry(program, difference.col, memory);  // "table entry …"
  const auto base = place->in_batch ? memory.subspan(batch_address) : memory;
  TensorPlacement row = *place;
  row.address += static_cast<std::uint32_t>(difference.row) * place->pitch;
  row.rows = 1;
  row.bytes = place->pitch;
  return decode_tensor(row, base)[static_cast<std::size_t>(difference.col)];
}

}  // namespace bitloom::cosim
