#pragma once
#include "kernels/program.hpp"

namespace bitloom {

/// Gives tensors their memory, one behind the other in the order of their making: first what lives across steps
/// (close_state() ends it), then what a step makes. Nothing is reused within a step, so all can be read at its end.
class Layout {
 public:
  explicit Layout(Program& program) : program_(program) {}

  /// Adds a tensor of [rows][cols] elements and returns its index in Program::tensors. Throws Error at 4 GiB
  /// and above.
  int add(const TensorName& name, int bits, std::int64_t rows, std::int64_t cols, Coding coding = Coding::kSigned);
  /// Does the same in the batch block.
  int add_to_batch(const TensorName& name, int bits, std::int64_t rows, std::int64_t cols);
  /// Does the same, or, where a tensor of the block holds the same elements at the same bits, another view of that one.
  int share_in_batch(const TensorName& name, int bits, std::int64_t rows, std::int64_t cols);
  /// Gives a tensor another name, whose values both are.
  int alias(int tensor, const TensorName& name);
  /// Does the same for one of its rows.
  int alias_row(int tensor, int row, const TensorName& name);
  void close_state();
  /// Adds the batch slots and, last, as its length is its own, the program behind the tensors; throws Error when the
  /// hardware's DRAM is too small.
  void place_program(int batch_slots);

 private:
  TensorPlacement named(const TensorName& name) const;
  int place(TensorPlacement tensor, std::int64_t rows, std::int64_t cols, std::int64_t& next);

  Program& program_;
  std::int64_t next_ = 0;
  std::int64_t batch_next_ = 0;
  bool in_state_ = true;
};

}  // namespace bitloom
