#include "kernels/gemm_schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "kernels/command_set.hpp"
#include "kernels/operand_beats.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

constexpr int kLoadOverhead = 8;    ///< cycles of a LOAD besides its beats, about: it asks while others fill
constexpr int kDrainOverhead = 12;  ///< cycles of a TILE besides its words, about
constexpr double kBeatCost = 0.25;  ///< cycles that a beat counts besides: what moves costs energy
constexpr int kPassOverhead = 600;  ///< cycles of a phase's beginning and end, about

/// A range of the columns of a transposed operand A, which are rows of the result.
struct RowPart {
  int first = 0, rows = 0;
  View view;
};

/// Cuts [0, extent) into equal parts of at most `most`, each but the last a multiple of `unit` where there are several.
std::vector<std::pair<int, int>> equal_parts(int extent, int most, int unit) {
  const auto count = divide_up(extent, std::max(most, unit));
  const auto size = static_cast<int>(round_up(divide_up(extent, count), count == 1 ? 1 : unit));
  std::vector<std::pair<int, int>> parts;
  for (int first = 0; first < extent; first += size) parts.emplace_back(first, std::min(size, extent - first));
  return parts;
}

/// Cuts operand A of a weight gradient into parts of at most `tiles` tiles of `lanes` rows: whole windows, kernel
/// lines, taps or channels of a tap, as a stream starts at a tap's first column.
std::vector<RowPart> row_parts(const View& view, int rows, int lanes, int tiles) {
  std::vector<RowPart> parts;
  const int most = tiles * lanes;
  if (!view.gather) {
    for (const auto& [first, size] : equal_parts(rows, most, lanes)) {
      parts.push_back({first, size, view});
      parts.back().view.col_base += first;
    }
    return parts;
  }
  const Gather& g = *view.gather;
  const auto add = [&](int ty, int lines, int tx, int taps, int channel, int channels) {
    Gather part = g;
    part.offset_y += ty * g.tap_y;
    part.taps_y = lines;
    part.offset_x += tx * g.tap_x;
    part.taps_x = taps;
    part.segment_base += channel;
    part.segment = channels;
    View of = view;
    of.gather = part;
    parts.push_back({(ty * g.taps_x + tx) * g.segment + channel, lines * taps * channels, of});
  };
  const int tap = g.segment, line = tap * g.taps_x;
  if (line <= most) {
    for (const auto& [ty, lines] : equal_parts(g.taps_y, most / line, 1)) add(ty, lines, 0, g.taps_x, 0, tap);
    return parts;
  }
  for (int ty = 0; ty < g.taps_y; ++ty) {
    if (tap <= most) {
      for (const auto& [tx, taps] : equal_parts(g.taps_x, most / tap, 1)) add(ty, 1, tx, taps, 0, tap);
      continue;
    }
    for (int tx = 0; tx < g.taps_x; ++tx) {
      for (const auto& [channel, channels] : equal_parts(tap, most, lanes)) add(ty, 1, tx, 1, channel, channels);
    }
  }
  return parts;
}

double words(const TileGrid& grid) { return static_cast<double>(grid.rows.size) * grid.groups; }

/// Says whether a transposed operand's rows may be brought for all tiles at once.
bool spreads(const Lowering& low, const GemmOperand& operand, const Cut& tiles, int lanes, int bits) {
  return operand.transpose && (tiles.count == 1 || (tiles.size == lanes && fills_tiles(low.hardware(), lanes, bits)));
}

/// Beats of the LOADs of an operand by one segment: on their way to the scratchpad, and of these from DRAM.
struct Moved {
  double local = 0, dram = 0;
  Moved operator+(const Moved& other) const { return {local + other.local, dram + other.dram}; }
  Moved operator*(double times) const { return {local * times, dram * times}; }
};

Moved moved(const Lowering& low, const GemmPass& pass, const GemmOperand& operand, int lanes) {
  const int rows = operand.transpose ? pass.terms.size : lanes;
  const double beats = rows * row_beats(low, operand.view, operand.transpose ? lanes : pass.terms.size);
  return {beats, beats};
}

Moved moved_a(const Lowering& low, const GemmPass& pass, int lanes) {
  Moved beats = moved(low, pass, pass.job.a, lanes);
  const std::optional<double> row = line_beats(low, pass);
  if (row) beats.dram = pass.job.a.transpose ? pass.terms.size * *row : lanes * *row / pass.terms.count;
  return beats;
}

/// Predicts the cost of a pass in cycles: the longer one of loads and products, and what the beats cost besides.
double predicted(const Lowering& low, const GemmPass& pass) {
  const double rows = pass.grid.rows.count, cols = pass.grid.cols.count, segments = pass.k.bytes.count;
  const double multiply = std::max(pass.k.bytes.size + 2, low.hardware().rows);
  const auto cost = [](double transfers, const Moved& beats, double products) {
    return std::max(transfers * kLoadOverhead + beats.local, products) + kBeatCost * beats.dram;
  };
  const GemmOperand& of_b = pass.job.b;
  switch (pass.sums) {
    case SumLoop::OUTER:
      return segments *
                 cost(2, moved_a(low, pass, pass.rows) + moved(low, pass, of_b, pass.cols), rows * cols * multiply) +
             rows * cols * (words(pass.grid) + kDrainOverhead);
    case SumLoop::NONE:
      return cost(1, moved(low, pass, of_b, pass.cols), 0) +
             rows * cost(1, moved_a(low, pass, pass.grid.rows.size), cols * multiply);
    case SumLoop::INNER:
      break;
  }
  const Moved a = moved_a(low, pass, pass.grid.rows.size), b = moved(low, pass, of_b, pass.grid.cols.size);
  if (pass.k.b_resident) return cols * (cost(1, b * segments, 0) + rows * segments * cost(1, a, multiply));
  return cols * rows * segments * cost(2, a + b, multiply);
}

double predicted(const Lowering& low, const std::vector<GemmPass>& passes) {
  double cycles = 0;
  for (const GemmPass& pass : passes) cycles += predicted(low, pass) + kPassOverhead;
  return cycles;
}

Cut terms_of(const Cut& bytes, std::int64_t terms, int bits) {
  const int segment = bytes.size * 8 / bits;
  return {segment, bytes.count, static_cast<int>(terms - std::int64_t{segment} * (bytes.count - 1))};
}

/// Segments of logarithmic codes of an odd number of channels: one for each tap, so that each starts at a byte.
GemmPass tap_segments(const Lowering& low, GemmPass pass) {
  const GemmJob& job = pass.job;
  if (!job.a.view.gather || !job.b.view.gather || job.a.transpose || job.b.transpose) {
    throw Error(low.context().what + ": logarithmic codes that do not start at a byte");
  }
  const int segment = job.a.view.gather->segment;
  const auto bytes = static_cast<int>(divide_up(segment, 2));
  if (bytes > std::min(low.hardware().spad_a_bytes, low.hardware().spad_b_bytes)) {
    throw Error(low.context().what + ": too many channels of logarithmic codes for one segment");
  }
  const auto taps = static_cast<int>(job.terms / segment);
  pass.terms = {segment, taps, segment};
  pass.k = {{bytes, taps, bytes}, false};
  return pass;
}

TileGrid part_of(const TileGrid& grid, int rows, int cols) {
  TileGrid part = grid;
  part.rows = cut(rows, grid.rows.size);
  part.cols = cut(cols, grid.cols.size);
  return part;
}

/// Says why B cannot stay for its columns while A stays for a row of tiles; empty where it can.
std::string why_not_resident(const Lowering& low, const GemmPass& whole) {
  const Hardware& hw = low.hardware();
  if (whole.bits == 4 && !(packs_nibbles(whole.job.a) && packs_nibbles(whole.job.b))) {
    return "logarithmic codes of an odd number of channels come tap by tap";
  }
  const std::int64_t bytes = round_up(divide_up(whole.job.terms * whole.bits, 8), hw.axi_bytes);
  const auto more = [&](const char* key, std::int64_t needed, std::int64_t has) {
    return fmt::format("{} is too small: a whole reduction needs {} bytes, a buffer has {}", key, needed, has);
  };
  if (whole.job.terms > kFieldMax) {
    return fmt::format("the reduction has {} terms, a LOAD brings {}", whole.job.terms, kFieldMax);
  }
  if (bytes > hw.spad_a_bytes) return more("spad_a_bytes", bytes, hw.spad_a_bytes);
  if (bytes > 2 * std::int64_t{hw.spad_b_bytes}) return more("spad_b_bytes", bytes, 2 * std::int64_t{hw.spad_b_bytes});
  const Cut& cols = whole.grid.cols;
  if (cols.count > 1 && cols.size != hw.cols) {
    return fmt::format("a tile has {} columns, weights of several tiles need all {} (cols)", cols.size, hw.cols);
  }
  if (cols.count > 1 && whole.job.b.transpose && !fills_tiles(hw, hw.cols, whole.bits)) {
    return fmt::format("cols is {}: weights of several column tiles need a power of two, at most {} tiles to a word",
                       hw.cols, kWordTiles);
  }
  return "";
}

/// Returns passes in which B stays for as many columns as the scratchpad holds and A for a row of tiles, of a product
/// that allows it.
std::vector<GemmPass> resident_passes(const Lowering& low, const GemmPass& whole) {
  const Hardware& hw = low.hardware();
  const auto bytes = static_cast<int>(divide_up(whole.job.terms * whole.bits, 8));
  const std::int64_t padded = round_up(bytes, hw.axi_bytes);
  const auto fitting = static_cast<int>(2 * std::int64_t{hw.spad_b_bytes} / padded);
  std::vector<GemmPass> passes;
  for (const auto& [first, cols] : equal_parts(whole.cols, fitting * hw.cols, hw.cols)) {
    GemmPass pass = whole;
    pass.sums = SumLoop::NONE;
    pass.first_col = first;
    pass.cols = cols;
    pass.grid = part_of(whole.grid, whole.rows, cols);
    pass.k = {cut(bytes, bytes), true};
    pass.terms = terms_of(pass.k.bytes, whole.job.terms, whole.bits);
    View& view = pass.job.b.view;
    const std::int64_t pitch = view.pitch < 0 ? low.tensor(view.tensor).pitch : view.pitch;
    if (whole.job.b.transpose) {
      view.col_base += first;
    } else {
      view.offset += first * (view.gather ? view.gather->image_pitch : pitch);
    }
    passes.push_back(std::move(pass));
  }
  return passes;
}

/// Returns the passes over columns [first_col, first_col + cols) in which the sums of all tiles stay; none where
/// nothing fits.
std::vector<GemmPass> summing_passes(const Lowering& low, const GemmPass& whole, const std::vector<RowPart>& parts,
                                     int first_col, int cols) {
  const Hardware& hw = low.hardware();
  const int unit = hw.axi_bytes;
  const auto bytes = static_cast<int>(divide_up(whole.job.terms * whole.bits, 8));
  const int most = kFieldMax * whole.bits / 8 / unit * unit;
  std::vector<GemmPass> passes;
  for (const RowPart& part : parts) {
    GemmPass& pass = passes.emplace_back(whole);
    pass.sums = SumLoop::OUTER;
    pass.first_row = part.first;
    pass.rows = part.rows;
    pass.first_col = first_col;
    pass.cols = cols;
    pass.grid = part_of(whole.grid, part.rows, cols);
    pass.job.a.view = part.view;
    pass.job.b.view.col_base += first_col;
    const int words =
        std::min(hw.spad_a_bytes / unit / pass.grid.rows.count, hw.spad_b_bytes / unit / pass.grid.cols.count);
    const auto segment = std::min<std::int64_t>({words * unit, most, round_up(bytes, unit)});
    if (segment == 0) return {};
    pass.k = {cut(bytes, static_cast<int>(segment)), false};
    pass.terms = terms_of(pass.k.bytes, whole.job.terms, whole.bits);
  }
  return passes;
}

/// Returns the cheapest passes in which sums stay, where they cost less than `cost`; else none. The first columns stand
/// for all.
std::vector<GemmPass> best_summing_passes(const Lowering& low, const GemmPass& whole, double cost) {
  const Hardware& hw = low.hardware();
  std::vector<RowPart> best_parts;
  std::vector<std::pair<int, int>> best_columns;
  for (int col_tiles = 1; col_tiles <= std::min(hw.acc_tiles, whole.grid.cols.count); col_tiles *= 2) {
    const auto columns = equal_parts(whole.cols, col_tiles * hw.cols, hw.cols);
    for (int row_tiles = hw.acc_tiles / col_tiles; row_tiles > 0; row_tiles /= 2) {
      std::vector<RowPart> parts = row_parts(whole.job.a.view, whole.rows, hw.rows, row_tiles);
      const auto passes = summing_passes(low, whole, parts, 0, columns.front().second);
      const double of_all = predicted(low, passes) * static_cast<double>(columns.size());
      if (passes.empty() || of_all >= cost) continue;
      cost = of_all;
      best_parts = std::move(parts);
      best_columns = columns;
    }
  }
  std::vector<GemmPass> all;
  for (const auto& [first, cols] : best_columns) {
    std::vector<GemmPass> passes = summing_passes(low, whole, best_parts, first, cols);
    all.insert(all.end(), passes.begin(), passes.end());
  }
  return all;
}

}  // namespace

GemmPass whole_pass(const Lowering& low, const TileGrid& grid, const GemmJob& job) {
  GemmPass pass;
  pass.job = job;
  pass.grid = grid;
  pass.rows = grid.rows.size * (grid.rows.count - 1) + grid.rows.last;
  pass.cols = grid.cols.size * (grid.cols.count - 1) + grid.cols.last;
  pass.bits = common_width(low, job);
  if (pass.bits == 4 && !(packs_nibbles(job.a) && packs_nibbles(job.b))) return tap_segments(low, pass);
  pass.k = reduction(low.hardware(), job.terms, pass.bits);
  pass.terms = terms_of(pass.k.bytes, job.terms, pass.bits);
  return pass;
}

std::vector<GemmPass> gemm_passes(const Lowering& low, const TileGrid& grid, int rows, int cols, const GemmJob& job) {
  const Hardware& hw = low.hardware();
  const GemmPass whole = whole_pass(low, grid, job);
  std::vector<GemmPass> best{whole};
  best.front().rows = rows;
  best.front().cols = cols;
  const bool by_taps = whole.bits == 4 && !(packs_nibbles(job.a) && packs_nibbles(job.b));
  if (low.schedule == Schedule::kOutputStays || (by_taps && low.schedule == Schedule::kAuto)) return best;
  if (!job.a.transpose) {  // B is weights
    const std::string why_not = why_not_resident(low, whole);
    const bool forced = low.schedule == Schedule::kWeightsStay;
    if (forced && !why_not.empty()) {
      throw Error(fmt::format("schedule ws: hardware {}: {}: {}", hw.name, low.context().what, why_not));
    }
    if (forced) return resident_passes(low, whole);
    if (why_not.empty()) {
      std::vector<GemmPass> passes = resident_passes(low, whole);
      if (predicted(low, passes) < predicted(low, best)) best = std::move(passes);
    }
  }
  if (spreads(low, job.a, grid.rows, hw.rows, whole.bits) && spreads(low, job.b, grid.cols, hw.cols, whole.bits)) {
    std::vector<GemmPass> passes = best_summing_passes(low, whole, predicted(low, best));
    if (!passes.empty()) best = std::move(passes);
  }
  return best;
}

}  // namespace bitloom
