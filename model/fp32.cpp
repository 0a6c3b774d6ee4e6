#include "model/fp32.hpp"

#include <dnnl.h>
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <atomic>

#include "model/error.hpp"
#include "model/fp32_kernels.hpp"

namespace bitloom::fp32 {

namespace {

constexpr int kPartRows = 64;

std::size_t at(int row, int columns) { return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns); }

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
  labels.resize(static_cast<std::size_t>(batch_));
  input_.resize(at(batch_, chain.front().in));
  for (std::size_t i = 0; i < chain.size(); ++i) {
    Layer layer;
    layer.facts = chain[i];
    layer.parameters = std::move(initial[i]);
    layer.velocity.weight.assign(layer.parameters.weight.size(), 0.0F);
    layer.velocity.bias.assign(layer.parameters.bias.size(), 0.0F);
    layer.result.resize(at(batch_, chain[i].out));
    layer.gradient.resize(at(batch_, chain[i].out));
    layers_.push_back(std::move(layer));
  }
}

// Calls body(first_row, row_count) for parts of at most kPartRows rows; body returns false on failure.
template <class Body>
void Mlp::for_parts(int rows, const Body& body) const {
  const int parts = (rows + kPartRows - 1) / kPartRows;
  const auto part = [&](int i) { return body(i * kPartRows, std::min(kPartRows, rows - i * kPartRows)); };
  bool done = true;
  if (threads_ == 1 || parts == 1) {
    for (int i = 0; i < parts; ++i) done = part(i) && done;
  } else {
    std::atomic<bool> all{true};
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (int i = 0; i < parts; ++i) {
      if (!part(i)) all = false;
    }
    done = all;
  }
  if (!done) throw Error("oneDNN: sgemm failed");
}

void Mlp::load(const Dataset& data, const std::uint32_t* indices, int rows) {
  const int pixels = data.pixels();
  const auto offset = static_cast<float>(scaling_.offset);
  const auto factor = static_cast<float>(1.0 / 255.0 / scaling_.standard_deviation);
  for_parts(rows, [&](int first, int count) {
    for (int row = first; row < first + count; ++row) {
      const std::uint32_t index = indices[row];
      pixels_to_floats(data.image(index).data(), offset, factor, pixels, input_.data() + at(row, pixels));
      labels[static_cast<std::size_t>(row)] = data.labels[index];
    }
    return true;
  });
}

void Mlp::forward(int rows) {
  const float* input = input_.data();
  for (Layer& layer : layers_) {
    const auto [in, out] = std::pair(layer.facts.in, layer.facts.out);
    const float* bias = layer.facts.bias ? layer.parameters.bias.data() : nullptr;
    for_parts(rows, [&, in = in, out = out](int first, int count) {
      float* result = layer.result.data() + at(first, out);
      const bool done =
          gemm('N', 'T', count, out, in, input + at(first, in), in, layer.parameters.weight.data(), in, 0.0F, result);
      add_bias(bias, layer.facts.relu, count, out, result);
      return done;
    });
    input = layer.result.data();
  }
}

void Mlp::backward_and_update(float learning_rate) {
  for (std::size_t i = layers_.size(); i-- > 0;) {
    Layer& layer = layers_[i];
    const auto [in, out] = std::pair(layer.facts.in, layer.facts.out);
    if (i > 0) {  // before the weights change
      Layer& below = layers_[i - 1];
      for_parts(batch_, [&, in = in, out = out](int first, int count) {
        float* gradient = below.gradient.data() + at(first, in);
        const bool done = gemm('N', 'N', count, in, out, layer.gradient.data() + at(first, out), out,
                               layer.parameters.weight.data(), in, 0.0F, gradient);
        if (below.facts.relu) mask_relu(below.result.data() + at(first, in), std::int64_t{count} * in, gradient);
        return done;
      });
    }
    // The GEMM adds the gradient to momentum · velocity itself, and the update follows while the rows are in the cache.
    const float* input = i > 0 ? layers_[i - 1].result.data() : input_.data();
    for_parts(out, [&, in = in, out = out](int first, int count) {
      float* velocity = layer.velocity.weight.data() + at(first, in);
      const bool done =
          gemm('T', 'N', count, in, batch_, layer.gradient.data() + first, out, input, in, momentum_, velocity);
      step(velocity, learning_rate, std::int64_t{count} * in, layer.parameters.weight.data() + at(first, in));
      return done;
    });
    if (layer.facts.bias) {
      accumulate_bias(layer.gradient.data(), batch_, out, momentum_, layer.velocity.bias.data());
      step(layer.velocity.bias.data(), learning_rate, out, layer.parameters.bias.data());
    }
  }
}

}  // namespace bitloom::fp32
