// The loads, vector commands and stores that phases are made of; those of GEMMs: phase_gemm.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/lowering.hpp"
#include "kernels/operands.hpp"
#include "kernels/transfer_cuts.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

Command shape_command(const Gather& gather, bool load, int slot) {
  Command command(load ? Opcode::LOAD_SHAPE : Opcode::STORE_SHAPE);
  command.set(Field::SLOT, slot);
  command.set(Field::EXTENT_X, gather.extent_x).set(Field::EXTENT_Y, gather.extent_y);
  command.set(Field::LIMIT_X, gather.limit_x).set(Field::LIMIT_Y, gather.limit_y);
  command.set(Field::OFFSET_X, gather.offset_x).set(Field::OFFSET_Y, gather.offset_y);
  // One place's scale does not matter; the stride of a window as large as the image has more bits than the field.
  command.set(Field::SCALE_X, gather.extent_x == 1 ? 0 : gather.scale_x);
  command.set(Field::SCALE_Y, gather.extent_y == 1 ? 0 : gather.scale_y);
  command.set(Field::TAP_X, gather.tap_x).set(Field::TAP_Y, gather.tap_y);
  command.set(Field::TAPS_X, gather.taps_x).set(Field::TAPS_Y, gather.taps_y);
  command.set(Field::PIXEL_PITCH, gather.pixel_pitch).set(Field::LINE_PITCH, gather.line_pitch);
  command.set(Field::IMAGE_PITCH, gather.image_pitch);
  return command.set(Field::SEGMENT, gather.segment).set(Field::SEGMENT_BASE, gather.segment_base);
}

}  // namespace

Phase::Phase(Lowering& low, const TileGrid& grid, std::array<int, 3> counts, int rows_dim, int cols_dim)
    : low_(low), grid_(grid), counts_(counts), rows_dim_(rows_dim), cols_dim_(cols_dim) {
  commands_.info = low.info();
}

Phase::Phase(Lowering& low, const TileGrid& grid)
    : Phase(low, grid, {grid.cols.count, grid.rows.count, 1}, kMiddle, kOuter) {}

Phase Phase::over_taps(Lowering& low, const TileGrid& grid, int taps_y, int taps_x) {
  if (grid.cols.count != 1) throw Error("lowering: a phase over taps has one column tile");
  Phase phase(low, grid, {grid.rows.count, taps_y, taps_x}, kOuter, kNone);
  phase.commands_.out_level = 2;
  return phase;
}

Phase Phase::over_samples(Lowering& low, const TileGrid& grid, int samples, int rows) {
  if (grid.cols.count != 1) throw Error("lowering: a phase over samples has one column tile");
  Phase phase(low, grid, {samples, grid.rows.count, 1}, kMiddle, kNone);
  phase.sample_rows_ = rows;
  return phase;
}

void Phase::set_loops(Command& command, const std::array<int, 3>& counts) const {
  const int most = std::max(counts[0], counts[2]);
  if (most > kFieldMax) {  // N0 and N2; N1 has 32 bits
    throw Error(fmt::format("hardware {}: {}: {} tiles in one direction, a loop counts to {}; take a smaller batch",
                            low_.context().hardware.name, low_.context().what, most, kFieldMax));
  }
  command.set(Field::N0, counts[0]).set(Field::N1, counts[1]).set(Field::N2, counts[2]);
}

void Phase::set_tile(Command& command) const {
  set_rows(command, grid_.rows, rows_dim_);
  set_cols(command, cols_dim_ == kNone ? fixed(grid_.cols.last) : grid_.cols, cols_dim_);
}

/// Makes a transfer of the tile's rows of a view: address, strides or shape, columns' base.
Command Phase::transfer(Opcode opcode, const View& view) {
  const TensorPlacement& tensor = low_.tensor(view.tensor);
  const bool load = opcode == Opcode::LOAD;
  const std::int64_t pitch = view.pitch < 0 ? tensor.pitch : view.pitch;
  Command command(opcode);
  command.set_address(tensor.address + static_cast<std::uint64_t>(view.offset));
  command.set(Field::BATCH_BASE, tensor.in_batch ? 1 : 0);
  command.set(Field::PITCH, pitch).set(Field::COL_BASE, view.col_base);
  command.set(Field::MEMORY_BITS, static_cast<int>(width_of(tensor.bits)));
  if (view.gather) {
    Gather gather = *view.gather;
    if (load && !gather.tap_loop && view.col_base != 0) {  // such a stream starts at column 0
      if (gather.taps_x * gather.taps_y != 1) throw Error("lowering: columns of a stream of several taps start at 0");
      gather.segment_base += view.col_base;
      gather.segment -= view.col_base;
      command.set(Field::COL_BASE, 0);
    }
    std::vector<Command>& shapes = load ? commands_.load_shapes : commands_.store_shapes;
    command.set(Field::SHAPED, 1).set(Field::SHAPE, static_cast<int>(shapes.size()));
    if (gather.tap_loop) command.set(Field::TAP_LOOP, 1);
    shapes.push_back(shape_command(gather, load, static_cast<int>(shapes.size())));
  } else {
    command.set(stride_of(rows_dim_), grid_.rows.size * pitch);
    if (sample_rows_ > 0 && !view.same_for_samples) command.set(Field::STRIDE0, sample_rows_ * pitch);
  }
  if (load) {
    commands_.reads.push_back(view.tensor);
  } else {
    commands_.writes.push_back({view.tensor, static_cast<int>(commands_.stores.size())});
  }
  return command;
}

Command Phase::vin_load(const View& view) {
  Command load = transfer(Opcode::LOAD, view);
  const bool in_segments = commands_.gemm && commands_.sums == SumLoop::INNER;  // beside the operands' loads
  set_loops(load, {counts_[0], counts_[1], in_segments ? segments_ : counts_[2]});
  set_tile(load);
  load.set(Field::TARGET, static_cast<int>(LoadTarget::VIN)).set(Field::LOCAL_BITS, static_cast<int>(Width::BITS32));
  load.set(Field::LOCAL_BASE, 2 * inputs_ * grid_.stride).set(Field::LOCAL_STRIDE, grid_.stride);
  load.set(Field::LOCAL_PITCH, grid_.groups);
  if (in_segments) load.set(Field::EXEC_LEVEL, 1).set(Field::PARITY0, 1);
  return load;
}

/// Says whether the rows of a view's tiles follow each other without gaps, in memory and in whole words of VIN or VOUT.
bool Phase::joins(const View& view) const {
  const TensorPlacement& tensor = low_.tensor(view.tensor);
  const int cols = grid_.cols.last;
  const std::int64_t pitch = view.pitch < 0 ? tensor.pitch : view.pitch;
  const bool whole_rows = grid_.cols.count == 1 && pitch * 8 == std::int64_t{cols} * tensor.bits;
  const bool whole_words = grid_.groups * low_.hardware().lanes == cols;
  const bool plain = !view.gather && view.col_base == 0 && rows_dim_ == kMiddle;
  return whole_rows && whole_words && plain && std::int64_t{grid_.rows.size} * cols <= kFieldMax;
}

/// Makes one row of the rows of a tile, of which each tile has the next elements. Its bursts are long, and no beat is
/// moved once for each row that has a part of it.
void Phase::join_rows(Command& transfer, const View& view) const {
  const int cols = grid_.cols.last;
  const Cut tiles{grid_.rows.size * cols, grid_.rows.count, grid_.rows.last * cols};
  set_cols(set_rows(transfer, fixed(1), kNone), tiles, rows_dim_);
  transfer.set(stride_of(rows_dim_), 0).set(Field::PITCH, low_.tensor(view.tensor).bytes);
}

void Phase::input(const View& view, Expand expand, bool pad_min) {
  Command load = vin_load(view);
  load.set(Field::EXPAND, static_cast<int>(expand)).set(Field::PAD_MIN, pad_min ? 1 : 0);
  if (joins(view)) join_rows(load, view);
  commands_.loads.push_back(load);
  ++inputs_;
}

void Phase::mask_input(const View& view) {
  const bool all_sums = commands_.gemm && commands_.sums == SumLoop::OUTER;
  if (low_.tensor(view.tensor).bits != 1 || !joins(view) || sample_rows_ > 0 || all_sums) {
    return input(view, Expand::UNSIGNED);
  }
  Command load = vin_load(view);
  join_rows(load, view);
  load.set(Field::LOCAL_BITS, static_cast<int>(Width::BITS1)).set(Field::EXPAND, static_cast<int>(Expand::UNSIGNED));
  commands_.loads.push_back(load);
  ++inputs_;
  packed_mask_ = true;
}

void Phase::row_input(const View& view) {
  Command load = vin_load(view);
  set_cols(load, fixed(1), kNone).set(Field::LOCAL_PITCH, 1);
  commands_.loads.push_back(load);
  ++inputs_;
}

void Phase::labels(const View& view) {
  Command load = vin_load(view);
  load.set(Field::STRIDE1, 0).set(Field::LOCAL_PITCH, 0);
  set_cols(set_rows(load, fixed(1), kNone), grid_.rows, rows_dim_);
  commands_.loads.push_back(load);
  ++inputs_;
}

void Phase::coefficients(const View& view, int count) {
  Command load = vin_load(view);
  load.set(Field::STRIDE0, 0).set(Field::STRIDE1, 0).set(Field::STRIDE2, 0);
  set_rows(load, fixed(count), kNone);
  scalar_coefficients_ = sample_rows_ > 0 || low_.tensor(view.tensor).cols == 1;
  if (scalar_coefficients_) set_cols(load, fixed(1), kNone);
  if (sample_rows_ > 0) set_cols(load, {1, counts_[0], 1}, kOuter);
  load.set(Field::LOCAL_STRIDE, grid_.groups).set(Field::LOCAL_PITCH, 2 * grid_.groups);
  commands_.loads.push_back(load);
  coefficients_ += count;
}

Command& Phase::vector(Opcode opcode) {
  Command command(opcode);
  set_loops(command, counts_);
  set_tile(command);
  command.set(Field::VIN_STRIDE, grid_.stride);
  const bool rows_count =
      opcode == Opcode::TILE || opcode == Opcode::AFFINE || opcode == Opcode::UPDATE || opcode == Opcode::ADAM;
  if (sample_rows_ > 0 && rows_count) command.set(Field::ROW_STEP0, sample_rows_);
  if (scalar_coefficients_) command.set(Field::COEF_SCALAR, 1);
  if (packed_mask_) command.set(Field::MASK_PACKED, 1);
  if (opcode == Opcode::REDUCE) commands_.out_level = 2;
  if (opcode == Opcode::TILE && commands_.gemm && commands_.sums == SumLoop::OUTER) command.set(Field::ACC_ALL, 1);
  commands_.vector = command;
  return *commands_.vector;
}

void Phase::output(const View& view) {
  Command store = transfer(Opcode::STORE, view);
  if (low_.tensor(view.tensor).bits == 16) command().set(Field::RAW16, 1);
  set_tile(store);
  store.set(Field::LOCAL_BASE, 2 * outputs_ * grid_.stride).set(Field::LOCAL_STRIDE, grid_.stride);
  store.set(Field::LOCAL_PITCH, grid_.groups);
  if (commands_.out_level == 2) {
    set_loops(store, {counts_[0], 1, 1});
  } else {
    set_loops(store, counts_);
  }
  if (commands_.vector->opcode() == Opcode::REDUCE) {
    const TensorPlacement& tensor = low_.tensor(view.tensor);
    const bool one = commands_.vector->get(Field::AXIS_ALL) != 0;
    set_rows(store, fixed(tensor.rows), kNone).set(Field::STRIDE1, 0);
    if (one) set_cols(store, sample_rows_ > 0 ? Cut{1, counts_[0], 1} : fixed(1), sample_rows_ > 0 ? kOuter : kNone);
    if (sample_rows_ > 0) store.set(Field::STRIDE0, 0);
    store.set(Field::LOCAL_PITCH, one ? 1 : grid_.groups);
  } else if (commands_.out_level == 0 && joins(view)) {
    join_rows(store, view);
  }
  commands_.stores.push_back(store);
  ++outputs_;
}

/// Throws Error where the phase brings or takes other sections than its vector command has: a fault of the lowering.
void Phase::require_operands() const {
  const Operands of = operands(*commands_.vector);
  const auto require = [&](const char* what, int got, int has) {
    if (got == has) return;
    throw Error(fmt::format("lowering: {}: {} has {} {}, got {}", low_.context().what,
                            opcode_name(commands_.vector->opcode()), has, what, got));
  };
  require("inputs", inputs_, of.tiles());
  require("coefficient vectors", coefficients_, of.coefficients.size());
  require("outputs", outputs_, of.outputs.size());
}

/// Throws Error where the phase stores what the line buffer may hold since before: a fault of the lowering.
void Phase::require_no_stale_lines() const {
  for (std::size_t load = 0; load < commands_.loads.size(); ++load) {
    if (commands_.loads[load].get(Field::LINES) == 0) continue;
    const int tensor = commands_.reads[load];  // one a LOAD, in order
    for (const PhaseCommands::Write& write : commands_.writes) {
      if (write.tensor == tensor) throw Error("lowering: " + low_.context().what + ": stores what LINES reads");
    }
  }
}

void Phase::run() {
  if (commands_.vector) require_operands();
  require_no_stale_lines();
  if (commands_.loads.size() > kGroupMax || commands_.stores.size() > kGroupMax) {
    throw Error(low_.context().what + ": a phase has more than four transfers in one queue");
  }
  low_.add(std::move(commands_));
}

}  // namespace bitloom
