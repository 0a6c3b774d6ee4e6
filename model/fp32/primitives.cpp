#include "model/fp32/primitives.hpp"

#include <fmt/format.h>

#include <dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "model/io/error.hpp"
#include "model/rows/onednn.hpp"

namespace bitloom::fp32 {

namespace {

using dnnl::memory;
using Dims = memory::dims;
using Arguments = std::unordered_map<int, memory>;

constexpr auto kFloat = memory::data_type::f32;
constexpr auto kAny = memory::format_tag::any;

const dnnl::engine& cpu() {
  static const dnnl::engine engine = [] {
    limit_onednn();
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return engine;
}

// oneDNN does not write through the arguments that it reads.
memory at(const memory::desc& desc, const void* data) { return {desc, cpu(), const_cast<void*>(data)}; }

// A part of the batch is the parallel work, so each thread keeps the scratchpad that its primitives need.
void* thread_scratch(std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;
  thread_local std::vector<std::uint8_t> buffer;
  if (buffer.size() < bytes + kAlignment) buffer.resize(bytes + kAlignment);
  void* start = buffer.data();
  std::size_t space = buffer.size();
  return std::align(kAlignment, bytes, start, space);
}

bool run(const dnnl::primitive& primitive, const memory::desc& scratch, Arguments arguments) {
  try {
    if (scratch.get_size() > 0) arguments.emplace(DNNL_ARG_SCRATCHPAD, at(scratch, thread_scratch(scratch.get_size())));
    dnnl::stream stream(cpu());
    primitive.execute(stream, arguments);
    stream.wait();
    return true;
  } catch (const dnnl::error&) {
    return false;
  }
}

dnnl::primitive_attr own_scratch() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

memory::desc image_desc(int samples, const Shape& shape) {
  return {{samples, shape[0], shape[1], shape[2]}, kFloat, memory::format_tag::nhwc};
}

Dims dims(const Pair& pair) { return {pair.rows, pair.cols}; }

int windows(int extent, int kernel, int stride, int padding, int dilation) {
  return (extent + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

template <class Make>
auto make_or_throw(const char* what, const Make& make) {
  try {
    return make();
  } catch (const dnnl::error& error) {
    throw Error(fmt::format("oneDNN: {}: {}", what, error.what()));
  }
}

}  // namespace

struct Convolution::Impl {
  memory::desc x, y, bias, plain_weights;
  dnnl::convolution_forward::primitive_desc forward_desc;
  dnnl::convolution_backward_data::primitive_desc data_desc;
  dnnl::convolution_backward_weights::primitive_desc weights_desc;
  dnnl::convolution_forward forward;
  dnnl::convolution_backward_data data;
  dnnl::convolution_backward_weights weights;
  dnnl::reorder to_forward, to_data, to_plain;
  memory forward_weights, data_weights;

  Impl(const Conv2dAttributes& conv, const Shape& input, int samples, bool relu) {
    x = image_desc(samples, input);
    y = image_desc(
        samples,
        {conv.out, windows(input[1], conv.kernel.rows, conv.stride.rows, conv.padding.rows, conv.dilation.rows),
         windows(input[2], conv.kernel.cols, conv.stride.cols, conv.padding.cols, conv.dilation.cols)});
    bias = conv.bias ? memory::desc({conv.out}, kFloat, memory::format_tag::a) : memory::desc();
    const std::int64_t in = conv.in / conv.groups;
    const std::int64_t out = conv.out / conv.groups;
    const std::int64_t window = std::int64_t{conv.kernel.rows} * conv.kernel.cols * in;
    // Order of the dimensions for oneDNN: (group,) output, input, row, column.
    Dims extents{out, in, conv.kernel.rows, conv.kernel.cols};
    Dims strides{window, 1, conv.kernel.cols * in, in};
    if (conv.groups > 1) {
      extents.insert(extents.begin(), conv.groups);
      strides.insert(strides.begin(), out * window);
    }
    plain_weights = memory::desc(extents, kFloat, strides);
    make_primitives(conv, memory::desc(extents, kFloat, kAny), relu);
  }

  void make_primitives(const Conv2dAttributes& conv, const memory::desc& any, bool relu) {
    const auto direct = dnnl::algorithm::convolution_direct;
    const Dims stride = dims(conv.stride);
    const Dims dilation{conv.dilation.rows - 1, conv.dilation.cols - 1};
    const Dims padding = dims(conv.padding);
    dnnl::primitive_attr with_relu = own_scratch();
    if (relu) {
      dnnl::post_ops after;
      after.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
      with_relu.set_post_ops(after);
    }
    const auto training = dnnl::prop_kind::forward_training;
    using Forward = dnnl::convolution_forward;
    using Data = dnnl::convolution_backward_data;
    using Weights = dnnl::convolution_backward_weights;
    forward_desc = {Forward::desc(training, direct, x, any, bias, y, stride, dilation, padding, padding), with_relu,
                    cpu()};
    data_desc = {Data::desc(direct, x, any, y, stride, dilation, padding, padding), own_scratch(), cpu(), forward_desc};
    weights_desc = {Weights::desc(direct, x, any, bias, y, stride, dilation, padding, padding), own_scratch(), cpu(),
                    forward_desc};
    forward = Forward(forward_desc);
    data = Data(data_desc);
    weights = Weights(weights_desc);
    forward_weights = memory(forward_desc.weights_desc(), cpu());
    data_weights = memory(data_desc.weights_desc(), cpu());
    to_forward = make_reorder(plain_weights, forward_desc.weights_desc());
    to_data = make_reorder(plain_weights, data_desc.weights_desc());
    to_plain = make_reorder(weights_desc.diff_weights_desc(), plain_weights);
  }

  static dnnl::reorder make_reorder(const memory::desc& from, const memory::desc& to) {
    return dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), from, cpu(), to));
  }
};

Convolution::Convolution(const Conv2dAttributes& attributes, const Shape& input, int samples, bool relu)
    : impl_(make_or_throw("convolution", [&] { return std::make_unique<Impl>(attributes, input, samples, relu); })) {}
Convolution::~Convolution() = default;

bool Convolution::load_weights(const float* weights) {
  const memory from = at(impl_->plain_weights, weights);
  return run(impl_->to_forward, {}, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, impl_->forward_weights}}) &&
         run(impl_->to_data, {}, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, impl_->data_weights}});
}

bool Convolution::forward(const float* x, const float* bias, float* y) const {
  Arguments arguments{
      {DNNL_ARG_SRC, at(impl_->x, x)}, {DNNL_ARG_WEIGHTS, impl_->forward_weights}, {DNNL_ARG_DST, at(impl_->y, y)}};
  if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, at(impl_->bias, bias));
  return run(impl_->forward, impl_->forward_desc.scratchpad_desc(), std::move(arguments));
}

bool Convolution::backward_data(const float* dy, float* dx) const {
  return run(impl_->data, impl_->data_desc.scratchpad_desc(),
             {{DNNL_ARG_DIFF_DST, at(impl_->y, dy)},
              {DNNL_ARG_WEIGHTS, impl_->data_weights},
              {DNNL_ARG_DIFF_SRC, at(impl_->x, dx)}});
}

bool Convolution::backward_weights(const float* x, const float* dy, float* weights, float* bias) const {
  Arguments arguments{{DNNL_ARG_SRC, at(impl_->x, x)},
                      {DNNL_ARG_DIFF_DST, at(impl_->y, dy)},
                      {DNNL_ARG_DIFF_WEIGHTS, at(impl_->weights_desc.diff_weights_desc(), weights)}};
  if (bias != nullptr) arguments.emplace(DNNL_ARG_DIFF_BIAS, at(impl_->bias, bias));
  return run(impl_->weights, impl_->weights_desc.scratchpad_desc(), std::move(arguments));
}

std::size_t Convolution::private_size() const {
  return impl_->weights_desc.diff_weights_desc().get_size() / sizeof(float);
}

bool Convolution::export_gradient(const float* weights, float* to) const {
  return run(impl_->to_plain, {},
             {{DNNL_ARG_FROM, at(impl_->weights_desc.diff_weights_desc(), weights)},
              {DNNL_ARG_TO, at(impl_->plain_weights, to)}});
}

struct Pooling::Impl {
  memory::desc x, y, workspace;
  dnnl::pooling_forward::primitive_desc forward_desc;
  dnnl::pooling_backward::primitive_desc backward_desc;
  dnnl::pooling_forward forward;
  dnnl::pooling_backward backward;

  Impl(const PoolAttributes& pool, bool maximum, const Shape& input, int samples) {
    x = image_desc(samples, input);
    y = image_desc(samples, {input[0], windows(input[1], pool.kernel.rows, pool.stride.rows, pool.padding.rows, 1),
                             windows(input[2], pool.kernel.cols, pool.stride.cols, pool.padding.cols, 1)});
    const auto algorithm = maximum ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_include_padding;
    const Dims stride = dims(pool.stride);
    const Dims kernel = dims(pool.kernel);
    const Dims padding = dims(pool.padding);
    forward_desc = {dnnl::pooling_forward::desc(dnnl::prop_kind::forward_training, algorithm, x, y, stride, kernel,
                                                padding, padding),
                    own_scratch(), cpu()};
    backward_desc = {dnnl::pooling_backward::desc(algorithm, x, y, stride, kernel, padding, padding), own_scratch(),
                     cpu(), forward_desc};
    workspace = forward_desc.workspace_desc();
    forward = dnnl::pooling_forward(forward_desc);
    backward = dnnl::pooling_backward(backward_desc);
  }
};

Pooling::Pooling(const PoolAttributes& attributes, bool maximum, const Shape& input, int samples)
    : impl_(make_or_throw("pooling", [&] { return std::make_unique<Impl>(attributes, maximum, input, samples); })) {}
Pooling::~Pooling() = default;

std::size_t Pooling::workspace_size() const { return impl_->workspace.get_size(); }

bool Pooling::forward(const float* x, float* y, std::uint8_t* workspace) const {
  Arguments arguments{{DNNL_ARG_SRC, at(impl_->x, x)}, {DNNL_ARG_DST, at(impl_->y, y)}};
  if (workspace_size() > 0) arguments.emplace(DNNL_ARG_WORKSPACE, at(impl_->workspace, workspace));
  return run(impl_->forward, impl_->forward_desc.scratchpad_desc(), std::move(arguments));
}

bool Pooling::backward(const float* dy, const std::uint8_t* workspace, float* dx) const {
  Arguments arguments{{DNNL_ARG_DIFF_DST, at(impl_->y, dy)}, {DNNL_ARG_DIFF_SRC, at(impl_->x, dx)}};
  if (workspace_size() > 0) arguments.emplace(DNNL_ARG_WORKSPACE, at(impl_->workspace, workspace));
  return run(impl_->backward, impl_->backward_desc.scratchpad_desc(), std::move(arguments));
}

}  // namespace bitloom::fp32
