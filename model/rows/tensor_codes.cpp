#include "model/rows/tensor_codes.hpp"

#include "model/rows/row_random.hpp"

namespace bitloom {
namespace {

constexpr std::size_t kElementsWorthAThread = 1024;

void merge(RowStatistics& total, const RowStatistics& part) {
  total.max = std::max(total.max, part.max);
  total.saturated += part.saturated;
  total.momentum_saturated += part.momentum_saturated;
}

/// Calls work(row, rows, first element, elements) for runs of rows from … to - 1.
template <class Work>
void in_runs(std::size_t from, std::size_t to, std::size_t cols, const Work& work) {
  for (std::size_t row = from; row < to; row += rows_at_once(cols)) {
    const std::size_t rows = std::min(rows_at_once(cols), to - row);
    work(row, rows, row * cols, rows * cols);
  }
}

}  // namespace

/// Calls work(first row, end, statistics) for contiguous parts of the rows, one part a thread, each worth its thread.
template <class RowWork>
RowStatistics TensorCodes::over_rows(std::size_t rows, std::size_t cols, const RowWork& work) const {
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

std::uint64_t TensorCodes::quantize(const std::int32_t* raw, std::size_t rows, std::size_t cols, Scale ratio,
                                    Rounding rounding, const Stream& stream, int limit, std::int8_t* codes) const {
  const RequantizeRule rule{ratio.m, ratio.s, static_cast<int>(rounding), limit};
  const bool stochastic = rounding == Rounding::kStochastic;
  const auto work = [&](std::size_t from, std::size_t to, RowStatistics& statistics) {
    RandomRows random(kernels_, cols, 8);
    in_runs(from, to, cols, [&](std::size_t row, std::size_t some, std::size_t at, std::size_t count) {
      const std::uint8_t* words = stochastic ? random.draw<std::uint8_t>(stream, row, some) : nullptr;
      statistics.saturated += kernels_.requantize_row(raw + at, count, rule, words, codes + at);
    });
  };
  return over_rows(rows, cols, work).saturated;
}

RowStatistics TensorCodes::activate(const std::int32_t* acc, const std::int32_t* bias, std::size_t rows,
                                    std::size_t cols, bool relu, std::int32_t* raw) const {
  std::vector<std::int32_t> biases;  // of a run
  for (std::size_t i = 0; i < rows_at_once(cols); ++i) biases.insert(biases.end(), bias, bias + cols);
  return over_rows(rows, cols, [&](std::size_t from, std::size_t to, RowStatistics& statistics) {
    in_runs(from, to, cols, [&](std::size_t, std::size_t, std::size_t at, std::size_t count) {
      kernels_.activate_row(acc + at, biases.data(), count, relu, raw + at, statistics);
    });
  });
}

std::int32_t TensorCodes::mask_and_max(std::int32_t* g, const std::int32_t* output, std::size_t rows,
                                       std::size_t cols) const {
  const auto work = [&](std::size_t from, std::size_t to, RowStatistics& statistics) {
    in_runs(from, to, cols, [&](std::size_t, std::size_t, std::size_t at, std::size_t count) {
      if (output != nullptr) kernels_.mask_row(g + at, output + at, count);
      statistics.max = std::max(statistics.max, kernels_.max_row(g + at, count));
    });
  };
  return over_rows(rows, cols, work).max;
}

RowStatistics TensorCodes::update(std::int32_t* master, std::int32_t* momentum, const std::int32_t* gradient,
                                  std::size_t rows, std::size_t cols, const UpdateRow& rule, bool stochastic,
                                  const Stream& momentum_stream, const Stream& master_stream) const {
  return over_rows(rows, cols, [&](std::size_t from, std::size_t to, RowStatistics& statistics) {
    RandomRows of_momentum(kernels_, cols, 16);
    RandomRows of_master(kernels_, cols, 16);
    in_runs(from, to, cols, [&](std::size_t row, std::size_t some, std::size_t at, std::size_t count) {
      const auto* u = stochastic ? of_momentum.draw<RandomField16>(momentum_stream, row, some) : nullptr;
      const auto* v = stochastic ? of_master.draw<RandomField16>(master_stream, row, some) : nullptr;
      kernels_.update_row(master + at, momentum + at, gradient + at, count, rule, u, v, statistics);
    });
  });
}

void TensorCodes::column_sums(const std::int8_t* codes, std::size_t rows, std::size_t cols, std::int32_t* sums) const {
  std::vector<std::int32_t> of_run(rows_at_once(cols) * cols);
  in_runs(0, rows, cols, [&](std::size_t, std::size_t, std::size_t at, std::size_t count) {
    kernels_.add_row(codes + at, count, of_run.data());
  });
  std::fill(sums, sums + cols, 0);
  for (std::size_t i = 0; i < of_run.size(); ++i) sums[i % cols] += of_run[i];
}

}  // namespace bitloom
