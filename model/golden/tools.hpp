#pragma once
#include <cstdint>
#include <vector>

#include "model/golden/step.hpp"
#include "model/network/recipe.hpp"
#include "model/numerics/gradient_buffer.hpp"
#include "model/rows/conv.hpp"
#include "model/rows/gemm.hpp"
#include "model/rows/tensor_codes.hpp"
#include "model/rows/tensor_ops.hpp"
#include "model/rows/xnor.hpp"

namespace bitloom {

class GoldenOptimizer;

/// A raw view [rows][cols] with its unit and its largest magnitude (N14.5).
struct RawTensor {
  std::vector<std::int32_t> data;
  std::size_t rows = 0;
  std::size_t cols = 0;
  Scale unit;
  std::int32_t max = 0;
  int bits = 32;  ///< in memory (N5.5)
  /// The values themselves, where `data` holds some of them clamped and codes are made at once (N6.3); else empty.
  std::vector<std::int64_t> exact;

  void resize(std::size_t new_rows, std::size_t new_cols) {
    rows = new_rows;
    cols = new_cols;
    data.resize(rows * cols);
    bits = 32;
  }
  std::uint32_t magnitude() const { return static_cast<std::uint32_t>(max); }
};

/// A raw gradient [rows][cols] in `unit`, which lies elsewhere.
struct GradientView {
  const std::int32_t* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  Scale unit;

  std::size_t size() const { return rows * cols; }
};

/// What a step adds up over all layers.
struct GoldenTotals {
  std::uint32_t loss = 0;             ///< N7.4, over the samples
  std::uint32_t correct = 0;          ///< samples
  std::uint64_t scale_saturated = 0;  ///< N2.1
};

/// What the parts of a step share: the kernels that they call, and the facts of the step at work.
struct GoldenTools {
  GoldenTools(const Recipe& the_recipe, int threads);

  Recipe recipe;
  const GoldenOptimizer& optimizer;  ///< the recipe's
  Gemm gemm;
  Convolution conv;
  XnorConvolution xnor;
  TensorCodes tensors;            ///< codes, raw views of layers, SGD
  TensorOps ops;                  ///< all other loops over tensors
  std::vector<std::int32_t> acc;  ///< sums that become a raw view

  StepContext context;
  MicroBatch micro_batch;  ///< N26.5
  std::size_t samples = 0;
  bool exact_scales = false;  ///< no hindsight: calibration, or an evaluation before it
  bool training = true;       ///< norms use the batch's statistics
  Real rate;                  ///< that GoldenOptimizer::begin() makes for all tensors (N25.7)
  GoldenTotals totals;

  bool accumulates() const { return recipe.update.micro_batches > 0; }
  bool hindsight(const ViewRule& rule) const { return !exact_scales && rule.scale == ScaleRule::kHindsight; }
  Stream stream(int layer, TensorKind kind, RandomUse use, std::uint32_t sample = 0) const {
    return make_stream(context.seed64, context.step, tensor_id(layer, kind), use, sample);
  }
  /// Returns the unit that a raw view gets, from what its own rule says (GoldenStore::unit()).
  Scale unit(Scale of) const;
  /// Makes a view of 16 bits (N5.5), and its unit, of values in the tensor's unit; then 0 below 0 where `relu`. Returns
  /// the saturations.
  std::uint64_t narrow(RawTensor& of, int shift, bool relu = false);
};

}  // namespace bitloom
