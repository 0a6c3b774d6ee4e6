#include "kernels/step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "model/io/error.hpp"

namespace bitloom {

bool LayerShape::is_plain() const {
  const auto is = [](const Pair& pair, int value) { return pair.rows == value && pair.cols == value; };
  return is(conv.kernel, 1) && is(conv.stride, 1) && is(conv.padding, 0) && conv.groups == 1;
}

void set_pitches(Gather& gather, std::int64_t pixel, const ImageShape& image) {
  gather.pixel_pitch = pixel;
  gather.line_pitch = pixel * image.width;
  gather.image_pitch = gather.line_pitch * image.height;
}

std::int64_t bytes_of(const Lowering& low, int tensor, int cols) {
  return divide_up(std::int64_t{cols} * low.tensor(tensor).bits, 8);
}

std::vector<StridePhase> stride_phases(int extent, int kernel, int stride, int padding, int dilation) {
  std::vector<StridePhase> phases;
  for (int first = 0; first < std::min(stride, extent); ++first) {
    StridePhase phase;
    phase.first = first;
    phase.count = (extent - first + stride - 1) / stride;
    const int common = std::gcd(stride, dilation);
    phase.tap_step = stride / common;
    phase.output_step = -dilation / common;
    for (int tap = kernel - 1; tap >= 0; --tap) {
      if ((first + padding - tap * dilation) % stride != 0) continue;
      phase.tap0 = tap;
      ++phase.taps;
    }
    phase.offset = (first + padding - phase.tap0 * dilation) / stride;
    phases.push_back(phase);
  }
  return phases;
}

Statistics::Statistics(Lowering& lowering, const std::vector<EntryName>& names, int phases)
    : low_(lowering), page_(lowering.table.statistics(names)), phases_(phases) {
  if (phases_ == 1) return;
  part_ = low_.table.temporary(3);
  for (int i = 0; i < 3; ++i) low_.copy(Src(), page_ + i);
}

Entry Statistics::next() { return phases_ == 1 ? page_ : part_; }

void Statistics::fold() {
  if (phases_ == 1) return;
  low_.imax(page_, part_, page_);
  low_.iadd(page_ + 1, part_ + 1, page_ + 1);
  low_.iadd(page_ + 2, part_ + 2, page_ + 2);
}

void Statistics::go_on(Command& command) {
  command.set(Field::STAT, page_).set(Field::STAT_SLOT, 1).set(Field::STAT_KEEP, begun_ ? 1 : 0);
  begun_ = true;
}

Step::Step(Lowering& lowering, const Recipe& rules, const LowerOptions& lower_options)
    : low(lowering),
      recipe(rules),
      options(lower_options),
      graph(step_graph(lowering.program.network, rules, lower_options.batch)),
      states_(graph.stages.size()) {
  low.power_units = recipe.update.store == WeightStore::kInteger;
  low.schedule = options.schedule;
}

LayerShape Step::shape(int s) const {
  LayerShape result;
  result.conv = convolution_of(low.program.network, stage(s));
  result.group_in = result.conv.in / result.conv.groups;
  result.group_out = result.conv.out / result.conv.groups;
  return result;
}

int Step::state_tensor(int s, const What<StepTensor>& what) const {
  const TensorHandle wanted{stage(s).node, what};
  const std::vector<StateTensor>& tensors = low.program.state.tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].handle == wanted) return low.program.state_places[i];
  }
  throw Error(fmt::format("lowering: {} is no tensor of the state", name_of(wanted, low.program.network)));
}

/// Bits in which memory keeps the codes of the network's input for layer s. 4-bit codes of an odd
/// number of channels are kept in bytes: pixels fill whole bytes anyway, and then the taps of a kernel's row are one
/// piece of memory to LOAD, not one each. Not where logarithmic codes meet them, which stay nibbles (common_width()).
int Step::input_bits(int s) const {
  const int bits = stage(s).rule.width(stage(s).rule.activation);
  const bool meets_log = std::any_of(graph.stages.begin(), graph.stages.end(), [](const Stage& each) {
    return each.is_gemm() && each.inputs.front() == kFromNetwork && each.rule.gradient.quantizer == Quantizer::kLog;
  });
  const bool in_bytes = bits == 4 && stage(s).in.channels % 2 == 1 && shape(s).taps() > 1 && !meets_log;
  return in_bytes ? 8 : bits;
}

/// Places what lives across steps, and the batch block.
void Step::place_state() {
  page_ = low.layout.add(Own("table"), 32, 1, low.table.frozen() ? low.table.page_entries() : 1);
  for (const StateTensor& tensor : low.program.state.tensors) {
    const TensorName name =
        tensor.recorded_rows.empty() ? TensorName(tensor.handle) : Own(tensor.name, kind_of(tensor.handle.what.value));
    const int place = low.layout.add(name, tensor.memory_bits(), tensor.rows, tensor.cols,
                                     tensor.is_unsigned() ? Coding::kUnsigned : Coding::kSigned);
    low.program.state_places.push_back(place);
    for (std::size_t row = 0; row < tensor.recorded_rows.size(); ++row) {
      low.layout.alias_row(place, static_cast<int>(row), tensor.recorded_rows[row]);
    }
  }
  int largest = 1;
  for (int s = 0; s < static_cast<int>(graph.stages.size()); ++s) {
    if (!stage(s).is_gemm()) continue;
    largest = std::max(largest, shape(s).conv.out);
    name_largest_weight(s);
  }
  ones_ = low.layout.add(Own("ones"), 4, 1, largest);
  low.layout.close_state();
  for (int s = 0; s < static_cast<int>(graph.stages.size()); ++s) {
    if (!stage(s).is_gemm() || stage(s).inputs.front() != kFromNetwork) continue;
    const ImageShape& in = stage(s).in;
    const int x = low.layout.share_in_batch(handle(s, StepTensor::kX), input_bits(s), in.rows(), in.channels);
    at(s).x = {x, low.table.named(Own("input.sx")), Kind::SIGNED, Expand::SIGNED};
  }
  labels_ = low.layout.add_to_batch(Own("labels"), 32, 1, options.batch);
}

void Step::load_table() {
  low.at(-1, "tables", "load the table");
  const int entries = low.program.tensors[static_cast<std::size_t>(page_)].cols;
  Phase phase(low, low.vector_tiles(1, entries, {.in = 1}));
  phase.input({.tensor = page_});
  phase.vector(Opcode::TABLE_LOAD);
  phase.run();
  low.copy(Src(), kTableScaleSaturations);
  for (int s = 0; s < static_cast<int>(graph.stages.size()); ++s) {
    if (stage(s).is_gemm() && stage(s).inputs.front() == kFromNetwork)
      low.copy(low.table.named(Own("input.sx")), entry(s, StepScalar::kSx));
  }
  start_scales();
  const Lowering::Silence silence(low, !options.part.last || options.forward_only);
  if (recipe.update.optimizer == Optimizer::kAdam) adam_rate();
}

void Step::store_table() {
  low.at(-1, "tables", "store the table");
  const int entries = low.program.tensors[static_cast<std::size_t>(page_)].cols;
  Phase phase(low, low.vector_tiles(1, entries, {.out = 1}));
  phase.vector(Opcode::TABLE_STORE);
  phase.output({.tensor = page_});
  phase.run();
}

void Step::run() {
  place_state();
  load_table();
  for (int s = 0; s < static_cast<int>(graph.stages.size()); ++s) {
    const Lowering::Scope scope(low);
    if (stage(s).is_gemm()) weight_codes(s);
  }
  for (int s = 0; s < static_cast<int>(graph.stages.size()); ++s) {
    const Lowering::Scope scope(low);
    forward(s);
  }
  if (!options.forward_only) {
    loss();
    for (int s = static_cast<int>(graph.stages.size()) - 1; s >= 0; --s) backward(s);
  }
  store_table();
  low.finish();
}

void Step::forward(int s) {
  switch (stage(s).op) {
    case Op::kLinear:
    case Op::kConv2d:
      if (stage(s).inputs.front() != kFromNetwork && !stage(stage(s).inputs.front()).result_at_once) {
        input_codes(s);
      }
      return forward_layer(s);
    case Op::kBatchNorm:
      return norm_forward(s);
    case Op::kAdd:
      return add_forward(s);
    case Op::kMaxPool:
    case Op::kAveragePool:
      return pool_forward(s);
    case Op::kRelu:
    case Op::kFlatten:
    case Op::kSoftmaxCrossEntropy:
      return;  // no stages (TrainingGraph)
  }
}

void Step::backward(int s) {
  const Lowering::Scope scope(low);
  switch (stage(s).op) {
    case Op::kLinear:
    case Op::kConv2d: {
      if (at(s).d.tensor < 0) gradient_codes(s);
      if (stage(s).inputs.front() != kFromNetwork) activation_gradient(s);
      weight_gradient(s);
      return update(s);
    }
    case Op::kBatchNorm:
      return norm_backward(s);
    case Op::kAdd:
      return add_backward(s);
    case Op::kMaxPool:
    case Op::kAveragePool:
      return pool_backward(s);
    case Op::kRelu:
    case Op::kFlatten:
    case Op::kSoftmaxCrossEntropy:
      return;
  }
}

/// Lowers the loss and the gradient of the logits (N7).
void Step::loss() {
  const Lowering::Scope scope(low);
  const int s = static_cast<int>(graph.stages.size()) - 1;
  phase(s, "loss", "loss and its gradient");
  loss_unit(entry(s, StepScalar::kDUnit));
  const Src c = low.mul(at(s).raw.unit, low.word_of(word(kLog2E)));
  const int classes = static_cast<int>(stage(s).out.elements() / options.batch);
  const ImageShape& out = stage(s).out;  // its rows, which a flatten before the loss sees as one a sample
  const int mask = at(s).mask;
  const int made = mask < 0 ? add_raw(s, StepTensor::kDRaw, out.rows(), out.channels)
                            : add_own(s, "d_loss", out.rows(), out.channels, MemoryKind::kGradients);
  const std::int64_t pitch = std::int64_t{4} * classes;
  Phase phase(low, loss_grid(low.context(), options.batch, classes));
  phase.input({.tensor = at(s).raw.tensor, .pitch = pitch});
  phase.labels({.tensor = labels_});
  phase.vector(Opcode::LOSS)
      .set(Field::RATIO, c.entry)
      .set(Field::STAT, low.table.statistics({ScalarHandle{kWholeStep, StepScalar::kLoss},
                                              ScalarHandle{kWholeStep, StepScalar::kCorrect}}));
  phase.output({.tensor = made, .pitch = pitch});
  phase.run();
  GradientPlace place{made, mask, kUnread, kUnread, entry(s, StepScalar::kDUnit)};
  if (needs_gradient_maximum(s)) {
    place.maximum = handle(s, StepScalar::kDMax);
    place.saturations = handle(s, StepScalar::kDRawSat);
  }
  if (mask >= 0) {
    this->phase(s, "loss", "gradient behind its ReLU");
    place.tensor = add_raw(s, StepTensor::kDRaw, out.rows(), out.channels);
    mask_gradient(made, place);
  } else if (needs_gradient_maximum(s)) {
    this->phase(s, "loss", "max |d_raw|");
    Phase maximum(low, low.vector_tiles(options.batch, classes, {.in = 1}));
    maximum.input({.tensor = made, .pitch = pitch});
    maximum.vector(Opcode::TILE)
        .set_flag(Flag::FROM_VIN)
        .set(Field::STAT, Statistics(low, {place.maximum, kUnread, place.saturations}, 1).next());
    maximum.run();
  }
  at(s).gradient = {place.tensor, place.unit, Src()};
  if (needs_gradient_maximum(s)) at(s).gradient.max = entry(s, StepScalar::kDMax);
}

/// Makes the unit of the loss's gradient (N7.3); for NITI it is a power of two, rounded up (N24.4).
void Step::loss_unit(Entry to) {
  const auto samples = static_cast<std::uint32_t>(options.batch);
  if (recipe.update.store == WeightStore::kInteger) {
    low.copy(low.word_of(word(power_of_two(16 + static_cast<int>(std::bit_width(samples)) - 1))), to);
  } else {
    low.div(low.word_of(word(kTwoToMinus16)), low.word_of(word(from_integer(samples))), to);
  }
}

}  // namespace bitloom
