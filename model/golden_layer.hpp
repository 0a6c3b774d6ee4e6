#pragma once
#include <cstdint>
#include <vector>

#include "model/golden_step.hpp"
#include "model/network.hpp"
#include "model/numbers.hpp"
#include "model/recipe.hpp"
#include "model/state.hpp"
#include "model/step_record.hpp"

namespace bitloom {

/// Clamped values of one layer in one step, by what was written. Sums of codes (dw, db and the activation gradient)
/// cannot leave 32 bits with at most 65535 terms.
struct SaturationCounts {
  std::uint64_t x = 0;
  std::uint64_t w = 0;
  std::uint64_t d = 0;
  std::uint64_t b_acc = 0;
  std::uint64_t z = 0;
  std::uint64_t master = 0;
  std::uint64_t momentum = 0;
  std::uint64_t bias = 0;
  std::uint64_t bias_momentum = 0;

  std::uint64_t total() const { return x + w + d + b_acc + z + master + momentum + bias + bias_momentum; }
};

/// Everything of one layer within a step. Raw views are int32, codes int8.
struct GoldenLayer {
  GoldenLayer(const LinearLayer& the_facts, int the_bits);

  /// Sizes the tensors for a batch and clears the counts. The first layer's x is the batch itself.
  void begin(std::size_t samples, bool own_x);

  LinearLayer facts;
  int bits;
  int q;                            ///< largest code
  std::vector<std::int8_t> x;       ///< [M][in]
  std::vector<std::int8_t> w;       ///< [in][out]
  std::vector<std::int8_t> d;       ///< [M][out]
  std::vector<std::int32_t> b_acc;  ///< [out]; 0 without a bias
  std::vector<std::int32_t> z;      ///< [M][out], raw view of the output after its ReLU
  std::vector<std::int32_t> g;      ///< [M][out], raw view of the gradient before its quantization
  std::vector<std::int32_t> dw;     ///< [in][out]
  std::vector<std::int32_t> db;     ///< [out]
  std::int32_t zmax = 0;
  std::int32_t gmax = 0;
  Scale sx, sw, sd, s_acc, ratio_b;
  Scale sx_next, sd_next;  ///< what N2.4 gave for this step's maxima
  SaturationCounts counts;
};

/// Sums over a step.
struct GoldenTotals {
  std::uint32_t loss = 0;
  std::uint32_t correct = 0;
  std::uint64_t scale_saturated = 0;  ///< N2.1
};

/// Fills `record` after a step; `state` is the updated one.
void record_step(const std::vector<GoldenLayer>& layers, const Batch& batch, const TrainState& state,
                 const Recipe& recipe, const GoldenTotals& totals, StepRecord& record);

}  // namespace bitloom
