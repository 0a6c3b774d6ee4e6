#include "model/golden/run.hpp"

#include <algorithm>
#include <optional>

#include "model/golden/record.hpp"
#include "model/io/error.hpp"
#include "model/numerics/functions.hpp"

namespace bitloom {

GoldenRun::GoldenRun(const Network& of, const Recipe& recipe, int threads)
    : source(of), graph(golden_graph(of, recipe)), schema(state_schema(of, recipe)), tools(recipe, threads) {
  for (std::size_t l = 0; l < graph.layer_nodes.size(); ++l) {
    layers.emplace_back(graph.nodes[size_of(graph.layer_nodes[l])], graph.rules[l]);
  }
  for (const int n : graph.norm_nodes) norms.emplace_back(graph.nodes[size_of(n)], recipe);
  const std::size_t nodes = graph.nodes.size();
  z.resize(nodes);
  g.resize(nodes);
  has_gradient.resize(nodes);
  has_mask.resize(nodes);
  z_saturated.resize(nodes);
  g_saturated.resize(nodes);
  for (std::size_t n = 0; n < nodes; ++n) operations.push_back(golden_operation({source, graph, n, threads}));
}

void GoldenRun::require_batch(const Batch& of) const {
  bitloom::require_batch(source, tools.recipe, graph.facts, of.M);
  const bool fit =
      of.labels.size() == size_of(of.M) && of.X.size() == size_of(of.M) * graph.input_elements && is_scale(of.scale);
  if (!fit) throw Error("golden step: the batch does not fit the network");
  const auto beyond = [this](std::uint8_t label) { return int{label} >= graph.classes; };
  if (std::any_of(of.labels.begin(), of.labels.end(), beyond)) throw Error("golden step: a label is out of range");
}

void GoldenRun::begin(const TrainState& state, const Batch& the_batch, const StepContext& context, bool exact,
                      bool training) {
  batch = &the_batch;
  tools.context = context;
  tools.micro_batch = micro_batch(context.step, tools.recipe.update.micro_batches);
  tools.samples = size_of(the_batch.M);
  tools.exact_scales = exact;
  tools.training = training;
  tools.totals = {};
  for (std::size_t l = 0; l < layers.size(); ++l) {
    layers[l].begin(state.layers[l], tools);
    if (layers[l].reads_input()) layers[l].take_input(the_batch.X, the_batch.scale);
  }
  std::fill(has_gradient.begin(), has_gradient.end(), false);
  std::fill(has_mask.begin(), has_mask.end(), false);
  std::fill(z_saturated.begin(), z_saturated.end(), 0);
  std::fill(g_saturated.begin(), g_saturated.end(), 0);
  part_saturated = 0;
}

void GoldenRun::forward(const TrainState& state) {
  for (const auto& operation : operations) operation->forward(*this, state);
}

void GoldenRun::narrow_gradient(std::size_t maker, int node, bool behind_mask) {
  const GoldenNode& by = graph.nodes[maker];
  const GoldenNode& of = graph.nodes[size_of(node)];
  if (by.input_gradient_bits == 32) return;
  RawTensor& to = destination(node);
  if (behind_mask && of.relu && of.readers == 1) {
    const RawTensor& result = z[size_of(node)];  // the mask has the rows of the node's own view
    tools.tensors.mask_and_max(to.data.data(), result.data.data(), result.rows, result.cols);
  }
  g_saturated[size_of(node)] += tools.narrow(to, by.input_gradient_shift);
}

std::uint64_t GoldenRun::add(const RawTensor& a, const RawTensor& b, int bits, bool relu, RawTensor& out) {
  std::uint64_t& counted = tools.totals.scale_saturated;
  const auto q = [&](const RawTensor& of) {
    return of.max == 0 ? Real{} : from_scale(max_to_scale(of.magnitude(), of.unit, 32767, std::nullopt, counted));
  };
  const Scale unit = tools.unit(to_scale(rmul(rmax(q(a), q(b)), exp2_real(1)), counted));
  const Real by_a = rdiv(from_scale(a.unit), from_scale(unit));
  const Real by_b = rdiv(from_scale(b.unit), from_scale(unit));
  out.resize(a.rows, a.cols);
  out.unit = unit;
  const RowStatistics statistics = tools.ops.affine(
      a.data.data(), {{&by_a, 1}, PerAxis::Axis::kTensor, 1}, {b.data.data(), 0, b.cols, 1},
      {{&by_b, 1}, PerAxis::Axis::kTensor, 1}, {}, a.rows, a.cols, relu && bits == 32, out.data.data());
  out.max = statistics.max;
  return bits == 32 ? statistics.saturated : tools.narrow(out, 0, relu);
}

void GoldenRun::loss() {
  const RawTensor& logits = z.back();
  RawTensor& gradient = g.back();
  const std::size_t classes = size_of(graph.classes);
  gradient.resize(logits.rows, logits.cols);
  const Scale c = logit_exponent_scale(logits.unit, tools.totals.scale_saturated);
  for (std::size_t m = 0; m < tools.samples; ++m) {
    const SampleLoss sample = softmax_cross_entropy({logits.data.data() + m * classes, classes}, batch->labels[m], c,
                                                    {gradient.data.data() + m * classes, classes});
    tools.totals.loss = add_loss(tools.totals.loss, sample.loss);
    tools.totals.correct += sample.correct ? 1 : 0;
  }
  gradient.max = tools.ops.max_of(gradient.data.data(), gradient.data.size());
  gradient.unit =
      tools.unit(loss_gradient_unit(static_cast<std::uint32_t>(tools.samples), tools.totals.scale_saturated));
}

RawTensor& GoldenRun::destination(int node) { return has_gradient[size_of(node)] ? made : g[size_of(node)]; }

void GoldenRun::deliver(int node) {
  const std::size_t n = size_of(node);
  if (has_gradient[n]) {
    part_saturated += g_saturated[n];
    g_saturated[n] = add(g[n], made, tools.recipe.raw_bits, false, sum);
    std::swap(g[n], sum);
  }
  has_gradient[n] = true;
}

void GoldenRun::backward(const BackwardWork& work) {
  has_gradient.back() = true;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    // The graph's rows are those of the node's own view, whatever view the reader had.
    g[n].rows = z[n].rows;
    g[n].cols = z[n].cols;
    if (graph.nodes[n].relu && !has_mask[n]) {
      g[n].max = tools.tensors.mask_and_max(g[n].data.data(), z[n].data.data(), z[n].rows, z[n].cols);
    }
    operations[n]->backward(*this, work);
  }
}

StepResult GoldenRun::result() const {
  StepResult result{tools.totals.loss, tools.totals.correct, tools.totals.scale_saturated};
  result.saturated += part_saturated;
  for (const GoldenLayer& layer : layers) result.saturated += layer.counts.total();
  for (const GoldenNorm& norm : norms) result.saturated += norm.saturated();
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) result.saturated += z_saturated[n] + g_saturated[n];
  return result;
}

void GoldenRun::record_node(std::size_t n, StepRecord& to) const {
  const GoldenNode& node = graph.nodes[n];
  to.tensors[{node.source, StepTensor::kZRaw}] = named(z[n]);
  to.tensors[{node.source, StepTensor::kDRaw}] = named(g[n]);
  to.scalars[{node.source, StepScalar::kZMax}] = z[n].magnitude();
  to.scalars[{node.source, StepScalar::kDMax}] = g[n].magnitude();
  if (node.relu) {
    NamedTensor mask = named(z[n]);
    mask.bits = 1;
    mask.kind = CodeKind::kUnsigned;
    for (std::int32_t& value : mask.values) value = value > 0 ? 1 : 0;
    to.tensors[{node.source, StepTensor::kMask}] = std::move(mask);
  }
  operations[n]->record(*this, to);
  to.scalars[{node.source, StepScalar::kDUnit}] = word(g[n].unit);
  to.scalars[{node.source, StepScalar::kDRawSat}] = counter(g_saturated[n]);
  if (node.layer >= 0) return;
  to.scalars[{node.source, StepScalar::kUnit}] = word(z[n].unit);
  to.scalars[{node.source, StepScalar::kZSat}] = counter(z_saturated[n]);
}

void GoldenRun::record(const TrainState& state, StepRecord& to) const {
  to = {};
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    record_node(n, to);
  }
  record_state(schema, state, to);
  to.scalars[{kWholeStep, StepScalar::kLoss}] = tools.totals.loss;
  to.scalars[{kWholeStep, StepScalar::kCorrect}] = tools.totals.correct;
  to.scalars[{kWholeStep, StepScalar::kScaleSat}] = counter(tools.totals.scale_saturated);
}

}  // namespace bitloom
