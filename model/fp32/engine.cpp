// Graph: the work of a step.
#include "model/fp32/engine.hpp"

#include <dnnl.h>
#include <omp.h>

#include <algorithm>
#include <atomic>

#include "model/io/error.hpp"

namespace bitloom::fp32 {

namespace {

std::size_t at(int row, int columns) { return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns); }

// Row-major C[m][n] = op(A) op(B) + beta C. True on success: a parallel region cannot throw.
bool gemm(char op_a, char op_b, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta,
          float* c) {
  return dnnl_sgemm(op_a, op_b, m, n, k, 1.0F, a, lda, b, ldb, beta, c, n) == dnnl_success;
}

const float* data_or_null(const std::vector<float>& values) { return values.empty() ? nullptr : values.data(); }

}  // namespace

SingleThreadedLibrary::SingleThreadedLibrary() : saved_(omp_get_max_threads()) { omp_set_num_threads(1); }
SingleThreadedLibrary::~SingleThreadedLibrary() { omp_set_num_threads(saved_); }

// Calls body(0 … count - 1), which returns false on failure, on all threads.
template <class Body>
void Graph::for_each(std::size_t count, const Body& body) const {
  bool done = true;
  if (threads_ == 1 || count == 1) {
    for (std::size_t i = 0; i < count; ++i) done = body(i) && done;
  } else {
    std::atomic<bool> all{true};
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1)
    for (std::size_t i = 0; i < count; ++i) {
      if (!body(i)) all = false;
    }
    done = all;
  }
  if (!done) throw Error("oneDNN: a computation failed");
}

void Graph::load(const Dataset& data, const std::uint32_t* indices, int rows) {
  const int pixels = data.pixels();
  const auto offset = static_cast<float>(scaling_.offset);
  const auto factor = static_cast<float>(1.0 / 255.0 / scaling_.standard_deviation);
  rows_ = rows;
  for_each(static_cast<std::size_t>(parts_of(rows)), [&](std::size_t i) {
    const int first = static_cast<int>(i) * part_rows_;
    for (int row = first; row < std::min(rows, first + part_rows_); ++row) {
      pixels_to_floats(data.image(indices[row]).data(), offset, factor, pixels, input_.data() + at(row, pixels));
      labels_[static_cast<std::size_t>(row)] = data.labels[indices[row]];
    }
    return true;
  });
}

void Graph::load(const float* input, const std::uint8_t* labels, int rows) {
  rows_ = rows;
  std::copy_n(input, rows * element_count(input_shape_), input_.begin());
  std::copy_n(labels, rows, labels_.begin());
}

LossSums Graph::evaluate() {
  load_weights();
  for (GraphNode& node : nodes_) {
    if (node.norm) node.norm->use_running_values(node.parameters);
  }
  run_stage(evaluation_stage_, false);
  return total();
}

LossSums Graph::train(float learning_rate) {
  load_weights();
  for (const Stage& stage : training_stages_) {
    run_stage(stage, true);
    finish_stage(stage);
  }
  for_each(updates_.size(), [&](std::size_t i) { return update(updates_[i], learning_rate); });
  return total();
}

void Graph::load_weights() {
  for (GraphNode& node : nodes_) {
    if (node.conv && !node.conv->load_weights(node.parameters.weight.data())) throw Error("oneDNN: reorder failed");
  }
}

void Graph::run_stage(const Stage& stage, bool with_gradient) {
  for_each(static_cast<std::size_t>(parts_of(rows_)), [&](std::size_t i) {
    const int first = static_cast<int>(i) * part_rows_;
    const Part part{i, {first, std::min(part_rows_, rows_ - first)}};
    bool done = true;
    for (const Work& work : stage) done = run(work, part, with_gradient) && done;
    return done;
  });
}

bool Graph::run(const Work& work, const Part& part, bool with_gradient) {
  GraphNode& node = nodes_[work.node];
  switch (work.phase) {
    case Phase::kForward:
      return forward(node, part);
    case Phase::kSums:
      node.norm->add_sums(static_cast<int>(part.index), value(node.facts.inputs[0], part.rows.first),
                          part.rows.count * node.places());
      return true;
    case Phase::kLoss:
      loss(node, part, with_gradient);
      return true;
    case Phase::kGradientSums:
      gradient_sums(node, part);
      return true;
    case Phase::kBackward:
      return backward(node, part);
  }
  return false;
}

// What the next stage needs to know of the whole batch.
void Graph::finish_stage(const Stage& stage) {
  if (stage.empty()) return;
  GraphNode& node = nodes_[stage.back().node];
  const std::int64_t rows = batch_ * node.places();
  if (stage.back().phase == Phase::kSums) node.norm->finish_sums(rows, node.parameters);
  if (stage.back().phase == Phase::kGradientSums) node.norm->finish_gradient_sums(rows, node.parameters);
}

LossSums Graph::total() const {
  LossSums sum;
  for (int i = 0; i < parts_of(rows_); ++i) {
    sum.loss += sums_[static_cast<std::size_t>(i)].loss;
    sum.correct += sums_[static_cast<std::size_t>(i)].correct;
  }
  return sum;
}

void Graph::loss(const GraphNode& node, const Part& part, bool with_gradient) {
  const int input = node.facts.inputs[0];
  float* gradient = with_gradient && wants_gradient(input) ? gradient_of(input, part.rows.first) : nullptr;
  sums_[part.index] = softmax_cross_entropy(value(input, part.rows.first), labels_.data() + part.rows.first,
                                            part.rows.count, node.elements, static_cast<float>(batch_), gradient);
}

PartAt Graph::part_at(GraphNode& node, const Part& part) {
  const int first = part.rows.first;
  PartAt at;
  at.part = part.index;
  at.samples = part.rows.count;
  at.y = node.result.data() + first * node.elements;
  if (node.needs_gradient) at.dy = node.gradient.data() + first * node.elements;
  for (std::size_t i = 0; i < node.facts.inputs.size(); ++i) {
    const int input = node.facts.inputs[i];
    at.x[i] = value(input, first);
    if (wants_gradient(input)) at.below[i] = {gradient_of(input, first), node.add[i]};
  }
  return at;
}

bool Graph::forward(GraphNode& node, const Part& part) {
  const auto [first, count] = part.rows;
  const float* x = value(node.facts.inputs[0], first);
  float* y = node.result.data() + first * node.elements;
  if (node.conv) return node.conv->forward(x, data_or_null(node.parameters.bias), y);
  if (node.operation) return node.operation->forward(part_at(node, part));
  if (node.norm) {
    node.norm->normalize(x, count * node.places(), node.relu, y);
  } else {
    const auto& linear = std::get<LinearAttributes>(node.facts.attributes);
    const bool done =
        gemm('N', 'T', count, linear.out, linear.in, x, linear.in, node.parameters.weight.data(), linear.in, 0.0F, y);
    add_bias(data_or_null(node.parameters.bias), node.relu, count, linear.out, y);
    return done;
  }
  return true;
}

void Graph::gradient_sums(GraphNode& node, const Part& part) {
  const auto [first, count] = part.rows;
  float* gradient = node.gradient.data() + first * node.elements;
  if (node.relu) mask_relu(node.result.data() + first * node.elements, count * node.elements, gradient);
  node.norm->add_gradient_sums(static_cast<int>(part.index), value(node.facts.inputs[0], first), gradient,
                               count * node.places());
}

bool Graph::backward(GraphNode& node, const Part& part) {
  const auto [first, count] = part.rows;
  const int input = node.facts.inputs[0];
  const std::int64_t elements = count * node.elements;
  const float* result = node.result.data() + first * node.elements;
  float* gradient = node.gradient.data() + first * node.elements;
  if (node.relu && !node.norm) mask_relu(result, elements, gradient);  // a norm's is masked with its sums
  if (node.conv) return backward_conv(node, part);
  if (node.facts.op == Op::kLinear) return backward_linear(node, part.rows);
  if (node.operation) return node.operation->backward(part_at(node, part));
  if (node.norm && wants_gradient(input)) {
    node.norm->propagate(value(input, first), gradient, count * node.places(), node.add[0], gradient_of(input, first));
  }
  return true;
}

bool Graph::backward_linear(GraphNode& node, const Rows& rows) {
  const int input = node.facts.inputs[0];
  if (!wants_gradient(input)) return true;
  const auto& linear = std::get<LinearAttributes>(node.facts.attributes);
  return gemm('N', 'N', rows.count, linear.in, linear.out, node.gradient.data() + at(rows.first, linear.out),
              linear.out, node.parameters.weight.data(), linear.in, node.add[0] ? 1.0F : 0.0F,
              gradient_of(input, rows.first));
}

// A whole part even where the batch ends within it: the gradients behind the batch are and stay zero.
bool Graph::backward_conv(GraphNode& node, const Part& part) {
  const int input = node.facts.inputs[0];
  const int first = part.rows.first;
  const float* gradient = node.gradient.data() + first * node.elements;
  std::vector<float>& bias = node.bias_partials[part.index];
  bool done = node.conv->backward_weights(value(input, first), gradient, node.partials[part.index].data(),
                                          bias.empty() ? nullptr : bias.data());
  if (!wants_gradient(input)) return done;
  const std::int64_t elements = part_rows_ * input_elements(input);
  float* below = gradient_of(input, first);
  float* to = node.add[0] ? thread_buffer(static_cast<std::size_t>(elements)) : below;
  done = node.conv->backward_data(gradient, to) && done;
  if (node.add[0]) add_or_copy(to, elements, true, below);
  return done;
}

bool Graph::update(const Update& work, float learning_rate) {
  GraphNode& node = nodes_[work.node];
  if (node.conv) return update_conv(node, learning_rate);
  if (!node.norm) return update_linear(node, work.rows, learning_rate);
  const std::int64_t channels = static_cast<std::int64_t>(node.parameters.gamma.size());
  accumulate(node.norm->gamma_gradient().data(), momentum_, channels, node.velocity.gamma.data());
  accumulate(node.norm->beta_gradient().data(), momentum_, channels, node.velocity.beta.data());
  step(node.velocity.gamma.data(), learning_rate, channels, node.parameters.gamma.data());
  step(node.velocity.beta.data(), learning_rate, channels, node.parameters.beta.data());
  return true;
}

bool Graph::update_linear(GraphNode& node, const Rows& rows, float learning_rate) {
  const auto& linear = std::get<LinearAttributes>(node.facts.attributes);
  const auto [first, count] = rows;
  // The GEMM adds the gradient to momentum · velocity itself, and the step follows while the rows are in the cache.
  float* velocity = node.velocity.weight.data() + at(first, linear.in);
  const bool done = gemm('T', 'N', count, linear.in, batch_, node.gradient.data() + first, linear.out,
                         value(node.facts.inputs[0], 0), linear.in, momentum_, velocity);
  step(velocity, learning_rate, std::int64_t{count} * linear.in, node.parameters.weight.data() + at(first, linear.in));
  if (linear.bias && first == 0) {
    accumulate_bias(node.gradient.data(), batch_, linear.out, momentum_, node.velocity.bias.data());
    step(node.velocity.bias.data(), learning_rate, linear.out, node.parameters.bias.data());
  }
  return done;
}

bool Graph::update_conv(GraphNode& node, float learning_rate) {
  std::vector<float>& gradient = node.partials[0];
  std::vector<float>& bias_gradient = node.bias_partials[0];
  for (std::size_t i = 1; i < node.partials.size(); ++i) {
    add_or_copy(node.partials[i].data(), static_cast<std::int64_t>(gradient.size()), true, gradient.data());
    add_or_copy(node.bias_partials[i].data(), static_cast<std::int64_t>(bias_gradient.size()), true,
                bias_gradient.data());
  }
  const auto weights = static_cast<std::int64_t>(node.parameters.weight.size());
  float* plain = thread_buffer(node.parameters.weight.size());
  const bool done = node.conv->export_gradient(gradient.data(), plain);
  accumulate(plain, momentum_, weights, node.velocity.weight.data());
  step(node.velocity.weight.data(), learning_rate, weights, node.parameters.weight.data());
  const auto outputs = static_cast<std::int64_t>(bias_gradient.size());
  accumulate(bias_gradient.data(), momentum_, outputs, node.velocity.bias.data());
  step(node.velocity.bias.data(), learning_rate, outputs, node.parameters.bias.data());
  return done;
}

}  // namespace bitloom::fp32
