#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bitloom {

/// A tensor of a recorded step. `bits` is the width of its container in memory: 1 (mask), 4, 8, 16 or 32.
struct NamedTensor {
  int rows = 0;
  int cols = 0;
  int bits = 32;
  std::vector<std::int32_t> values;  ///< [rows][cols], the canonical view (N4.4)
};

/// Every tensor and scalar of one training step, by the name `<layer>.<what>`.
///
/// Tensors: x (codes of the layer's input), w (codes, [in][out]), b_acc, z_raw (raw view of the layer's output, after
/// its ReLU), mask (layers with ReLU), d (codes of the gradient of the layer's output before its ReLU), d_raw (raw view
/// of the same), dw, db, and after the update master, momentum, bias, bias_momentum. Layers without a bias have no
/// b_acc, db, bias and bias_momentum.
///
/// Scalars: scales as words (N2.1) sx sw sd s_acc ratio_b, sx_next and sd_next (hindsight only; after the step); maxima
/// zmax (of |z_raw|), dmax (of |d_raw|), wmax (of |master| after the update); saturation counts xsat (making x; absent
/// for the first layer, whose codes come from the host) wsat dsat zsat d_rawsat dwsat dbsat b_accsat msat vsat bsat
/// bvsat; and without a layer: loss (N7.4), correct, scale_sat (N2.1).
struct StepRecord {
  std::map<std::string, NamedTensor> tensors;
  std::map<std::string, std::uint32_t> scalars;
};

/// Writes each tensor as `<folder>/<name>.npy` (the narrowest of int8, int16, int32 that holds its container) and the
/// scalars as `<folder>/scalars.json`. Throws Error.
void write_step_record(const StepRecord& record, const std::string& folder);

}  // namespace bitloom
