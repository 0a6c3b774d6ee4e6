#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/numerics/linear.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/random.hpp"
#include "model/rows/kernels.hpp"

namespace bitloom {

/// Makes codes and raw views of layers and updates by SGD, whole tensors at a time: row by row through the kernels,
/// rows shared out to threads. tensor_ops.hpp has all else that is done to tensors. Counts add and maxima combine in
/// any order, so the result does not depend on the threads.
class TensorCodes {
 public:
  explicit TensorCodes(int threads) : kernels_(kernels(active_isa())), threads_(threads) {}

  /// Makes codes [rows][cols] of a raw view (N3). `stream` is read by stochastic rounding only. Returns the clamped
  /// values.
  std::uint64_t quantize(const std::int32_t* raw, std::size_t rows, std::size_t cols, Scale ratio, Rounding rounding,
                         const Stream& stream, int limit, std::int8_t* codes) const;

  /// Makes the raw view of acc + bias, behind a ReLU where asked for (N5.1, N5.2). Returns its maximum and its
  /// saturations.
  RowStatistics activate(const std::int32_t* acc, const std::int32_t* bias, std::size_t rows, std::size_t cols,
                         bool relu, std::int32_t* raw) const;

  /// Zeroes g behind the mask of `output`, the raw view of a layer with ReLU, or null (N5.3). Returns max |g|.
  std::int32_t mask_and_max(std::int32_t* g, const std::int32_t* output, std::size_t rows, std::size_t cols) const;

  /// Updates momentum and master (N9). With `stochastic`, words of the two streams.
  RowStatistics update(std::int32_t* master, std::int32_t* momentum, const std::int32_t* gradient, std::size_t rows,
                       std::size_t cols, const UpdateRow& rule, bool stochastic, const Stream& momentum_stream,
                       const Stream& master_stream) const;

  /// Makes the column sums of codes, sums[cols] (N5.4).
  void column_sums(const std::int8_t* codes, std::size_t rows, std::size_t cols, std::int32_t* sums) const;

 private:
  template <class RowWork>
  RowStatistics over_rows(std::size_t rows, std::size_t cols, const RowWork& work) const;

  const Kernels& kernels_;
  int threads_;
};

}  // namespace bitloom
