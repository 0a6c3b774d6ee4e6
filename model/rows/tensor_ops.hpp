#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/numerics/group_code.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/random.hpp"
#include "model/numerics/real.hpp"
#include "model/rows/kernels.hpp"

namespace bitloom {

// Loops over whole tensors [rows][cols] that call the element functions (N12, N13, N19, N21–N25), with rows shared out
// to threads. Sums are exact and maxima order-free, so no result depends on the threads.

/// A value that is one for the tensor, one for each column, or one for each block of rows (a sample).
struct PerAxis {
  enum class Axis { kTensor, kColumn, kRows };
  std::span<const Real> values;
  Axis axis = Axis::kTensor;
  std::size_t rows = 1;  ///< rows of a block of kRows

  Real at(std::size_t row, std::size_t col) const {
    if (axis == Axis::kTensor) return values[0];
    return axis == Axis::kColumn ? values[col] : values[row / rows];
  }
};

/// Second operand of affine(): element (row mod period, col div share) of a tensor with `cols` columns.
struct AffineOperand {
  const std::int32_t* data = nullptr;  ///< none: 0
  std::size_t period = 0;              ///< 0: every row has its own
  std::size_t cols = 0;
  std::size_t share = 1;

  std::int32_t at(std::size_t row, std::size_t col) const {
    return data == nullptr ? 0 : data[(period == 0 ? row : row % period) * cols + col / share];
  }
};

/// Sums of a tensor by column, or as one value (N13.2).
struct TensorSums {
  std::vector<std::int64_t> first;   ///< Σt, or Σe
  std::vector<std::int64_t> second;  ///< Σt², or Σe·t
};

/// Σ|t| and Σt² of a tensor (N18).
struct MagnitudeSums {
  std::int64_t absolute = 0;
  std::int64_t square = 0;
};

/// The smallest and the largest value of a group (N21.1).
struct Extremes {
  std::int32_t lo = 0;
  std::int32_t hi = 0;
};

/// Does what is done to whole tensors, but for what tensor_codes.hpp has.
class TensorOps {
 public:
  explicit TensorOps(int threads) : kernels_(kernels(active_isa())), threads_(threads) {}

  /// Computes out = u·a + v·b + c (N12), then 0 below 0 where `relu`. Returns max |out| and the saturations. c is
  /// empty, one value, or one a column.
  RowStatistics affine(const std::int32_t* u, const PerAxis& a, const AffineOperand& v, const PerAxis& b,
                       std::span<const std::int32_t> c, std::size_t rows, std::size_t cols, bool relu,
                       std::int32_t* out) const;

  /// Returns Σt and Σt² by column (N13.2).
  TensorSums sums(const std::int32_t* u, int shift, std::size_t rows, std::size_t cols) const;
  /// Returns Σe and Σe·t by column (N13.2).
  TensorSums product_sums(const std::int32_t* e, int e_shift, const std::int32_t* t, int t_shift, std::size_t rows,
                          std::size_t cols) const;
  /// Returns Σ|t| and Σt² of a tensor (N13.2).
  MagnitudeSums magnitude_sums(const std::int32_t* u, int shift, std::size_t count) const;

  /// Makes sign codes and, where `mask` is not null, the mask of their window (N22.1).
  void sign(const std::int32_t* u, std::size_t count, std::int32_t window, std::int8_t* codes,
            std::uint8_t* mask) const;
  /// Makes round-clip codes and mask likewise (N22.2). `lowest` is −levels or 0; then the window is that of an
  /// activation.
  void clip(const std::int32_t* u, std::size_t count, Real ratio, int lowest, int levels, std::int32_t window,
            std::int8_t* codes, std::uint8_t* mask) const;
  /// Makes codes clamped to 0 … limit (N3, N18); stochastic rounding draws from the stream. Returns the saturations.
  std::uint64_t quantize_unsigned(const std::int32_t* u, std::size_t rows, std::size_t cols, Scale ratio,
                                  Rounding rounding, const Stream& stream, int limit, std::int8_t* codes) const;
  /// Makes NITI's codes (N24.1). Returns the saturations.
  std::uint64_t niti(const std::int32_t* u, std::size_t count, int shift, int bits, std::int8_t* codes) const;
  /// Makes logarithmic codes as values ±2^(e−1) or 0 (N19). Returns the saturations.
  std::uint64_t log(const std::int32_t* g, std::size_t rows, std::size_t cols, std::uint32_t top, int binades,
                    Rounding rounding, const Stream& stream, std::int8_t* values) const;

  /// Returns the smallest and largest value of each block of `rows_of_group` rows, or of each column (rows_of_group =
  /// 0).
  std::vector<Extremes> extremes(const std::int32_t* g, std::size_t rows, std::size_t cols,
                                 std::size_t rows_of_group) const;
  /// Makes group codes with the groups of extremes(), each from its lo on (N21.1).
  void group(const std::int32_t* g, std::size_t rows, std::size_t cols, std::size_t rows_of_group,
             const std::vector<Extremes>& of, const std::vector<Real>& ratios, int bits, const Stream& stream,
             std::int8_t* codes) const;

  /// Makes x a raw view of 16 bits (N5.5), then 0 below 0 where `relu`. Returns max |x| and the saturations.
  RowStatistics narrow(std::int32_t* x, std::size_t count, int shift, bool relu) const;
  /// Zeroes g where the mask is 0. Returns max |g|.
  std::int32_t apply_mask(std::int32_t* g, const std::uint8_t* mask, std::size_t count) const;
  /// Returns max |x|, and 0 of no elements.
  std::int32_t max_of(const std::int32_t* x, std::size_t count) const;

  /// Moves the codes q by the gradient, shifted by `shift` to `bits` bits, and returns how many were clamped (N24.3).
  std::uint64_t niti_update(std::int8_t* q, const std::int32_t* dw, std::size_t count, int shift, int bits) const;

 private:
  template <class Work>
  void over_rows(std::size_t rows, std::size_t cols, const Work& work) const;

  const Kernels& kernels_;
  int threads_;
};

}  // namespace bitloom
