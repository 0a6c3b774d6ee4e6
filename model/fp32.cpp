#include "model/fp32.hpp"

#include <dnnl.h>
#include <omp.h>

#include <algorithm>
#include <atomic>

#include "model/error.hpp"

namespace bitloom::fp32 {

namespace {

constexpr int kPartRows = 64;

std::size_t at(int row, int columns) { return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns); }

int parts_of(int rows) { return (rows + kPartRows - 1) / kPartRows; }

// Row-major C[m][n] = op(A) op(B) + beta C. True on success: a parallel region cannot throw.
bool gemm(char op_a, char op_b, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta,
          float* c) {
  return dnnl_sgemm(op_a, op_b, m, n, k, 1.0F, a, lda, b, ldb, beta, c, n) == dnnl_success;
}

}  // namespace

SingleThreadedLibrary::SingleThreadedLibrary() : saved_(omp_get_max_threads()) { omp_set_num_threads(1); }
SingleThreadedLibrary::~SingleThreadedLibrary() { omp_set_num_threads(saved_); }

Mlp::Mlp(const Network& network, const Hyper& hyper, const TrainOptions& options)
    : scaling_(hyper.input),
      momentum_(static_cast<float>(hyper.momentum)),
      batch_(options.batch),
      threads_(std::max(1, options.threads)) {
  const std::vector<LinearLayer> chain = linear_chain(network);
  std::vector<LinearParameters> initial = initial_parameters(chain, options.seed);
  labels_.resize(static_cast<std::size_t>(batch_));
  input_.resize(at(batch_, chain.front().in));
  sums_.resize(static_cast<std::size_t>(parts_of(batch_)));
  for (std::size_t i = 0; i < chain.size(); ++i) {
    Layer layer;
    layer.facts = chain[i];
    layer.parameters = std::move(initial[i]);
    layer.velocity.weight.assign(layer.parameters.weight.size(), 0.0F);
    layer.velocity.bias.assign(layer.parameters.bias.size(), 0.0F);
    layer.result.resize(at(batch_, chain[i].out));
    layer.gradient.resize(at(batch_, chain[i].out));
    layers_.push_back(std::move(layer));
    for (int first = 0; first < chain[i].out; first += kPartRows) {
      updates_.push_back({i, {first, std::min(kPartRows, chain[i].out - first)}});
    }
  }
}

// Calls body(0 … count - 1), which returns false on failure, on all threads.
template <class Body>
void Mlp::for_each(std::size_t count, const Body& body) const {
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
  if (!done) throw Error("oneDNN: sgemm failed");
}

LossSums Mlp::evaluate(const Dataset& data, const std::uint32_t* indices, int rows) {
  return for_samples(rows, false, data, indices);
}

LossSums Mlp::train(const Dataset& data, const std::uint32_t* indices, float learning_rate) {
  const LossSums sums = for_samples(batch_, true, data, indices);
  for_each(updates_.size(), [&](std::size_t i) { return update(updates_[i], learning_rate); });
  return sums;
}

LossSums Mlp::for_samples(int rows, bool with_gradient, const Dataset& data, const std::uint32_t* indices) {
  const auto parts = static_cast<std::size_t>(parts_of(rows));
  for_each(parts, [&](std::size_t i) {
    const int first = static_cast<int>(i) * kPartRows;
    const Rows part{first, std::min(kPartRows, rows - first)};
    load(data, indices, part);
    bool done = forward(part);
    Layer& last = layers_.back();
    const std::size_t offset = at(first, last.facts.out);
    sums_[i] =
        softmax_cross_entropy(last.result.data() + offset, labels_.data() + first, part.count, last.facts.out,
                              static_cast<float>(batch_), with_gradient ? last.gradient.data() + offset : nullptr);
    if (with_gradient) done = backward(part) && done;
    return done;
  });
  LossSums total;
  for (std::size_t i = 0; i < parts; ++i) {
    total.loss += sums_[i].loss;
    total.correct += sums_[i].correct;
  }
  return total;
}

void Mlp::load(const Dataset& data, const std::uint32_t* indices, Rows rows) {
  const int pixels = data.pixels();
  const auto offset = static_cast<float>(scaling_.offset);
  const auto factor = static_cast<float>(1.0 / 255.0 / scaling_.standard_deviation);
  for (int row = rows.first; row < rows.first + rows.count; ++row) {
    const std::uint32_t index = indices[row];
    pixels_to_floats(data.image(index).data(), offset, factor, pixels, input_.data() + at(row, pixels));
    labels_[static_cast<std::size_t>(row)] = data.labels[index];
  }
}

bool Mlp::forward(Rows rows) {
  const float* input = input_.data();
  bool done = true;
  for (Layer& layer : layers_) {
    const int in = layer.facts.in;
    const int out = layer.facts.out;
    float* result = layer.result.data() + at(rows.first, out);
    done = gemm('N', 'T', rows.count, out, in, input + at(rows.first, in), in, layer.parameters.weight.data(), in, 0.0F,
                result) &&
           done;
    add_bias(layer.facts.bias ? layer.parameters.bias.data() : nullptr, layer.facts.relu, rows.count, out, result);
    input = layer.result.data();
  }
  return done;
}

bool Mlp::backward(Rows rows) {
  bool done = true;
  for (std::size_t i = layers_.size() - 1; i > 0; --i) {
    const Layer& layer = layers_[i];
    Layer& below = layers_[i - 1];
    const int in = layer.facts.in;
    const int out = layer.facts.out;
    float* gradient = below.gradient.data() + at(rows.first, in);
    done = gemm('N', 'N', rows.count, in, out, layer.gradient.data() + at(rows.first, out), out,
                layer.parameters.weight.data(), in, 0.0F, gradient) &&
           done;
    if (below.facts.relu) mask_relu(below.result.data() + at(rows.first, in), std::int64_t{rows.count} * in, gradient);
  }
  return done;
}

bool Mlp::update(const Update& part, float learning_rate) {
  Layer& layer = layers_[part.layer];
  const int in = layer.facts.in;
  const int out = layer.facts.out;
  const auto [first, count] = part.rows;
  // The GEMM adds the gradient to momentum · velocity itself, and the step follows while the rows are in the cache.
  const float* input = part.layer > 0 ? layers_[part.layer - 1].result.data() : input_.data();
  float* velocity = layer.velocity.weight.data() + at(first, in);
  const bool done =
      gemm('T', 'N', count, in, batch_, layer.gradient.data() + first, out, input, in, momentum_, velocity);
  step(velocity, learning_rate, std::int64_t{count} * in, layer.parameters.weight.data() + at(first, in));
  if (layer.facts.bias && first == 0) {
    accumulate_bias(layer.gradient.data(), batch_, out, momentum_, layer.velocity.bias.data());
    step(layer.velocity.bias.data(), learning_rate, out, layer.parameters.bias.data());
  }
  return done;
}

}  // namespace bitloom::fp32
