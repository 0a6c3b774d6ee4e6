// Graph: the work of a step.
#include "model/fp32/graph.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>

#include "model/io/error.hpp"

namespace bitloom::fp32 {

namespace {

std::size_t at(int row, int columns) { return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns); }

}  // namespace

SingleThreadedLibrary::SingleThreadedLibrary() : saved_(omp_get_max_threads()) { omp_set_num_threads(1); }
SingleThreadedLibrary::~SingleThreadedLibrary() { omp_set_num_threads(saved_); }

/// Calls body(0 … count - 1), which returns false on failure, on all threads.
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
  begin(false);
  run_stage(evaluation_stage_, false);
  return total();
}

LossSums Graph::train(float learning_rate) {
  begin(true);
  for (const Stage& stage : training_stages_) {
    run_stage(stage, true);
    finish_stage(stage);
  }
  for_each(updates_.size(), [&](std::size_t i) { return update(updates_[i], learning_rate); });
  return total();
}

void Graph::begin(bool training) {
  for (const GraphNode& node : nodes_) {
    if (node.operation && !node.operation->begin(training)) throw Error("oneDNN: reorder failed");
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
  if (work.phase == Phase::kLoss) {
    loss(node, part, with_gradient);
    return true;
  }
  const PartAt at = part_at(node, part);
  Operation& operation = *node.operation;
  const auto mask = [&] {
    if (node.relu) mask_relu(at.y, at.samples * node.elements, at.dy);
  };
  switch (work.phase) {
    case Phase::kForward:
      return operation.forward(at);
    case Phase::kSums:
      operation.add_sums(at);
      return true;
    case Phase::kGradientSums:
      mask();
      operation.add_gradient_sums(at);
      return true;
    case Phase::kBackward:
      if (!operation.needs_sums()) mask();  // else masked with its sums
      return operation.backward(at);
    case Phase::kLoss:
      break;
  }
  return false;
}

/// Ends what the next stage needs to know of the whole batch.
void Graph::finish_stage(const Stage& stage) {
  if (stage.empty()) return;
  const Work& last = stage.back();
  if (last.phase == Phase::kSums) nodes_[last.node].operation->finish_sums(batch_);
  if (last.phase == Phase::kGradientSums) nodes_[last.node].operation->finish_gradient_sums(batch_);
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

bool Graph::update(const Update& work, float learning_rate) {
  const GraphNode& node = nodes_[work.node];
  return node.operation->update(
      work.piece, {batch_, value(node.facts.inputs[0], 0), node.gradient.data(), momentum_, learning_rate});
}

}  // namespace bitloom::fp32
