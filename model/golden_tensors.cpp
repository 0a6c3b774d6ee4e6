#include "model/golden_tensors.hpp"

#include "model/row_random.hpp"

namespace bitloom {
namespace {

constexpr std::size_t kElementsWorthAThread = 1024;

void merge(RowStatistics& total, const RowStatistics& part) {
  total.max = std::max(total.max, part.max);
  total.saturated += part.saturated;
  total.momentum_saturated += part.momentum_saturated;
}

}  // namespace

/// Calls work(first row, end, statistics) for contiguous parts of the rows, one part a thread, each worth its thread.
template <class RowWork>
RowStatistics TensorOperations::over_rows(std::size_t rows, std::size_t cols, const RowWork& work) const {
  RowStatistics total;
  const std::size_t worth = 1 + rows * cols / kElementsWorthAThread;
  const int parts = static_cast<int>(std::min({static_cast<std::size_t>(threads_), rows, worth}));
  if (parts <= 1) {
    work(std::size_t{0}, rows, total);
    return total;
  }
  std::vector<RowStatistics> statistics(static_cast<std::size_t>(parts));
#pragma omp parallel for num_threads(parts) schedule(static)
  for (int part = 0; part < parts; ++part) {
    const auto p = static_cast<std::size_t>(part);
    const auto n = static_cast<std::size_t>(parts);
    work(rows * p / n, rows * (p + 1) / n, statistics[p]);
  }
  for (const RowStatistics& part : statistics) merge(total, part);
  return total;
}

std::uint64_t TensorOperations::quantize(const std::int32_t* raw, std::size_t rows, std::size_t cols, Scale ratio,
                                         Rounding rounding, const Stream& stream, int limit, std::int8_t* codes) const {
  const RequantizeRule rule{ratio.m, ratio.s, static_cast<int>(rounding), limit};
  const bool stochastic = rounding == Rounding::kStochastic;
  const auto work = [&](std::size_t from, std::size_t to, RowStatistics& statistics) {
    RandomRow random(kernels_, stochastic ? cols : 0, 8);
    for (std::size_t row = from; row < to; ++row) {
      const std::uint8_t* words = stochastic ? random.draw<std::uint8_t>(stream, row) : nullptr;
      statistics.saturated += kernels_.requantize_row(raw + row * cols, cols, rule, words, codes + row * cols);
    }
  };
  return over_rows(rows, cols, work).saturated;
}

RowStatistics TensorOperations::activate(const std::int32_t* acc, const std::int32_t* bias, std::size_t rows,
                                         std::size_t cols, bool relu, std::int32_t* raw) const {
  return over_rows(rows, cols, [&](std::size_t from, std::size_t to, RowStatistics& statistics) {
    for (std::size_t row = from; row < to; ++row) {
      kernels_.activate_row(acc + row * cols, bias, cols, relu, raw + row * cols, statistics);
    }
  });
}

std::int32_t TensorOperations::mask_and_max(std::int32_t* g, const std::int32_t* output, std::size_t rows,
                                            std::size_t cols) const {
  const auto work = [&](std::size_t from, std::size_t to, RowStatistics& statistics) {
    for (std::size_t row = from; row < to; ++row) {
      if (output != nullptr) kernels_.mask_row(g + row * cols, output + row * cols, cols);
      statistics.max = std::max(statistics.max, kernels_.max_row(g + row * cols, cols));
    }
  };
  return over_rows(rows, cols, work).max;
}

RowStatistics TensorOperations::update(std::int32_t* master, std::int32_t* momentum, const std::int32_t* gradient,
                                       std::size_t rows, std::size_t cols, const UpdateRow& rule, bool stochastic,
                                       const Stream& momentum_stream, const Stream& master_stream) const {
  return over_rows(rows, cols, [&](std::size_t from, std::size_t to, RowStatistics& statistics) {
    RandomRow of_momentum(kernels_, stochastic ? cols : 0, 16);
    RandomRow of_master(kernels_, stochastic ? cols : 0, 16);
    for (std::size_t row = from; row < to; ++row) {
      const std::size_t at = row * cols;
      const auto* u = stochastic ? of_momentum.draw<RandomField16>(momentum_stream, row) : nullptr;
      const auto* v = stochastic ? of_master.draw<RandomField16>(master_stream, row) : nullptr;
      kernels_.update_row(master + at, momentum + at, gradient + at, cols, rule, u, v, statistics);
    }
  });
}

void TensorOperations::column_sums(const std::int8_t* codes, std::size_t rows, std::size_t cols,
                                   std::int32_t* sums) const {
  std::fill(sums, sums + cols, 0);
  for (std::size_t row = 0; row < rows; ++row) kernels_.add_row(codes + row * cols, cols, sums);
}

}  // namespace bitloom
