#include "model/rows/pool.hpp"

#include <algorithm>
#include <string>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

constexpr std::int64_t kLimit = (std::int64_t{1} << 31) - 1;

std::size_t size(int value) { return static_cast<std::size_t>(value); }

void check_shape(const PoolShape& s, bool maximum) {
  const bool positive = s.n > 0 && s.height > 0 && s.width > 0 && s.channels > 0 && s.kernel.rows > 0 &&
                        s.kernel.cols > 0 && s.stride.rows > 0 && s.stride.cols > 0;
  if (!positive) throw Error("pooling: expected positive sizes");
  const auto padding = [](int pad, int taps) { return pad >= 0 && pad < taps; };
  if (!padding(s.padding.rows, s.kernel.rows) || !padding(s.padding.cols, s.kernel.cols)) {
    throw Error("pooling: expected a padding from 0 to less than the window");
  }
  if (s.height + 2 * s.padding.rows < s.kernel.rows || s.width + 2 * s.padding.cols < s.kernel.cols) {
    throw Error("pooling: expected a window that fits the padded image");
  }
  const int most = largest_window(maximum);
  if (s.kernel.rows * s.kernel.cols > most) {
    throw Error("pooling: expected a window of at most " + std::to_string(most) + " taps");
  }
}

/// Calls visit(input element, output element, tap) for channel 0 of every tap inside the image, of samples from … to -
/// 1: windows in order, the taps of each in order.
template <class Visit>
void for_taps(const PoolShape& s, int from, int to, const Visit& visit) {
  std::size_t out = size(from) * size(s.out_rows()) * size(s.out_cols()) * size(s.channels);
  for (int n = from; n < to; ++n) {
    for (int y = 0; y < s.out_rows(); ++y) {
      for (int x = 0; x < s.out_cols(); ++x, out += size(s.channels)) {
        for (int tap = 0; tap < s.kernel.rows * s.kernel.cols; ++tap) {
          const int in_y = y * s.stride.rows - s.padding.rows + tap / s.kernel.cols;
          const int in_x = x * s.stride.cols - s.padding.cols + tap % s.kernel.cols;
          if (in_y < 0 || in_y >= s.height || in_x < 0 || in_x >= s.width) continue;
          visit(((size(n) * size(s.height) + size(in_y)) * size(s.width) + size(in_x)) * size(s.channels), out, tap);
        }
      }
    }
  }
}

/// Returns the number of a sample's elements behind the pooling.
std::size_t out_size(const PoolShape& s) { return size(s.out_rows()) * size(s.out_cols()) * size(s.channels); }
std::size_t in_size(const PoolShape& s) { return size(s.height) * size(s.width) * size(s.channels); }

/// The taps of a window along one side that lie inside the image.
struct Side {
  int first, count;
  Side(int start, int taps, int extent) : first(std::max(0, -start)), count(std::min(taps, extent - start) - first) {}
};

/// Calls visit(taps, numbers of the taps, input element, output element) for runs of output pixels of a line that have
/// the same taps inside the image. Offsets count from the input element, which belongs to the first of the taps.
template <class Visit>
void for_runs(const PoolShape& s, int from, int to, const Visit& visit) {
  const auto column = [&s](int x) { return Side(x * s.stride.cols - s.padding.cols, s.kernel.cols, s.width); };
  std::vector<std::size_t> offsets;
  std::vector<std::uint8_t> ids;
  for (int line = from * s.out_rows(); line < to * s.out_rows(); ++line) {
    const int top = line % s.out_rows() * s.stride.rows - s.padding.rows;
    const Side rows(top, s.kernel.rows, s.height);
    for (int x = 0, end = 0; x < s.out_cols(); x = end) {
      const Side cols = column(x);
      const auto same = [&](int other) {
        return column(other).first == cols.first && column(other).count == cols.count;
      };
      for (end = x + 1; end < s.out_cols() && same(end);) ++end;
      offsets.clear();
      ids.clear();
      for (int tap = 0; tap < rows.count * cols.count; ++tap) {
        const int ky = tap / cols.count, kx = tap % cols.count;
        offsets.push_back(size(ky * s.width + kx) * size(s.channels));
        ids.push_back(static_cast<std::uint8_t>((ky + rows.first) * s.kernel.cols + kx + cols.first));
      }
      const int left = x * s.stride.cols - s.padding.cols + cols.first;
      const std::size_t pixel = size(line / s.out_rows() * s.height + top + rows.first) * size(s.width) + size(left);
      visit(TapLines{size(end - x), size(s.stride.cols * s.channels), offsets.data(), offsets.size(), size(s.channels),
                     0},
            ids.data(), pixel * size(s.channels), (size(line) * size(s.out_cols()) + size(x)) * size(s.channels));
    }
  }
}

/// Writes 64-bit sums as raw views.
void write_raw(const std::vector<std::int64_t>& sums, std::int32_t* raw, RowStatistics& statistics) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::int64_t value = std::clamp(sums[i], -kLimit, kLimit);
    statistics.saturated += value != sums[i];
    raw[i] = static_cast<std::int32_t>(value);
    statistics.max = std::max(statistics.max, std::abs(raw[i]));
  }
}

}  // namespace

PoolShape pool_shape(const PoolAttributes& a, int n, int height, int width, int channels) {
  return {n, height, width, channels, a.kernel, a.stride, a.padding};
}

template <class Work>
RowStatistics Pooling::over_samples(const PoolShape& s, bool maximum, const Work& work) const {
  check_shape(s, maximum);
  const int parts = std::min(threads_, s.n);
  std::vector<RowStatistics> statistics(size(parts));
#pragma omp parallel for num_threads(parts) schedule(static) if (parts > 1)
  for (int part = 0; part < parts; ++part) {
    work(static_cast<int>(std::int64_t{s.n} * part / parts), static_cast<int>(std::int64_t{s.n} * (part + 1) / parts),
         statistics[size(part)]);
  }
  RowStatistics total;
  for (const RowStatistics& part : statistics) {
    total.max = std::max(total.max, part.max);
    total.saturated += part.saturated;
  }
  return total;
}

RowStatistics Pooling::max_forward(const PoolShape& s, const std::int32_t* x, std::int32_t* y,
                                   std::uint8_t* winners) const {
  const Kernels& kernel = kernels(active_isa());
  return over_samples(s, true, [&](int from, int to, RowStatistics& statistics) {
    for_runs(s, from, to, [&](const TapLines& taps, const std::uint8_t* ids, std::size_t in, std::size_t out) {
      kernel.max_pool_line(x + in, taps, ids, y + out, winners + out);
    });
    const std::size_t sample = out_size(s);
    statistics.max = kernel.max_row(y + size(from) * sample, size(to - from) * sample);
  });
}

RowStatistics Pooling::max_backward(const PoolShape& s, const std::int32_t* dy, const std::uint8_t* winners,
                                    std::int32_t* g) const {
  const Kernels& kernel = kernels(active_isa());
  const bool overlap = s.stride.rows < s.kernel.rows || s.stride.cols < s.kernel.cols;
  const bool covered = s.padding.rows == 0 && s.padding.cols == 0 && s.out_rows() * s.kernel.rows == s.height &&
                       s.out_cols() * s.kernel.cols == s.width;
  return over_samples(s, true, [&](int from, int to, RowStatistics& statistics) {
    const std::size_t sample = in_size(s);
    if (!overlap) {
      if (!covered) std::fill(g + size(from) * sample, g + size(to) * sample, 0);
      for_runs(s, from, to, [&](const TapLines& taps, const std::uint8_t* ids, std::size_t in, std::size_t out) {
        kernel.max_pool_line_back(dy + out, winners + out, taps, ids, g + in);
      });
      statistics.max = kernel.max_row(dy + size(from) * out_size(s), size(to - from) * out_size(s));
      return;
    }
    std::vector<std::int64_t> sums(size(to - from) * sample);
    for_taps(s, from, to, [&](std::size_t in, std::size_t out, int tap) {
      for (std::size_t c = 0; c < size(s.channels); ++c) {
        if (winners[out + c] == tap) sums[in + c - size(from) * sample] += dy[out + c];
      }
    });
    write_raw(sums, g + size(from) * sample, statistics);
  });
}

RowStatistics Pooling::average_forward(const PoolShape& s, const std::int32_t* x, std::int32_t* y) const {
  return over_samples(s, false, [&](int from, int to, RowStatistics& statistics) {
    const std::size_t sample = out_size(s);
    std::vector<std::int64_t> sums(size(to - from) * sample);
    for_taps(s, from, to, [&](std::size_t in, std::size_t out, int) {
      for (std::size_t c = 0; c < size(s.channels); ++c) sums[out + c - size(from) * sample] += x[in + c];
    });
    write_raw(sums, y + size(from) * sample, statistics);
  });
}

RowStatistics Pooling::average_backward(const PoolShape& s, const std::int32_t* dy, std::int32_t* g) const {
  return over_samples(s, false, [&](int from, int to, RowStatistics& statistics) {
    const std::size_t sample = in_size(s);
    std::vector<std::int64_t> sums(size(to - from) * sample);
    for_taps(s, from, to, [&](std::size_t in, std::size_t out, int) {
      for (std::size_t c = 0; c < size(s.channels); ++c) sums[in + c - size(from) * sample] += dy[out + c];
    });
    write_raw(sums, g + size(from) * sample, statistics);
  });
}

}  // namespace bitloom
