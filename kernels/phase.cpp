// The loads, GEMMs and stores that phases are made of.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/lowering.hpp"
#include "kernels/operands.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

constexpr int kLoopMax = 65535;  ///< of N0 and N2; N1 has 32 bits

enum Dim { kOuter = 0, kMiddle = 1, kInner = 2, kNone = 3 };

Command& set_rows(Command& command, const Cut& cut, int dim) {
  return command.set(Field::ROWS, cut.size).set(Field::ROWS_LAST, cut.last).set(Field::ROWS_DIM, dim);
}
Command& set_cols(Command& command, const Cut& cut, int dim) {
  return command.set(Field::COLS, cut.size).set(Field::COLS_LAST, cut.last).set(Field::COLS_DIM, dim);
}
Cut fixed(int size) { return {size, 1, size}; }

Field stride_of(int dim) { return dim == 0 ? Field::STRIDE0 : dim == 1 ? Field::STRIDE1 : Field::STRIDE2; }

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

/// Can this operand's elements meet the array as packed 4-bit codes? Every tap must fill whole bytes.
bool packs_nibbles(const GemmOperand& operand) {
  if (operand.transpose || !operand.view.gather) return operand.transpose || operand.view.col_base % 2 == 0;
  const Gather& gather = *operand.view.gather;
  return (gather.taps_x * gather.taps_y == 1 || gather.segment % 2 == 0) && gather.segment_base % 2 == 0;
}

bool reads_padding(const Gather& g) {
  const auto outside = [](int extent, int scale, int offset, int tap, int taps, int limit) {
    const int first = std::min(offset, offset + (taps - 1) * tap);
    const int last = (extent - 1) * scale + std::max(offset, offset + (taps - 1) * tap);
    return first < 0 || last >= limit;
  };
  return outside(g.extent_x, g.scale_x, g.offset_x, g.tap_x, g.taps_x, g.limit_x) ||
         outside(g.extent_y, g.scale_y, g.offset_y, g.tap_y, g.taps_y, g.limit_y);
}

/// Can it meet the array as packed signs?
bool packs_signs(const GemmOperand& operand) {
  if (!operand.view.gather) return operand.view.col_base % 8 == 0;
  const Gather& gather = *operand.view.gather;
  if (operand.transpose) return !reads_padding(gather);
  return gather.segment % 8 == 0 && gather.segment_base % 8 == 0;
}

}  // namespace

int common_width(const Lowering& low, const GemmJob& job) {
  const int a = low.tensor(job.a.view.tensor).bits;
  const int b = low.tensor(job.b.view.tensor).bits;
  const bool signs = job.a.expand == Expand::PLUS_MINUS && job.b.expand == Expand::PLUS_MINUS;
  if (a == 1 && b == 1 && signs && job.terms % 8 == 0 && packs_signs(job.a) && packs_signs(job.b)) return 1;
  if (std::max(a, b) <= 4 && packs_nibbles(job.a) && packs_nibbles(job.b)) return 4;
  return job.a.kind == Kind::LOG || job.b.kind == Kind::LOG ? 4 : 8;
}

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
  if (most > kLoopMax) {
    throw Error(fmt::format("hardware {}: {}: {} tiles in one direction, a loop counts to {}; take a smaller batch",
                            low_.context().hardware.name, low_.context().what, most, kLoopMax));
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

/// Loads an operand: a tile's lanes by one segment, or by the whole reduction where B stays for all row tiles.
Command Phase::load_operand(const GemmOperand& operand, bool is_a, const Reduction& k, const Cut& terms, int bits) {
  const bool whole = !is_a && k.b_resident;
  const Cut reduced = whole ? fixed(terms.size * (terms.count - 1) + terms.last) : terms;
  const int reduced_dim = whole ? kNone : kInner;
  const Cut& lanes = is_a ? grid_.rows : grid_.cols;
  const int lanes_dim = is_a ? kMiddle : kOuter;
  Command load = transfer(Opcode::LOAD, operand.view);
  const std::int64_t pitch = load.get(Field::PITCH);
  load.set(Field::STRIDE0, 0).set(Field::STRIDE1, 0);
  set_loops(load, {counts_[0], counts_[1], segments_});
  if (operand.transpose) {
    set_cols(set_rows(load, reduced, reduced_dim), lanes, lanes_dim).set(Field::TRANSPOSE, 1);
    if (!operand.view.gather && !whole) load.set(Field::STRIDE2, reduced.size * pitch);
  } else {
    set_cols(set_rows(load, lanes, lanes_dim), reduced, reduced_dim);
    if (!operand.view.gather) load.set(stride_of(lanes_dim), lanes.size * pitch);
  }
  load.set(Field::TARGET, static_cast<int>(is_a ? LoadTarget::SPAD_A : LoadTarget::SPAD_B));
  load.set(Field::LOCAL_BITS, static_cast<int>(width_of(bits)));
  if (low_.tensor(operand.view.tensor).bits < bits) load.set(Field::EXPAND, static_cast<int>(operand.expand));
  return load.set(Field::EXEC_LEVEL, whole ? 2 : 0).set(Field::PARITY0, whole ? 2 : 0);
}

void Phase::gemm(const GemmJob& job) {
  const int bits = common_width(low_, job);
  Reduction k = reduction(low_.hardware(), job.terms, bits);
  int segment = k.bytes.size * 8 / bits;
  Cut terms{segment, k.bytes.count, static_cast<int>(job.terms - std::int64_t{segment} * (k.bytes.count - 1))};
  if (bits == 4 && !(packs_nibbles(job.a) && packs_nibbles(job.b))) {
    // Logarithmic codes of an odd number of channels: a segment for each tap, so that each starts at a byte.
    if (!job.a.view.gather || !job.b.view.gather || job.a.transpose || job.b.transpose) {
      throw Error(low_.context().what + ": logarithmic codes that do not start at a byte");
    }
    segment = job.a.view.gather->segment;
    const auto bytes = static_cast<int>(divide_up(segment, 2));
    if (bytes > std::min(low_.hardware().spad_a_bytes, low_.hardware().spad_b_bytes)) {
      throw Error(low_.context().what + ": too many channels of logarithmic codes for one segment");
    }
    const auto taps = static_cast<int>(job.terms / segment);
    terms = {segment, taps, segment};
    k = {{bytes, taps, bytes}, false};
  }
  segments_ = k.bytes.count;
  commands_.loads.push_back(load_operand(job.b, false, k, terms, bits));
  commands_.loads.push_back(load_operand(job.a, true, k, terms, bits));
  Command command(Opcode::GEMM);
  set_loops(command, {counts_[0], counts_[1], segments_});
  set_cols(command, k.bytes, kInner);
  const Mode mode = bits == 8 ? Mode::MAC8 : bits == 4 ? Mode::MAC4 : Mode::XNOR;
  const auto kind = [&](const GemmOperand& operand) {
    const bool as_stored = low_.tensor(operand.view.tensor).bits == bits && mode != Mode::XNOR;
    return static_cast<int>(as_stored ? operand.kind : Kind::SIGNED);
  };
  command.set(Field::MODE, static_cast<int>(mode)).set(Field::A_KIND, kind(job.a)).set(Field::B_KIND, kind(job.b));
  command.set(Field::PARITY0, 0).set(Field::PARITY1, k.b_resident ? 2 : 0);
  command.set(Field::B_STEP, k.b_resident ? k.bytes.size / low_.hardware().axi_bytes : 0);
  commands_.gemm = command;
  if (job.of_layer) commands_.info.macs_a_cycle = bits == 8 ? 1 : bits == 4 ? 2 : 8;
}

Command Phase::vin_load(const View& view) {
  Command load = transfer(Opcode::LOAD, view);
  set_loops(load, {counts_[0], counts_[1], commands_.gemm ? segments_ : counts_[2]});
  set_tile(load);
  load.set(Field::TARGET, static_cast<int>(LoadTarget::VIN)).set(Field::LOCAL_BITS, static_cast<int>(Width::BITS32));
  load.set(Field::LOCAL_BASE, 2 * inputs_ * grid_.stride).set(Field::LOCAL_STRIDE, grid_.stride);
  load.set(Field::LOCAL_PITCH, grid_.groups);
  if (commands_.gemm) load.set(Field::EXEC_LEVEL, 1).set(Field::PARITY0, 1);
  return load;
}

void Phase::input(const View& view, Expand expand, bool pad_min) {
  Command load = vin_load(view);
  load.set(Field::EXPAND, static_cast<int>(expand)).set(Field::PAD_MIN, pad_min ? 1 : 0);
  commands_.loads.push_back(load);
  ++inputs_;
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
  if (opcode == Opcode::REDUCE) commands_.out_level = 2;
  commands_.vector = command;
  return *commands_.vector;
}

void Phase::output(const View& view) {
  Command store = transfer(Opcode::STORE, view);
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

void Phase::run() {
  if (commands_.vector) require_operands();
  if (commands_.loads.size() > kGroupMax || commands_.stores.size() > kGroupMax) {
    throw Error(low_.context().what + ": a phase has more than four transfers in one queue");
  }
  low_.add(std::move(commands_));
}

}  // namespace bitloom
