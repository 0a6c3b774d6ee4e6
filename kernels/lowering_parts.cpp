// The loads, GEMMs and stores that phases are made of.
#include <fmt/format.h>

#include "kernels/lowering.hpp"
#include "model/error.hpp"

namespace bitloom {

namespace {

enum Dim { kColumnTiles = 0, kRowTiles = 1, kSegments = 2, kNone = 3 };

/// ROWS or COLS from a cut whose tiles have `unit` bytes (or rows) an element; ragged last tiles are rounded up.
struct Extent {
  std::int64_t full = 1;
  std::int64_t last = 1;
  int dim = kNone;
};

Extent elements(const Cut& cut, int dim) { return {cut.size, cut.last, dim}; }
Extent bytes(const Cut& cut, int bits, int dim) {
  return {divide_up(std::int64_t{cut.size} * bits, 8), divide_up(std::int64_t{cut.last} * bits, 8), dim};
}
Extent fixed(std::int64_t size) { return {size, size, kNone}; }

Command& set_rows(Command& command, const Extent& extent) {
  return command.set(Field::ROWS, extent.full).set(Field::ROWS_LAST, extent.last).set(Field::ROWS_DIM, extent.dim);
}
Command& set_cols(Command& command, const Extent& extent) {
  return command.set(Field::COLS, extent.full).set(Field::COLS_LAST, extent.last).set(Field::COLS_DIM, extent.dim);
}
Command& set_loops(Command& command, const TileGrid& grid, int segments = 1) {
  return command.set(Field::N0, grid.cols.count).set(Field::N1, grid.rows.count).set(Field::N2, segments);
}

Command transfer(Opcode opcode, const TensorPlacement& tensor) {
  Command command(opcode);
  command.set(Field::ADDR, tensor.address).set(Field::BATCH_BASE, tensor.in_batch ? 1 : 0);
  return command.set(Field::PITCH, tensor.pitch);
}

Command& set_strides(Command& command, std::int64_t column_tile, std::int64_t row_tile, std::int64_t segment = 0) {
  return command.set(Field::STRIDE0, column_tile).set(Field::STRIDE1, row_tile).set(Field::STRIDE2, segment);
}

/// An operand: ROWS memory rows of the result's tile by one segment, or by whole rows.
Command load_operand(const TensorPlacement& tensor, LoadTarget target, const TileGrid& grid, const Reduction& k,
                     bool whole_rows) {
  const bool is_a = target == LoadTarget::SPAD_A;
  const Cut& rows = is_a ? grid.rows : grid.cols;
  const std::int64_t step = std::int64_t{rows.size} * tensor.pitch;
  Command load = transfer(Opcode::LOAD, tensor);
  load.set(Field::TARGET, static_cast<int>(target));
  set_loops(load, grid, k.bytes.count);
  set_strides(load, is_a ? 0 : step, is_a ? step : 0, whole_rows ? 0 : k.bytes.size);
  set_rows(load, elements(rows, is_a ? kRowTiles : kColumnTiles));
  const std::int64_t row_bytes = std::int64_t{k.bytes.size} * (k.bytes.count - 1) + k.bytes.last;
  set_cols(load, whole_rows ? fixed(row_bytes) : elements(k.bytes, kSegments));
  return load.set(Field::EXEC_LEVEL, whole_rows ? 2 : 0).set(Field::PARITY0, whole_rows ? 2 : 0);
}

}  // namespace

PhaseCommands Lowering::begin() const {
  PhaseCommands phase;
  phase.info.layer = node_.layer;
  phase.info.phase = phase_name(node_.op);
  return phase;
}

void Lowering::add_gemm(PhaseCommands& phase, const TileGrid& grid, const Gemm& gemm) const {
  const Reduction k = reduction(plan_.hardware, gemm.terms, gemm.bits);
  phase.reads.insert(phase.reads.end(), {gemm.a, gemm.b});
  phase.loads.push_back(load_operand(at(gemm.b), LoadTarget::SPAD_B, grid, k, k.b_resident));
  phase.loads.push_back(load_operand(at(gemm.a), LoadTarget::SPAD_A, grid, k, false));
  Command command(Opcode::GEMM);
  set_loops(command, grid, k.bytes.count);
  set_cols(command, elements(k.bytes, kSegments));
  command.set(Field::BITS4, gemm.bits == 4 ? 1 : 0).set(Field::PARITY0, 0).set(Field::PARITY1, k.b_resident ? 2 : 0);
  command.set(Field::B_STEP, k.b_resident ? k.bytes.size / plan_.hardware.axi_bytes : 0);
  phase.gemm = command;
}

/// Section k of VIN starts behind k double buffers (UPDATE, LOSS); TILE has one section.
void Lowering::load_words(PhaseCommands& phase, int tensor, const TileGrid& grid, int section) const {
  Command load = transfer(Opcode::LOAD, at(tensor));
  load.set(Field::TARGET, static_cast<int>(LoadTarget::VIN));
  set_loops(load, grid);
  set_strides(load, std::int64_t{4} * grid.cols.size, std::int64_t{grid.rows.size} * at(tensor).pitch);
  set_rows(load, elements(grid.rows, kRowTiles));
  set_cols(load, bytes(grid.cols, 32, kColumnTiles));
  load.set(Field::LOCAL_BASE, 2 * section * grid.stride).set(Field::LOCAL_STRIDE, grid.stride);
  load.set(Field::LOCAL_PITCH, grid.groups);
  phase.loads.push_back(load);
  phase.reads.push_back(tensor);
}

void Lowering::load_mask(PhaseCommands& phase, int tensor, const TileGrid& grid) const {
  const TensorPlacement& mask = at(tensor);
  Command load = transfer(Opcode::LOAD, mask);
  load.set(Field::TARGET, static_cast<int>(LoadTarget::VIN));
  set_loops(load, grid, static_cast<int>(phase.gemm->get(Field::N2)));
  set_strides(load, std::int64_t{mask.pitch} * grid.rows.count, mask.pitch);
  set_rows(load, fixed(1));
  set_cols(load, fixed(mask.pitch));
  load.set(Field::EXEC_LEVEL, 1).set(Field::PARITY0, 1).set(Field::LOCAL_STRIDE, grid.stride);
  phase.loads.push_back(load);
  phase.reads.push_back(tensor);
}

void Lowering::store_words(PhaseCommands& phase, int tensor, const TileGrid& grid, int section) const {
  Command store = transfer(Opcode::STORE, at(tensor));
  store.set(Field::TARGET, static_cast<int>(StoreSource::RAW));
  set_loops(store, grid);
  set_strides(store, std::int64_t{4} * grid.cols.size, std::int64_t{grid.rows.size} * at(tensor).pitch);
  set_rows(store, elements(grid.rows, kRowTiles));
  set_cols(store, bytes(grid.cols, 32, kColumnTiles));
  store.set(Field::LOCAL_BASE, 2 * section * grid.stride).set(Field::LOCAL_STRIDE, grid.stride);
  store.set(Field::LOCAL_PITCH, grid.groups);
  phase.writes.push_back({tensor, static_cast<int>(phase.stores.size())});
  phase.stores.push_back(store);
}

/// Each packing that the layout has a place for.
void Lowering::store_codes(PhaseCommands& phase, const Codes& codes, const TileGrid& grid) const {
  const int bits = plan_.layer_bits(codes.layer);
  const std::string name = plan_.name(codes.layer, codes.what);
  for (const Packing packing : {Packing::kRows, Packing::kColumns}) {
    const int index = find(name, packing);
    if (index < 0) continue;
    const bool by_rows = packing == Packing::kRows;
    const Cut& memory_rows = by_rows ? grid.rows : grid.cols;
    const Cut& packed = by_rows ? grid.cols : grid.rows;
    const std::int64_t row_step = std::int64_t{memory_rows.size} * at(index).pitch;
    const std::int64_t byte_step = std::int64_t{packed.size} * bits / 8;
    Command store = transfer(Opcode::STORE, at(index));
    store.set(Field::TARGET, static_cast<int>(by_rows ? StoreSource::P1 : StoreSource::P2));
    set_loops(store, grid);
    set_strides(store, by_rows ? byte_step : row_step, by_rows ? row_step : byte_step);
    set_rows(store, elements(memory_rows, by_rows ? kRowTiles : kColumnTiles));
    set_cols(store, bytes(packed, bits, by_rows ? kColumnTiles : kRowTiles));
    phase.writes.push_back({index, static_cast<int>(phase.stores.size())});
    phase.stores.push_back(store);
  }
}

void Lowering::store_mask(PhaseCommands& phase, int tensor, const TileGrid& grid) const {
  const TensorPlacement& mask = at(tensor);
  Command store = transfer(Opcode::STORE, mask);
  store.set(Field::TARGET, static_cast<int>(StoreSource::MASK));
  set_loops(store, grid);
  set_strides(store, std::int64_t{mask.pitch} * grid.rows.count, mask.pitch);
  set_rows(store, fixed(1));
  set_cols(store, fixed(mask.pitch));
  phase.writes.push_back({tensor, static_cast<int>(phase.stores.size())});
  phase.stores.push_back(store);
}

void Lowering::load_labels(PhaseCommands& phase, const TileGrid& grid) const {
  const int index = tensor("labels", Packing::kInt32);
  Command load = transfer(Opcode::LOAD, at(index));
  load.set(Field::TARGET, static_cast<int>(LoadTarget::VIN));
  set_loops(load, grid);
  set_strides(load, 0, std::int64_t{4} * grid.rows.size);
  set_rows(load, fixed(1));
  set_cols(load, bytes(grid.rows, 32, kRowTiles));
  load.set(Field::LOCAL_BASE, 2 * grid.stride).set(Field::LOCAL_STRIDE, grid.stride);
  phase.loads.push_back(load);
  phase.reads.push_back(index);
}

Command Lowering::over_tiles(Opcode opcode, const TileGrid& grid, const std::string& statistics) const {
  Command command(opcode);
  set_loops(command, grid);
  set_rows(command, elements(grid.rows, kRowTiles));
  set_cols(command, elements(grid.cols, kColumnTiles));
  command.set(Field::STAT, table_.statistics(statistics)).set(Field::VIN_STRIDE, grid.stride);
  return command;
}

void Lowering::make_codes(Command& tile, const Codes& codes) const {
  tile.set_flag(Flag::CODES_OUT).set(Field::RATIO, entry("tmp.ratio"));
  tile.set(Field::BITS4, plan_.layer_bits(codes.layer) == 4 ? 1 : 0);
  tile.set(Field::ROUNDING, static_cast<int>(codes.rounding));
  tile.set(Field::TENSOR, codes.tensor).set(Field::USE, static_cast<int>(RandomUse::kQuantize));
}

int Lowering::find(const std::string& name, Packing packing) const {
  for (std::size_t i = 0; i < program_.tensors.size(); ++i) {
    if (program_.tensors[i].name == name && program_.tensors[i].packing == packing) return static_cast<int>(i);
  }
  return -1;
}

int Lowering::tensor(const std::string& name, Packing packing) const {
  const int index = find(name, packing);
  if (index < 0) throw Error(fmt::format("lowering: tensor {} has no place in memory", name));
  return index;
}

}  // namespace bitloom
