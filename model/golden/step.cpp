#include "model/golden/step.hpp"

#include <algorithm>
#include <cmath>

#include "model/golden/engine.hpp"
#include "model/golden/update.hpp"
#include "model/io/error.hpp"
#include "model/numerics/functions.hpp"

namespace bitloom {
GoldenEngine::Impl::Impl(const Network& of, const Recipe& recipe, int threads)
    : source(of), graph(golden_graph(of, recipe)), schema(state_schema(of, recipe)), tools(recipe, threads) {
  tools.chain = graph.facts.chain;
  for (std::size_t l = 0; l < graph.layer_nodes.size(); ++l) {
    layers.emplace_back(graph.nodes[size_of(graph.layer_nodes[l])], graph.rules[l]);
  }
  for (const int n : graph.norm_nodes) norms.emplace_back(graph.nodes[size_of(n)], recipe);
  const std::size_t nodes = graph.nodes.size();
  z.resize(nodes);
  g.resize(nodes);
  has_gradient.resize(nodes);
  has_mask.resize(nodes);
  winners.resize(nodes);
  z_saturated.resize(nodes);
  g_saturated.resize(nodes);
}

/// Steps (1) and (2) of N10.
void GoldenEngine::Impl::begin(const TrainState& state, const Batch& the_batch, const StepContext& context, bool exact,
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
}

/// Step (3) of N10.
void GoldenEngine::Impl::forward(const TrainState& state) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const GoldenNode& node = graph.nodes[n];
    switch (node.op) {
      case Op::kBatchNorm:
        norms[size_of(node.norm)].forward(z[size_of(node.inputs[0])], state.norms[size_of(node.norm)], tools, z[n]);
        break;
      case Op::kAdd:
        z_saturated[n] = add(z[size_of(node.inputs[0])], z[size_of(node.inputs[1])], node.relu, z[n]);
        break;
      case Op::kMaxPool:
      case Op::kAveragePool:
        forward_pool(n);
        break;
      case Op::kLinear:
      case Op::kConv2d:
        forward_layer(n, state);
        break;
      case Op::kRelu:
      case Op::kFlatten:
      case Op::kSoftmaxCrossEntropy:
        break;  // These are no nodes of the golden graph.
    }
  }
}

void GoldenEngine::Impl::forward_layer(std::size_t n, const TrainState& state) {
  const GoldenNode& node = graph.nodes[n];
  GoldenLayer& layer = layers[size_of(node.layer)];
  const LayerState& of = state.layers[size_of(node.layer)];
  if (!layer.reads_input()) {
    const std::size_t input = size_of(node.inputs[0]);
    const GoldenLayer* producer = graph.facts.chain ? &layers[size_of(node.layer) - 1] : nullptr;
    layer.quantize_input(z[input], graph.nodes[input].non_negative, producer, of, tools);
  }
  layer.forward(of, tools, z[n]);
}

/// Pools node n's input into its raw output, and keeps the winners of a maximum (N15).
void GoldenEngine::Impl::forward_pool(std::size_t n) {
  const GoldenNode& node = graph.nodes[n];
  const RawTensor& from = z[size_of(node.inputs[0])];
  PoolShape shape = node.pool;
  shape.n = static_cast<int>(tools.samples);
  z[n].resize(shape.out_pixels(), node.cols);
  RowStatistics statistics;
  if (node.op == Op::kMaxPool) {
    winners[n].resize(z[n].data.size());
    statistics = tools.pool.max_forward(shape, from.data.data(), z[n].data.data(), winners[n].data());
    z[n].unit = from.unit;
  } else {
    statistics = tools.pool.average_forward(shape, from.data.data(), z[n].data.data());
    const Real share = rdiv(exp2_real(0), from_int(shape.kernel.rows * shape.kernel.cols));
    z[n].unit = tools.unit(to_scale(rmul(from_scale(from.unit), share), tools.totals.scale_saturated));
  }
  z[n].max = statistics.max;
  z_saturated[n] = statistics.saturated;
}

/// N14.6. Returns the saturations.
std::uint64_t GoldenEngine::Impl::add(const RawTensor& a, const RawTensor& b, bool relu, RawTensor& out) {
  std::uint64_t& counted = tools.totals.scale_saturated;
  const auto q = [&](const RawTensor& of) {
    return of.max == 0 ? Real{} : from_scale(max_to_scale(of.magnitude(), of.unit, 32767, std::nullopt, counted));
  };
  const Scale unit = tools.unit(to_scale(rmul(rmax(q(a), q(b)), exp2_real(1)), counted));
  const Real by_a = rdiv(from_scale(a.unit), from_scale(unit));
  const Real by_b = rdiv(from_scale(b.unit), from_scale(unit));
  out.resize(a.rows, a.cols);
  out.unit = unit;
  const RowStatistics statistics =
      tools.ops.affine(a.data.data(), {{&by_a, 1}, PerAxis::Axis::kTensor, 1}, {b.data.data(), 0, b.cols, 1},
                       {{&by_b, 1}, PerAxis::Axis::kTensor, 1}, {}, a.rows, a.cols, relu, out.data.data());
  out.max = statistics.max;
  return statistics.saturated;
}

/// N7: the loss and the raw view of the last gradient.
void GoldenEngine::Impl::loss() {
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

/// Where the next gradient of a node's output is made, for deliver().
RawTensor& GoldenEngine::Impl::destination(int node) { return has_gradient[size_of(node)] ? made : g[size_of(node)]; }

/// A gradient of a node's output was made; with others of the same node their sum counts (N14.4).
void GoldenEngine::Impl::deliver(int node) {
  const std::size_t n = size_of(node);
  if (has_gradient[n]) {
    g_saturated[n] += add(g[n], made, false, sum);
    std::swap(g[n], sum);
  }
  has_gradient[n] = true;
}

/// The rest of step (4) and step (5) of N10.
void GoldenEngine::Impl::backward(const TrainState& state, TrainState* updated, bool weights) {
  has_gradient.back() = true;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const GoldenNode& node = graph.nodes[n];
    // The graph's rows are those of the node's own view, whatever view the reader had.
    g[n].rows = z[n].rows;
    g[n].cols = z[n].cols;
    if (node.relu && !has_mask[n])
      g[n].max = tools.tensors.mask_and_max(g[n].data.data(), z[n].data.data(), z[n].rows, z[n].cols);
    switch (node.op) {
      case Op::kBatchNorm: {
        GoldenNorm& norm = norms[size_of(node.norm)];
        norm.backward(z[size_of(node.inputs[0])], g[n], tools, destination(node.inputs[0]));
        deliver(node.inputs[0]);
        if (updated != nullptr) norm.update(updated->norms[size_of(node.norm)], tools);
        break;
      }
      case Op::kAdd:
        for (const int input : node.inputs) {
          destination(input) = g[n];
          deliver(input);
        }
        break;
      case Op::kMaxPool:
      case Op::kAveragePool:
        backward_pool(n);
        break;
      case Op::kLinear:
      case Op::kConv2d:
        backward_layer(n, state, updated, weights);
        break;
      case Op::kRelu:
      case Op::kFlatten:
      case Op::kSoftmaxCrossEntropy:
        break;  // These are no nodes of the golden graph.
    }
  }
}

void GoldenEngine::Impl::backward_layer(std::size_t n, const TrainState& state, TrainState* updated, bool weights) {
  const GoldenNode& node = graph.nodes[n];
  const std::size_t l = size_of(node.layer);
  layers[l].quantize_gradient(g[n], state.layers[l], tools);
  if (!layers[l].reads_input()) {
    layers[l].activation_gradient(tools, destination(node.inputs[0]));
    deliver(node.inputs[0]);
  }
  if (weights) layers[l].weight_gradient(state.layers[l], tools);
  if (updated != nullptr) layers[l].update(updated->layers[l], tools);
}

void GoldenEngine::Impl::backward_pool(std::size_t n) {
  const GoldenNode& node = graph.nodes[n];
  const std::size_t input = size_of(node.inputs[0]);
  PoolShape shape = node.pool;
  shape.n = static_cast<int>(tools.samples);
  RawTensor& to = destination(node.inputs[0]);
  to.resize(shape.in_pixels(), node.cols);
  to.unit = g[n].unit;
  RowStatistics statistics;
  if (node.op == Op::kMaxPool) {
    const std::int32_t* from = g[n].data.data();
    // A window's winner is above 0 where its maximum is. So the mask of a ReLU below is applied here, to the smaller
    // tensor, unless sums of windows that overlap saturate before it.
    const bool overlap = shape.stride.rows < shape.kernel.rows || shape.stride.cols < shape.kernel.cols;
    has_mask[input] = graph.nodes[input].relu && graph.nodes[input].readers == 1 && !overlap;
    if (has_mask[input]) {
      dy = g[n].data;
      tools.tensors.mask_and_max(dy.data(), z[n].data.data(), g[n].rows, g[n].cols);
      from = dy.data();
    }
    statistics = tools.pool.max_backward(shape, from, winners[n].data(), to.data.data());
  } else {
    statistics = tools.pool.average_backward(shape, g[n].data.data(), to.data.data());
    const Real share = rdiv(exp2_real(0), from_int(shape.kernel.rows * shape.kernel.cols));
    to.unit = tools.unit(to_scale(rmul(from_scale(g[n].unit), share), tools.totals.scale_saturated));
  }
  to.max = statistics.max;
  g_saturated[input] += statistics.saturated;
  deliver(node.inputs[0]);
}

StepResult GoldenEngine::Impl::result() const {
  StepResult result{tools.totals.loss, tools.totals.correct, tools.totals.scale_saturated};
  for (const GoldenLayer& layer : layers) result.saturated += layer.counts.total();
  for (const GoldenNorm& norm : norms) result.saturated += norm.saturated();
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) result.saturated += z_saturated[n] + g_saturated[n];
  return result;
}

GoldenEngine::GoldenEngine(const Network& network, const Recipe& recipe, int threads)
    : impl_(std::make_unique<Impl>(network, recipe, threads)) {}
GoldenEngine::GoldenEngine(GoldenEngine&&) noexcept = default;
GoldenEngine::~GoldenEngine() = default;

StepResult GoldenEngine::step(TrainState& state, const Batch& batch, const StepContext& context, StepRecord* record) {
  impl_->schema.require_fit(state);
  impl_->require_batch(batch);
  const std::string missing = impl_->schema.missing_scalar(state);
  if (!missing.empty()) throw Error("golden step: " + missing + " is missing; calibrate first");
  if (!is_scale(context.lr) || context.mu16 > 65535) throw Error("golden step: no learning rate, or momentum of 1");
  if (context.epoch < 0) throw Error("golden step: the epoch is negative");
  impl_->begin(state, batch, context, false, true);
  if (uses_adam(impl_->tools.recipe.update.optimizer) && impl_->tools.micro_batch.last) {
    state.powers = adam_next(state.powers, adam_rates(impl_->tools.recipe.update));
    impl_->tools.adam_rate = adam_rate(from_scale(context.lr), state.powers);
  }
  impl_->forward(state);
  impl_->loss();
  impl_->backward(state, &state, true);
  for (std::size_t i = 0; i < state.norms.size(); ++i) impl_->norms[i].update_running(state.norms[i], impl_->tools);
  ++state.step;
  if (record != nullptr) impl_->record(state, *record);
  return impl_->result();
}

void GoldenEngine::calibrate(TrainState& state, const Batch& batch, const StepContext& context) {
  impl_->schema.require_fit(state);
  const auto needs = [](const StateScalar& scalar) { return scalar.calibrated; };
  if (std::none_of(impl_->schema.scalars.begin(), impl_->schema.scalars.end(), needs)) return;
  impl_->require_batch(batch);
  impl_->begin(state, batch, context, true, true);
  impl_->forward(state);
  impl_->loss();
  impl_->backward(state, nullptr, true);
  for (std::size_t l = 0; l < state.layers.size(); ++l) impl_->layers[l].calibrate(state.layers[l], impl_->tools);
}

StepResult GoldenEngine::evaluate(const TrainState& state, const Batch& batch, const StepContext& context) {
  impl_->schema.require_fit(state);
  impl_->require_batch(batch);
  impl_->begin(state, batch, context, !impl_->schema.missing_scalar(state).empty(), false);
  impl_->forward(state);
  impl_->loss();
  return impl_->result();
}

std::string GoldenEngine::kernels_name() const {
  return std::string(isa_name(active_isa())) + ", GEMM " + impl_->tools.gemm.name();
}

StepResult golden_step(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
                       const StepContext& context, StepRecord* record, int threads) {
  return GoldenEngine(network, recipe, threads).step(state, batch, context, record);
}

void calibrate(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
               const StepContext& context, int threads) {
  GoldenEngine(network, recipe, threads).calibrate(state, batch, context);
}

}  // namespace bitloom
