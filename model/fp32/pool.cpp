// Pools in FP32, by oneDNN. The first of equal maxima in row order gets the gradient, padding never wins a maximum and
// counts as zero in an average.
#include "model/fp32/kernels.hpp"
#include "model/fp32/onednn_call.hpp"
#include "model/fp32/operation.hpp"

namespace bitloom::fp32 {
namespace {

using namespace onednn;  // NOLINT: this file is a part of it

class Pool final : public Operation {
 public:
  explicit Pool(const OperationPlace& place);

  bool forward(const PartAt& at) override;
  bool backward(const PartAt& at) override;

 private:
  std::size_t workspace_size() const { return workspace_desc_.get_size(); }
  void add_workspace(const PartAt& at, Arguments& arguments) {
    if (workspace_size() == 0) return;
    arguments.emplace(DNNL_ARG_WORKSPACE, onednn::at(workspace_desc_, workspace_.data() + at.part * workspace_size()));
  }

  memory::desc x_, y_, workspace_desc_;
  dnnl::pooling_forward::primitive_desc forward_desc_;
  dnnl::pooling_backward::primitive_desc backward_desc_;
  dnnl::pooling_forward forward_;
  dnnl::pooling_backward backward_;
  std::vector<std::uint8_t> workspace_;  ///< that forward leaves for backward, by part
  std::int64_t input_elements_;          ///< of a whole part
};

Pool::Pool(const OperationPlace& place) : input_elements_(place.samples * element_count(place.input)) {
  const auto& pool = std::get<PoolAttributes>(place.node.attributes);
  const bool maximum = place.node.op == Op::kMaxPool;
  x_ = image_desc(place.samples, place.input);
  y_ = image_desc(place.samples, place.node.shape);
  const auto algorithm = maximum ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_include_padding;
  const Dims stride = dims(pool.stride), kernel = dims(pool.kernel), padding = dims(pool.padding);
  forward_desc_ = {dnnl::pooling_forward::desc(dnnl::prop_kind::forward_training, algorithm, x_, y_, stride, kernel,
                                               padding, padding),
                   own_scratch(), cpu()};
  backward_desc_ = {dnnl::pooling_backward::desc(algorithm, x_, y_, stride, kernel, padding, padding), own_scratch(),
                    cpu(), forward_desc_};
  workspace_desc_ = forward_desc_.workspace_desc();
  forward_ = dnnl::pooling_forward(forward_desc_);
  backward_ = dnnl::pooling_backward(backward_desc_);
  workspace_.resize(place.parts * workspace_size());
}

bool Pool::forward(const PartAt& at) {
  Arguments arguments{{DNNL_ARG_SRC, onednn::at(x_, at.x[0])}, {DNNL_ARG_DST, onednn::at(y_, at.y)}};
  add_workspace(at, arguments);
  return run(forward_, forward_desc_.scratchpad_desc(), std::move(arguments));
}

/// Computes a whole part even where the batch ends within it: the gradients behind the batch are and stay zero.
bool Pool::backward(const PartAt& at) {
  const PartAt::Below& below = at.below[0];
  if (below.gradient == nullptr) return true;
  float* to = below.add ? thread_buffer(static_cast<std::size_t>(input_elements_)) : below.gradient;
  Arguments arguments{{DNNL_ARG_DIFF_DST, onednn::at(y_, at.dy)}, {DNNL_ARG_DIFF_SRC, onednn::at(x_, to)}};
  add_workspace(at, arguments);
  const bool done = run(backward_, backward_desc_.scratchpad_desc(), std::move(arguments));
  if (below.add) add_or_copy(to, input_elements_, true, below.gradient);
  return done;
}

}  // namespace

namespace operations {

std::unique_ptr<Operation> pool(const OperationPlace& place) {
  return make_or_throw("pooling", [&] { return std::make_unique<Pool>(place); });
}

}  // namespace operations
}  // namespace bitloom::fp32
