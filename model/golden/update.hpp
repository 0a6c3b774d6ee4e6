#pragma once
#include <cstdint>
#include <vector>

#include "model/golden/state.hpp"
#include "model/golden/tools.hpp"

namespace bitloom {

/// A fixed-point tensor with its optimizer state (N9, N25): weights, a bias, gamma or beta.
struct FixedTensor {
  std::vector<std::int32_t>& master;
  std::vector<std::int32_t>& momentum;  ///< SGD
  AdamState& adam;                      ///< Adam
  int frac_bits = 0;
  std::int64_t limit = 0;
  int layer = 0;  ///< of the random words
  TensorKind kind = TensorKind::kWeight;
};

/// Returns the constants of N25.
AdamRates adam_rates(const UpdateRule& rule);

/// Makes one update with the recipe's optimizer (SGD or Adam): max |master|, and what was clamped.
RowStatistics update_fixed(const FixedTensor& tensor, const std::int32_t* gradient, std::size_t rows, std::size_t cols,
                           Scale unit, GoldenTools& tools);

/// N23.3–N23.6 of one layer, or N25.8 where the recipe's optimizer is kAdam. `limit` = qmax of the weights.
LwqStatistics update_lwq(LayerState& state, const std::int32_t* gradient, std::size_t rows, std::size_t cols,
                         Scale unit, int limit, int layer, GoldenTools& tools);

}  // namespace bitloom
