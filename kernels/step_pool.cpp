// Pooling, raw to raw (N15).
#include <algorithm>

#include "kernels/step.hpp"

namespace bitloom {

namespace {

const PoolAttributes& pool_of(const Lowering& low, const Stage& stage) {
  return std::get<PoolAttributes>(low.program.network.nodes[static_cast<std::size_t>(stage.node)].attributes);
}

/// Columns [first, first + count) that one phase of POOL takes: it accumulates at most kPoolWords words.
struct Columns {
  int first = 0;
  int count = 0;
};
std::vector<Columns> column_pieces(int channels, int lanes, int inputs, const Hardware& hw) {
  const int fitting = std::min({kPoolWords, hw.vin_words / (2 * inputs), hw.vout_words / 4});
  const int widest = std::max(fitting / 8 * 8, std::max(1, 8 / lanes)) * lanes;
  std::vector<Columns> pieces;
  for (int first = 0; first < channels; first += widest) pieces.push_back({first, std::min(widest, channels - first)});
  return pieces;
}

Sections sections_of(int inputs, int outputs) {
  return {.in = inputs, .out = outputs, .columns = 8, .most_groups = kPoolWords, .most_words = kPoolWords};
}

/// Returns the output positions of a window from which position phases of the input grid are reached.
Gather gather_back(const ImageShape& out, const StridePhase& y, const StridePhase& x, std::int64_t pixel_pitch) {
  Gather g;
  g.extent_x = x.count;
  g.extent_y = y.count;
  g.limit_x = out.width;
  g.limit_y = out.height;
  g.offset_x = x.offset;
  g.offset_y = y.offset;
  g.tap_x = x.output_step;
  g.tap_y = y.output_step;
  g.taps_x = x.taps;
  g.taps_y = y.taps;
  g.segment = out.channels;
  g.tap_loop = true;
  set_pitches(g, pixel_pitch, out);
  return g;
}

}  // namespace

void Step::pool_unit(int s, Src from, int shift, Entry to) {
  const PoolAttributes& pool = pool_of(low, stage(s));
  if (stage(s).op == Op::kMaxPool) {
    low.copy(from, to);
  } else {
    const Src share = low.rdiv(low.real(1), low.real(pool.kernel.rows * pool.kernel.cols));
    low.to_unit(low.rmul(from, share), to);
  }
  shift_unit(to, shift, to);
}

void Step::pool_forward(int s) {
  phase(s, "pool", "windows");
  const PoolAttributes& pool = pool_of(low, stage(s));
  const bool is_max = stage(s).op == Op::kMaxPool;
  const ImageShape& in = stage(s).in;
  const ImageShape& out = stage(s).out;
  const Raw& from = at(stage(s).inputs.front()).raw;
  const int to = add_raw(s, StepTensor::kZRaw, out.rows(), out.channels, stage(s).raw_bits);
  if (is_max)
    at(s).winner = low.layout.add(handle(s, StepTensor::kArgmax), 8, out.rows(), out.channels, Coding::kUnsigned);
  pool_unit(s, from.unit, stage(s).result_shift, entry(s, StepScalar::kUnit));
  Gather g;
  g.extent_x = out.width;
  g.extent_y = out.height;
  g.limit_x = in.width;
  g.limit_y = in.height;
  g.offset_x = -pool.padding.cols;
  g.offset_y = -pool.padding.rows;
  g.scale_x = pool.stride.cols;
  g.scale_y = pool.stride.rows;
  g.taps_x = pool.kernel.cols;
  g.taps_y = pool.kernel.rows;
  g.segment = in.channels;
  g.tap_loop = true;
  set_pitches(g, bytes_of(low, from.tensor, in.channels), in);
  const auto pieces = column_pieces(in.channels, low.hardware().lanes, 1, low.hardware());
  Statistics statistics(low, {handle(s, StepScalar::kZMax), kUnread, handle(s, StepScalar::kZSat)});
  for (const Columns& piece : pieces) {
    const TileGrid grid = low.vector_tiles(out.rows(), piece.count, sections_of(1, is_max ? 2 : 1));
    Phase windows = Phase::over_taps(low, grid, pool.kernel.rows, pool.kernel.cols);
    windows.input({.tensor = from.tensor, .col_base = piece.first, .gather = g}, Expand::SIGNED, is_max);
    Command& command = windows.vector(Opcode::POOL);
    statistics.go_on(command);
    command.set(Field::POOL_OP, static_cast<int>(is_max ? PoolOp::MAX : PoolOp::SUM));
    command.set(Field::RAW_SHIFT, stage(s).result_shift);
    command.set(Field::CODE1, is_max ? pool.kernel.cols : 0).set(Field::CODE2, is_max ? 1 : 0);
    windows.output(Flag::RAW_OUT, {.tensor = to, .col_base = piece.first});
    if (is_max) windows.output({.tensor = at(s).winner, .col_base = piece.first});
    windows.run();
  }
  at(s).raw = {to, entry(s, StepScalar::kUnit), entry(s, StepScalar::kZMax)};
}

/// Makes the gradient of the windows: for each position, a gather of the windows that contain it.
void Step::pool_backward(int s) {
  phase(s, "pool", "gradient of the windows");
  const PoolAttributes& pool = pool_of(low, stage(s));
  const ImageShape& in = stage(s).in;
  const ImageShape& out = stage(s).out;
  const int below = stage(s).inputs.front();
  const GradientPlace place = gradient_place(below, stage(s).input_gradient_bits);
  pool_unit(s, at(s).gradient.unit, stage(s).input_gradient_shift, place.unit.entry);
  std::vector<StridePhase> ys = stride_phases(in.height, pool.kernel.rows, pool.stride.rows, pool.padding.rows, 1);
  std::vector<StridePhase> xs = stride_phases(in.width, pool.kernel.cols, pool.stride.cols, pool.padding.cols, 1);
  const bool of_all = stage(s).op == Op::kAveragePool && out.height == 1 && out.width == 1 &&
                      pool.kernel.rows == in.height && pool.kernel.cols == in.width && pool.padding.rows == 0 &&
                      pool.padding.cols == 0;
  if (of_all) {  // one window: every position reads it
    ys = {{.count = in.height, .taps = 1}};
    xs = {{.count = in.width, .taps = 1}};
  }
  const int inputs = (stage(s).op == Op::kMaxPool ? 2 : 1) + (place.mask < 0 ? 0 : 1);
  const auto pieces = column_pieces(in.channels, low.hardware().lanes, inputs, low.hardware());
  Statistics statistics(low, {place.maximum, kUnread, place.saturations});
  for (const StridePhase& y : ys) {
    for (const StridePhase& x : xs) {
      for (const Columns& piece : pieces) {
        pool_gradient_phase(s, y, x, piece.first, piece.count, place, of_all, statistics);
      }
    }
  }
  deliver(below, {place.tensor, place.unit, low.table.named(place.maximum)});
}

void Step::pool_gradient_phase(int s, const StridePhase& y, const StridePhase& x, int first, int count,
                               const GradientPlace& place, bool of_all, Statistics& statistics) {
  const PoolAttributes& pool = pool_of(low, stage(s));
  const ImageShape& in = stage(s).in;
  const ImageShape& out = stage(s).out;
  const bool is_max = stage(s).op == Op::kMaxPool;
  const int rows = in.samples * y.count * x.count;
  const auto viewed = [&](int tensor) {
    View view{.tensor = tensor, .col_base = first};
    if (rows != in.rows()) {
      view.gather =
          phase_rows(in, y, x, low.tensor(tensor).pitch, of_all ? 1 : pool.stride.rows, of_all ? 1 : pool.stride.cols);
    }
    return view;
  };
  if (y.taps * x.taps == 0) return zero_phase(viewed(place.tensor), rows, count, &statistics);
  const int inputs = (is_max ? 2 : 1) + (place.mask < 0 ? 0 : 1);
  Phase back = Phase::over_taps(low, low.vector_tiles(rows, count, sections_of(inputs, 1)), y.taps, x.taps);
  const auto windows = [&](int tensor) {
    View view{.tensor = tensor, .col_base = first, .gather = gather_back(out, y, x, low.tensor(tensor).pitch)};
    if (of_all) view.gather->scale_x = view.gather->scale_y = 0;
    return view;
  };
  back.input(windows(at(s).gradient.tensor));
  if (is_max) back.input(windows(at(s).winner), Expand::UNSIGNED);
  if (place.mask >= 0) back.input(viewed(place.mask), Expand::UNSIGNED);
  Command& command = back.vector(Opcode::POOL);
  statistics.go_on(command);
  command.set(Field::POOL_OP, static_cast<int>(is_max ? PoolOp::MAX_BACKWARD : PoolOp::SUM));
  command.set(Field::RAW_SHIFT, stage(s).input_gradient_shift);
  if (is_max) {
    command.set(Field::CODE0, y.tap0 * pool.kernel.cols + x.tap0);
    command.set(Field::CODE1, y.tap_step * pool.kernel.cols).set(Field::CODE2, x.tap_step);
  }
  if (place.mask >= 0) command.set_flag(Flag::MASK_IN);
  back.output(Flag::RAW_OUT, viewed(place.tensor));
  back.run();
}

}  // namespace bitloom
