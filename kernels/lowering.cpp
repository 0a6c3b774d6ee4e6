#include "kernels/lowering.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bitloom {

Lowering::Lowering(const StepPlan& plan, const TablePlan& table, std::uint32_t mu16, Program& program)
    : plan_(plan), table_(table), mu16_(mu16), program_(program), builder_(program) {}

void Lowering::run() {
  for (const PhaseNode& node : training_graph(plan_.chain, plan_.recipe)) {
    node_ = node;
    lower(node);
  }
  builder_.finish();
}

void Lowering::lower(const PhaseNode& node) {
  const int l = node.layer;
  switch (node.op) {
    case PhaseOp::kLoadTable:
      return load_table();
    case PhaseOp::kQuantizeWeights:
      return quantize_weights(l);
    case PhaseOp::kBias:
      return bias(l);
    case PhaseOp::kForward:
      return forward(l);
    case PhaseOp::kQuantizeActivation:
      return quantize_activation(l);
    case PhaseOp::kLoss:
      return loss(l);
    case PhaseOp::kGradientMaximum:
      return gradient_maximum(l);
    case PhaseOp::kQuantizeGradient:
      return quantize_gradient(l);
    case PhaseOp::kActivationGradient:
      return activation_gradient(l);
    case PhaseOp::kWeightGradient:
      return weight_gradient(l);
    case PhaseOp::kUpdateWeights:
      return update(l, false);
    case PhaseOp::kUpdateBias:
      return update(l, true);
    case PhaseOp::kStoreTable:
      return store_table();
  }
}

void Lowering::scalar(Command command, const std::string& text) {
  CommandInfo info = begin().info;
  info.text = text;
  builder_.scalar(command, std::move(info));
}

void Lowering::mul(const std::string& dst, int a, int b) {
  Command command(Opcode::SCALAR);
  command.set(Field::SCALAR_OP, static_cast<int>(ScalarOp::MUL)).set(Field::DST, entry(dst));
  command.set(Field::SRC_A, a).set(Field::SRC_B, b);
  scalar(command, dst);
}

void Lowering::div(const std::string& dst, int a, int b) {
  Command command(Opcode::SCALAR);
  command.set(Field::SCALAR_OP, static_cast<int>(ScalarOp::DIV)).set(Field::DST, entry(dst));
  command.set(Field::SRC_A, a).set(Field::SRC_B, b);
  scalar(command, dst);
}

void Lowering::copy(const std::string& dst, const std::string& a) {
  Command command(Opcode::SCALAR);
  command.set(Field::SCALAR_OP, static_cast<int>(ScalarOp::COPY)).set(Field::DST, entry(dst));
  scalar(command.set(Field::SRC_A, entry(a)), dst);
}

void Lowering::max_to_scale(const std::string& dst, const std::string& max, const std::string& unit, int bits,
                            const std::string& keep) {
  Command command(Opcode::SCALAR);
  command.set(Field::SCALAR_OP, static_cast<int>(ScalarOp::MAX_TO_SCALE)).set(Field::DST, entry(dst));
  command.set(Field::SRC_A, entry(max)).set(Field::SRC_B, entry(unit)).set(Field::QMAX, qmax(bits));
  if (!keep.empty()) command.set(Field::SCALAR_KEEP, 1).set(Field::SRC_KEEP, entry(keep));
  scalar(command, dst);
}

/// The table page in pieces that fit VIN and VOUT.
void Lowering::move_table(Opcode opcode, const std::string& text) {
  const Hardware& hw = plan_.hardware;
  const int piece = std::min(hw.vin_words, hw.vout_words) * hw.lanes();
  const int page = tensor("table", Packing::kTable);
  for (int first = 0; first < table_.size(); first += piece) {
    const int entries = std::min(piece, table_.size() - first);
    const int words = entries / hw.lanes();
    const TileGrid grid{cut(1, 1), cut(entries, entries), words, words};
    PhaseCommands phase = begin();
    phase.info.text = text;
    Command command(opcode);
    command.set(Field::DST, first).set(Field::COLS, entries).set(Field::COLS_LAST, entries).set(Field::COLS_DIM, 3);
    phase.vector = command;
    if (opcode == Opcode::TABLE_LOAD) {
      load_words(phase, page, grid, 0);
    } else {
      store_words(phase, page, grid, 0);
    }
    for (std::vector<Command>* group : {&phase.loads, &phase.stores}) {
      for (Command& transfer : *group) transfer.set(Field::ADDR, std::int64_t{at(page).address} + 4 * first);
    }
    builder_.phase(std::move(phase));
  }
}

/// The table page, and step (1) of N10.
void Lowering::load_table() {
  move_table(Opcode::TABLE_LOAD, "load the table");
  copy("scale_sat", "unit.zero");
  for (int l = 0; l < plan_.layers(); ++l) {
    if (l > 0 && !plan_.exact_x()) copy(plan_.name(l, "sx"), plan_.name(l, "sx_next"));
    if (!plan_.exact_d()) copy(plan_.name(l, "sd"), plan_.name(l, "sd_next"));
  }
  div("tmp.loss_unit", entry("unit.two_to_minus16"), entry("unit.batch"));
}

void Lowering::store_table() { move_table(Opcode::TABLE_STORE, "store the table"); }

/// N6.4.
void Lowering::quantize_weights(int l) {
  const LinearLayer& layer = plan_.layer(l);
  const TileGrid grid = plan_.grid(l, "weights", layer.in, layer.out);
  const Codes codes{l, "w", plan_.recipe.weight.rounding, tensor_id(l, TensorKind::kWeight)};
  max_to_scale(plan_.name(l, "sw"), plan_.name(l, "wmax"), "unit.master", plan_.layer_bits(l));
  div("tmp.ratio", entry("unit.master"), entry(plan_.name(l, "sw")));
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": master to w";
  load_words(phase, tensor(plan_.name(l, "master"), Packing::kInt32), grid, 0);
  Command command = over_tiles(Opcode::TILE, grid, plan_.name(l, "weights"));
  make_codes(command.set_flag(Flag::FROM_VIN), codes);
  phase.vector = command;
  store_codes(phase, codes, grid);
  builder_.phase(std::move(phase));
}

/// s_acc of the layer and b_acc in VBIAS (N5.1).
void Lowering::bias(int l) {
  const LinearLayer& layer = plan_.layer(l);
  require_bias_fits(plan_.context(l, "bias"), layer.out);
  const TileGrid grid = plan_.grid(l, "bias", 1, layer.out);
  TileGrid row{cut(1, 1), grid.cols, grid.groups, grid.groups};
  mul(plan_.name(l, "s_acc"), entry(plan_.name(l, "sx")), entry(plan_.name(l, "sw")));
  div(plan_.name(l, "ratio_b"), entry("unit.bias"), entry(plan_.name(l, "s_acc")));
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": bias to accumulator units";
  load_words(phase, tensor(plan_.name(l, "bias"), Packing::kInt32), row, 0);
  Command command = over_tiles(Opcode::TILE, row, plan_.name(l, "bias"));
  command.set_flag(Flag::FROM_VIN).set_flag(Flag::BIAS_OUT).set(Field::RATIO, entry(plan_.name(l, "ratio_b")));
  phase.vector = command;
  builder_.phase(std::move(phase));
}

Lowering::Codes Lowering::activation_codes(int l) const {
  return {l + 1, "x", plan_.recipe.activation.rounding, tensor_id(l, TensorKind::kActivation)};
}

Lowering::Codes Lowering::gradient_codes(int l) const {
  return {l, "d", plan_.recipe.gradient.rounding, tensor_id(l, TensorKind::kGradient)};
}

/// N5.1, N5.2, and with hindsight N6.2 and N6.3 of the next layer's x.
void Lowering::forward(int l) {
  const LinearLayer& layer = plan_.layer(l);
  const bool codes_now = l + 1 < plan_.layers() && !plan_.exact_x();
  const std::string unit = plan_.name(l, "s_acc");
  if (!layer.bias) mul(unit, entry(plan_.name(l, "sx")), entry(plan_.name(l, "sw")));
  if (codes_now) div("tmp.ratio", entry(unit), entry(plan_.name(l + 1, "sx")));
  const TileGrid grid = plan_.grid(l, "FORWARD", plan_.batch, layer.out);
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": x · w";
  add_gemm(phase, grid,
           {tensor(plan_.name(l, "x"), Packing::kRows), tensor(plan_.name(l, "w"), Packing::kColumns), layer.in,
            plan_.layer_bits(l)});
  Command command = over_tiles(Opcode::TILE, grid, plan_.name(l, "forward"));
  if (layer.bias) command.set_flag(Flag::ADD_BIAS);
  if (layer.relu) command.set_flag(Flag::RELU).set_flag(Flag::MASK_OUT);
  if (codes_now) {
    make_codes(command, activation_codes(l));
    store_codes(phase, activation_codes(l), grid);
  } else {
    command.set_flag(Flag::RAW_OUT);
    store_words(phase, tensor(plan_.name(l, "z_raw"), Packing::kInt32), grid, 0);
  }
  if (layer.relu) store_mask(phase, tensor(plan_.name(l, "mask"), Packing::kMask), grid);
  phase.vector = command;
  builder_.phase(std::move(phase));
  if (!codes_now) return;
  const int bits = plan_.layer_bits(l + 1);
  max_to_scale(plan_.name(l + 1, "sx_next"), plan_.name(l, "zmax"), unit, bits, plan_.name(l + 1, "sx"));
}

/// N6.1 and N6.3.
void Lowering::quantize_activation(int l) {
  const LinearLayer& layer = plan_.layer(l);
  const std::string unit = plan_.name(l, "s_acc");
  const std::string scale = plan_.name(l + 1, "sx");
  const TileGrid grid = plan_.grid(l, "quantize", plan_.batch, layer.out);
  max_to_scale(scale, plan_.name(l, "zmax"), unit, plan_.layer_bits(l + 1));
  div("tmp.ratio", entry(unit), entry(scale));
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": z_raw to " + plan_.name(l + 1, "x");
  load_words(phase, tensor(plan_.name(l, "z_raw"), Packing::kInt32), grid, 0);
  Command command = over_tiles(Opcode::TILE, grid, plan_.name(l, "quantize_x"));
  make_codes(command.set_flag(Flag::FROM_VIN), activation_codes(l));
  phase.vector = command;
  store_codes(phase, activation_codes(l), grid);
  builder_.phase(std::move(phase));
}

/// N7.
void Lowering::loss(int l) {
  const LinearLayer& layer = plan_.layer(l);
  const TileGrid grid = loss_grid(plan_.context(l, "LOSS"), plan_.batch, layer.out);
  mul("tmp.ratio", entry(plan_.name(l, "s_acc")), entry("unit.log2e"));
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": loss and its gradient";
  load_words(phase, tensor(plan_.name(l, "z_raw"), Packing::kInt32), grid, 0);
  load_labels(phase, grid);
  Command command = over_tiles(Opcode::LOSS, grid, "loss");
  phase.vector = command.set(Field::RATIO, entry("tmp.ratio"));
  store_words(phase, tensor(plan_.name(l, "d_raw"), Packing::kInt32), grid, 0);
  builder_.phase(std::move(phase));
}

/// The last layer's dmax: a pass that makes nothing but statistics.
void Lowering::gradient_maximum(int l) {
  const LinearLayer& layer = plan_.layer(l);
  const TileGrid grid = plan_.grid(l, "quantize", plan_.batch, layer.out);
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": max |d_raw|";
  load_words(phase, tensor(plan_.name(l, "d_raw"), Packing::kInt32), grid, 0);
  phase.vector = over_tiles(Opcode::TILE, grid, plan_.name(l, "gradient")).set_flag(Flag::FROM_VIN);
  builder_.phase(std::move(phase));
}

/// N6 of layer l's gradient from its raw view in memory.
void Lowering::quantize_gradient(int l) {
  const LinearLayer& layer = plan_.layer(l);
  const bool last = l + 1 == plan_.layers();
  const std::string unit = last ? "tmp.loss_unit" : "tmp.unit";
  const std::string scale = plan_.name(l, "sd");
  if (!last) mul(unit, entry(plan_.name(l + 1, "sd")), entry(plan_.name(l + 1, "sw")));
  if (plan_.exact_d()) max_to_scale(scale, plan_.name(l, "dmax"), unit, plan_.layer_bits(l));
  div("tmp.ratio", entry(unit), entry(scale));
  const TileGrid grid = plan_.grid(l, "quantize", plan_.batch, layer.out);
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": d_raw to d";
  load_words(phase, tensor(plan_.name(l, "d_raw"), Packing::kInt32), grid, 0);
  const std::string statistics = plan_.exact_d() ? "quantize_d" : "gradient";
  Command command = over_tiles(Opcode::TILE, grid, plan_.name(l, statistics));
  make_codes(command.set_flag(Flag::FROM_VIN), gradient_codes(l));
  phase.vector = command;
  store_codes(phase, gradient_codes(l), grid);
  builder_.phase(std::move(phase));
  if (!plan_.exact_d()) max_to_scale(plan_.name(l, "sd_next"), plan_.name(l, "dmax"), unit, plan_.layer_bits(l), scale);
}

/// N5.3 into layer l − 1.
void Lowering::activation_gradient(int l) {
  const LinearLayer& layer = plan_.layer(l);
  const LinearLayer& below = plan_.layer(l - 1);
  const std::string scale = plan_.name(l - 1, "sd");
  if (!plan_.exact_d()) {
    mul("tmp.unit", entry(plan_.name(l, "sd")), entry(plan_.name(l, "sw")));
    div("tmp.ratio", entry("tmp.unit"), entry(scale));
  }
  const TileGrid grid = plan_.grid(l, "DGRAD", plan_.batch, layer.in);
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": d · w into " + below.name;
  add_gemm(phase, grid,
           {tensor(plan_.name(l, "d"), Packing::kRows), tensor(plan_.name(l, "w"), Packing::kRows), layer.out,
            plan_.layer_bits(l)});
  Command command = over_tiles(Opcode::TILE, grid, plan_.name(l - 1, "gradient"));
  if (below.relu) {
    load_mask(phase, tensor(plan_.name(l - 1, "mask"), Packing::kMask), grid);
    command.set_flag(Flag::MASK_IN);
  }
  if (plan_.exact_d()) {
    command.set_flag(Flag::RAW_OUT);
    store_words(phase, tensor(plan_.name(l - 1, "d_raw"), Packing::kInt32), grid, 0);
  } else {
    make_codes(command, gradient_codes(l - 1));
    store_codes(phase, gradient_codes(l - 1), grid);
  }
  phase.vector = command;
  builder_.phase(std::move(phase));
  if (plan_.exact_d()) return;
  const int bits = plan_.layer_bits(l - 1);
  max_to_scale(plan_.name(l - 1, "sd_next"), plan_.name(l - 1, "dmax"), "tmp.unit", bits, scale);
}

/// N5.4: dw and, from the ones row of x, db.
void Lowering::weight_gradient(int l) {
  const LinearLayer& layer = plan_.layer(l);
  const TileGrid grid = plan_.grid(l, "WGRAD", layer.in + (layer.bias ? 1 : 0), layer.out);
  const int dw = tensor(plan_.name(l, "dw"), Packing::kInt32);
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": x · d";
  add_gemm(phase, grid,
           {tensor(plan_.name(l, "x"), Packing::kColumns), tensor(plan_.name(l, "d"), Packing::kColumns), plan_.batch,
            plan_.layer_bits(l)});
  phase.vector = over_tiles(Opcode::TILE, grid, plan_.name(l, "wgrad")).set_flag(Flag::RAW_OUT);
  store_words(phase, dw, grid, 0);
  if (layer.bias) phase.writes.push_back({tensor(plan_.name(l, "db"), Packing::kInt32), 0});
  builder_.phase(std::move(phase));
}

/// N9 of the weights, or of the bias.
void Lowering::update(int l, bool of_bias) {
  const LinearLayer& layer = plan_.layer(l);
  const std::string gradient = of_bias ? "db" : "dw";
  const std::string value = of_bias ? "bias" : "master";
  const std::string momentum = of_bias ? "bias_momentum" : "momentum";
  const TileGrid grid = update_grid(plan_.context(l, "update"), of_bias ? 1 : layer.in, layer.out);
  if (!of_bias) mul("tmp.unit", entry(plan_.name(l, "sd")), entry(plan_.name(l, "sx")));
  div("tmp.ratio", entry(of_bias ? plan_.name(l, "sd") : "tmp.unit"), entry("unit.momentum"));
  mul("tmp.step", kTableLearningRate, entry("unit.momentum"));
  div("tmp.ratio_w", entry("tmp.step"), entry(of_bias ? "unit.bias" : "unit.master"));
  PhaseCommands phase = begin();
  phase.info.text = layer.name + ": update of " + value;
  load_words(phase, tensor(plan_.name(l, gradient), Packing::kInt32), grid, 0);
  load_words(phase, tensor(plan_.name(l, value), Packing::kInt32), grid, 1);
  load_words(phase, tensor(plan_.name(l, momentum), Packing::kInt32), grid, 2);
  Command command = over_tiles(Opcode::UPDATE, grid, plan_.name(l, of_bias ? "bias_update" : "update"));
  command.set(Field::RATIO, entry("tmp.ratio")).set(Field::RATIO_W, entry("tmp.ratio_w")).set(Field::MU16, mu16_);
  command.set(Field::TENSOR, tensor_id(l, of_bias ? TensorKind::kBias : TensorKind::kWeight));
  if (of_bias) command.set_flag(Flag::MASTER32);
  if (!plan_.recipe.update.stochastic) command.set_flag(Flag::UPDATE_HALF_UP);
  phase.vector = command;
  store_words(phase, tensor(plan_.name(l, value), Packing::kInt32), grid, 0);
  store_words(phase, tensor(plan_.name(l, momentum), Packing::kInt32), grid, 1);
  builder_.phase(std::move(phase));
}

}  // namespace bitloom
