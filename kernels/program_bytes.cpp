#include "kernels/program_bytes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

/// Finds tensors by their addresses. Of those that are views of one memory it knows the first.
class Places {
 public:
  explicit Places(const Program& program) {
    for (const TensorPlacement& tensor : program.tensors) {
      std::vector<const TensorPlacement*>& of = tensor.in_batch ? batch_ : base_;
      if (tensor.bytes > 0) of.push_back(&tensor);
    }
    for (std::vector<const TensorPlacement*>* each : {&base_, &batch_}) keep_first(*each);
  }

  /// Returns the tensor that a byte belongs to; nullptr where it is none's.
  const TensorPlacement* find(std::uint64_t address, bool in_batch) const {
    const std::vector<const TensorPlacement*>& of = in_batch ? batch_ : base_;
    const auto behind = std::upper_bound(of.begin(), of.end(), address,
                                         [](std::uint64_t at, const auto* tensor) { return at < tensor->address; });
    if (behind == of.begin()) return nullptr;
    const TensorPlacement* tensor = *std::prev(behind);
    return address - tensor->address < tensor->bytes ? tensor : nullptr;
  }
  const std::vector<const TensorPlacement*>& of_base() const { return base_; }
  const std::vector<const TensorPlacement*>& of_batch() const { return batch_; }

 private:
  static void keep_first(std::vector<const TensorPlacement*>& of) {
    std::stable_sort(of.begin(), of.end(), [](const auto* a, const auto* b) { return a->address < b->address; });
    std::vector<const TensorPlacement*> kept;
    for (const TensorPlacement* each : of) {
      if (kept.empty() || each->address - kept.back()->address >= kept.back()->bytes) kept.push_back(each);
    }
    of = std::move(kept);
  }

  std::vector<const TensorPlacement*> base_, batch_;
};

}  // namespace

std::vector<MemoryKind> transfer_kinds(const Program& program) {
  const Places places(program);
  std::vector<MemoryKind> kinds(program.commands.size(), MemoryKind::kOther);
  for (std::size_t position = 0; position < kinds.size(); ++position) {
    const Command& command = program.commands[position];
    if (command.opcode() != Opcode::LOAD && command.opcode() != Opcode::STORE) continue;
    const TensorPlacement* tensor = places.find(command.address(), command.get(Field::BATCH_BASE) != 0);
    if (tensor == nullptr)
      throw Error(fmt::format("command {}: address {} lies in no tensor", position, command.address()));
    kinds[position] = tensor->kind;
  }
  return kinds;
}

KindBytes reserved_bytes(const Program& program) {
  const Places places(program);
  KindBytes sum;
  for (const TensorPlacement* each : places.of_base()) sum[each->kind] += each->bytes;
  for (const TensorPlacement* each : places.of_batch()) {
    sum[each->kind] += std::uint64_t{each->bytes} * static_cast<std::uint64_t>(program.batch_slots);
  }
  sum[MemoryKind::kOther] += program.total_bytes - sum.total();
  return sum;
}

}  // namespace bitloom
