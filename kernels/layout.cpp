#include "kernels/layout.hpp"

#include <fmt/format.h>

#include "model/error.hpp"

namespace bitloom {

namespace {

/// Every placement starts at a multiple of this: of each W and of a command.
constexpr std::int64_t kAlignment = 64;

/// Places tensors one behind the other, from an address upwards.
class Placer {
 public:
  Placer(const StepPlan& plan, std::vector<TensorPlacement>& tensors, std::int64_t start, bool in_batch)
      : plan_(plan), tensors_(tensors), next_(start), in_batch_(in_batch) {}

  std::int64_t next() const { return next_; }

  void codes(int l, const std::string& what, Packing packing, int rows, int cols, bool ones_row = false) {
    const bool by_rows = packing == Packing::kRows;
    const std::int64_t memory_rows = (by_rows ? rows : cols) + (ones_row ? 1 : 0);
    const std::int64_t row_bytes = divide_up(std::int64_t{by_rows ? cols : rows} * plan_.layer_bits(l), 8);
    TensorPlacement& tensor =
        add(plan_.name(l, what), packing, plan_.layer_bits(l), rows, cols, memory_rows, row_bytes);
    tensor.ones_row = ones_row;
  }

  void words(const std::string& name, int rows, int cols) {
    add(name, Packing::kInt32, 32, rows, cols, rows, std::int64_t{4} * cols);
  }

  /// dw and, as its last memory row, db: the ones row of x makes both in one GEMM.
  void weight_gradient(int l) {
    const LinearLayer& layer = plan_.layer(l);
    const int memory_rows = layer.in + (layer.bias ? 1 : 0);
    TensorPlacement& dw =
        add(plan_.name(l, "dw"), Packing::kInt32, 32, layer.in, layer.out, memory_rows, std::int64_t{4} * layer.out);
    if (!layer.bias) return;
    dw.bytes -= dw.pitch;
    TensorPlacement db = dw;
    db.name = plan_.name(l, "db");
    db.rows = 1;
    db.address += dw.bytes;
    db.bytes = dw.pitch;
    tensors_.push_back(std::move(db));
  }

  void mask(int l) {
    const LinearLayer& layer = plan_.layer(l);
    const TileGrid grid = plan_.grid(l, "FORWARD", plan_.batch, layer.out);
    TensorPlacement& mask = add(plan_.name(l, "mask"), Packing::kMask, 1, plan_.batch, layer.out,
                                std::int64_t{grid.rows.count} * grid.cols.count, grid.stride);
    mask.tile_rows = grid.rows.size;
    mask.tile_cols = grid.cols.size;
  }

  TensorPlacement& add(const std::string& name, Packing packing, int bits, int rows, int cols, std::int64_t memory_rows,
                       std::int64_t row_bytes) {
    const std::int64_t pitch = round_up(row_bytes, plan_.hardware.axi_bytes);
    const std::int64_t bytes = pitch * memory_rows;
    if (next_ + bytes > std::int64_t{1} << 32) {
      throw Error(fmt::format("network {}: tensor {} lies beyond 32-bit addresses", plan_.network, name));
    }
    TensorPlacement tensor;
    tensor.name = name;
    tensor.packing = packing;
    tensor.bits = bits;
    tensor.rows = rows;
    tensor.cols = cols;
    tensor.pitch = static_cast<std::uint32_t>(pitch);
    tensor.bytes = static_cast<std::uint32_t>(bytes);
    tensor.address = static_cast<std::uint32_t>(next_);
    tensor.in_batch = in_batch_;
    next_ = round_up(next_ + bytes, kAlignment);
    tensors_.push_back(std::move(tensor));
    return tensors_.back();
  }

 private:
  const StepPlan& plan_;
  std::vector<TensorPlacement>& tensors_;
  std::int64_t next_;
  bool in_batch_;
};

/// What lives across steps.
void place_state(const StepPlan& plan, Placer& placer) {
  placer.add("table", Packing::kTable, 32, 1, plan.hardware.table_words, 1,
             std::int64_t{4} * plan.hardware.table_words);
  for (int l = 0; l < plan.layers(); ++l) {
    const LinearLayer& layer = plan.layer(l);
    placer.words(plan.name(l, "master"), layer.in, layer.out);
    placer.words(plan.name(l, "momentum"), layer.in, layer.out);
    if (!layer.bias) continue;
    placer.words(plan.name(l, "bias"), 1, layer.out);
    placer.words(plan.name(l, "bias_momentum"), 1, layer.out);
  }
}

/// Both packings of layer l's input; the second has the ones row that makes db.
void place_input(const StepPlan& plan, int l, Placer& placer) {
  const LinearLayer& layer = plan.layer(l);
  placer.codes(l, "x", Packing::kRows, plan.batch, layer.in);
  placer.codes(l, "x", Packing::kColumns, plan.batch, layer.in, layer.bias);
}

/// What a step makes for layer l. The first layer has no gradient of its input, so it needs fewer packings.
void place_layer(const StepPlan& plan, int l, Placer& placer) {
  const LinearLayer& layer = plan.layer(l);
  const bool last = l + 1 == plan.layers();
  if (l > 0) placer.codes(l, "w", Packing::kRows, layer.in, layer.out);
  placer.codes(l, "w", Packing::kColumns, layer.in, layer.out);
  if (l > 0) place_input(plan, l, placer);
  if (last || plan.exact_x()) placer.words(plan.name(l, "z_raw"), plan.batch, layer.out);
  if (layer.relu) placer.mask(l);
  if (last || plan.exact_d()) placer.words(plan.name(l, "d_raw"), plan.batch, layer.out);
  if (l > 0) placer.codes(l, "d", Packing::kRows, plan.batch, layer.out);
  placer.codes(l, "d", Packing::kColumns, plan.batch, layer.out);
  placer.weight_gradient(l);
}

}  // namespace

TilingContext StepPlan::context(int l, const std::string& gemm) const {
  return {hardware, fmt::format("network {}, layer {}, {}", network, layer(l).name, gemm)};
}

TileGrid StepPlan::grid(int l, const std::string& gemm, int rows, int cols) const {
  bool even_rows = false;
  for (const int each : bits) even_rows = even_rows || each == 4;
  return array_grid(context(l, gemm), rows, cols, even_rows);
}

void place_tensors(const StepPlan& plan, Program& program) {
  Placer state(plan, program.tensors, 0, false);
  place_state(plan, state);
  for (TensorPlacement& tensor : program.tensors) tensor.state = true;
  program.table_address = program.tensors.front().address;
  program.state_begin = 0;
  program.state_end = static_cast<std::uint32_t>(state.next());
  Placer step(plan, program.tensors, state.next(), false);
  for (int l = 0; l < plan.layers(); ++l) place_layer(plan, l, step);
  program.total_bytes = static_cast<std::uint64_t>(step.next());
  Placer batch(plan, program.tensors, 0, true);
  place_input(plan, 0, batch);
  batch.add("labels", Packing::kInt32, 32, 1, plan.batch, 1, std::int64_t{4} * plan.batch);
  program.batch_bytes = static_cast<std::uint32_t>(batch.next());
}

void place_program(const StepPlan& plan, int batch_slots, Program& program) {
  const std::uint64_t batch_address = program.total_bytes + program.commands.size() * kCommandBytes;
  program.program_address = static_cast<std::uint32_t>(program.total_bytes);
  program.batch_address = static_cast<std::uint32_t>(batch_address);
  program.batch_slots = batch_slots;
  program.total_bytes = batch_address + std::uint64_t{program.batch_bytes} * static_cast<std::uint64_t>(batch_slots);
  if (program.total_bytes > plan.hardware.dram_bytes) {
    throw Error(fmt::format("hardware {}: network {}: DRAM is too small: needs {} bytes, has {}", plan.hardware.name,
                            plan.network, program.total_bytes, plan.hardware.dram_bytes));
  }
}

}  // namespace bitloom
