#pragma once
#include <string>
#include <vector>

#include "kernels/program.hpp"
#include "kernels/tiling.hpp"

namespace bitloom {

/// What the phases of a lowering share.
struct StepPlan {
  std::string network;
  Hardware hardware;
  Recipe recipe;
  std::vector<LinearLayer> chain;
  std::vector<int> bits;  ///< of each layer's codes
  int batch = 0;

  int layers() const { return static_cast<int>(chain.size()); }
  const LinearLayer& layer(int l) const { return chain.at(static_cast<std::size_t>(l)); }
  int layer_bits(int l) const { return bits.at(static_cast<std::size_t>(l)); }
  bool exact_x() const { return recipe.activation.scale == ScaleRule::kExact; }
  bool exact_d() const { return recipe.gradient.scale == ScaleRule::kExact; }
  /// `<layer>.<what>`
  std::string name(int l, const std::string& what) const { return layer(l).name + "." + what; }
  /// Tiles of a [rows][cols] result of the array; `gemm` names it in an Error.
  TileGrid grid(int l, const std::string& gemm, int rows, int cols) const;
  TilingContext context(int l, const std::string& gemm) const;
};

/// Gives every tensor of a step its own memory (nothing is reused within a step, so all can be read at its end): the
/// state region from 0, then the tensors. Fills Program::tensors (without the program itself), state_begin, state_end,
/// table_address, batch_bytes and total_bytes up to here.
void place_tensors(const StepPlan& plan, Program& program);

/// Adds the program and the batch slots behind the tensors; throws Error when the hardware's DRAM is too small.
void place_program(const StepPlan& plan, int batch_slots, Program& program);

}  // namespace bitloom
