#include "model/fp32/primitives.hpp"

#include "model/fp32/onednn_call.hpp"

namespace bitloom::fp32 {

using namespace onednn;  // NOLINT: this file is a part of it

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

}  // namespace bitloom::fp32
