#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

/// Returns NITI's gb in an epoch (from 0): the list's last width stays when the list is over (N24.3). Golden and
/// lowering both ask this, so that they cannot mean different widths.
inline int gradient_bits_at(const UpdateRule& update, int epoch) {
  const std::size_t last = update.gradient_bits.size() - 1;
  return update.gradient_bits[std::min(static_cast<std::size_t>(epoch), last)];
}

/// How the host makes a batch (N6.5): codes within ±largest_code, and the value of one code, a power of two for NITI
/// (N24.4).
struct InputFormat {
  int largest_code = 127;
  Scale scale;
};
/// Returns the format that the layers at the network's input read, by the recipe.
InputFormat input_format(const Network& network, const Recipe& recipe, const InputScaling& scaling);

/// What stays the same in all steps of a run, for whatever executes them.
struct StepConfig {
  InputFormat input;
  int micro_batches = 1;   ///< of an optimizer step (N26)
  int samples = 0;         ///< at once: of a micro-batch
  std::uint32_t mu16 = 0;  ///< round(65536 · momentum), 0 … 65535
  int epoch = 0;           ///< of a run, the first one; chooses NITI's gb (gradient_bits_at()) and the learning rate
  double learning_rate = 0.0;  ///< of that epoch's first step
};

/// Makes the configuration of optimizer steps of `batch` samples, which the recipe cuts into micro-batches. Judges
/// network and recipe first: throws Error as training_graph() and require_batch() do, and where the parts do not divide
/// the batch.
StepConfig step_config(const Network& network, const Recipe& recipe, const Hyper& hyper, int batch);

}  // namespace bitloom
