// Convolutions in FP32, on the primitives of oneDNN. A part of the batch has a weight gradient of its own.
#include "model/fp32/kernels.hpp"
#include "model/fp32/operation.hpp"
#include "model/fp32/primitives.hpp"
#include "model/fp32/trained.hpp"

namespace bitloom::fp32 {
namespace {

using Floats = std::vector<float>;

/// Adds the gradients of all parts to that of the first, in their order.
const float* sum_of(std::vector<Floats>& parts) {
  for (std::size_t i = 1; i < parts.size(); ++i) {
    add_or_copy(parts[i].data(), static_cast<std::int64_t>(parts[i].size()), true, parts[0].data());
  }
  return parts[0].data();
}

class Conv2d final : public Operation {
 public:
  explicit Conv2d(const OperationPlace& place)
      : facts_(std::get<Conv2dAttributes>(place.node.attributes)),
        conv_(facts_, place.input, place.samples, place.relu),
        trained_(place.initial),
        input_elements_(place.samples * element_count(place.input)),
        weight_parts_(place.parts, Floats(conv_.private_size())),
        bias_parts_(place.parts, Floats(place.initial.bias.size())) {}

  bool begin(bool /*training*/) override { return conv_.load_weights(trained_.parameters.weight.data()); }

  bool forward(const PartAt& at) override {
    return conv_.forward(at.x[0], facts_.bias ? trained_.parameters.bias.data() : nullptr, at.y);
  }

  /// Computes a whole part even where the batch ends within it: the gradients behind the batch are and stay zero.
  bool backward(const PartAt& at) override {
    bool done = conv_.backward_weights(at.x[0], at.dy, weight_parts_[at.part].data(),
                                       facts_.bias ? bias_parts_[at.part].data() : nullptr);
    const PartAt::Below& below = at.below[0];
    if (below.gradient == nullptr) return done;
    float* to = below.add ? thread_buffer(static_cast<std::size_t>(input_elements_)) : below.gradient;
    done = conv_.backward_data(at.dy, to) && done;
    if (below.add) add_or_copy(to, input_elements_, true, below.gradient);
    return done;
  }

  std::size_t update_pieces() const override { return 1; }

  bool update(std::size_t /*piece*/, const UpdateAt& at) override {
    float* plain = thread_buffer(trained_.parameters.weight.size());
    const bool done = conv_.export_gradient(sum_of(weight_parts_), plain);
    trained_.move(&NodeParameters::weight, plain, at);
    trained_.move(&NodeParameters::bias, sum_of(bias_parts_), at);
    return done;
  }

  std::vector<KeptTensor> tensors() override {
    std::vector<KeptTensor> all;
    trained_.list(&NodeParameters::weight, ".weight",
                  {facts_.out, facts_.kernel.rows, facts_.kernel.cols, facts_.in / facts_.groups}, all);
    trained_.list(&NodeParameters::bias, ".bias", all);
    return all;
  }

 private:
  Conv2dAttributes facts_;
  Convolution conv_;
  Trained trained_;
  std::int64_t input_elements_;       ///< of a whole part
  std::vector<Floats> weight_parts_;  ///< gradient by part, in the primitive's private order
  std::vector<Floats> bias_parts_;
};

}  // namespace

namespace operations {

std::unique_ptr<Operation> conv2d(const OperationPlace& place) { return std::make_unique<Conv2d>(place); }

}  // namespace operations
}  // namespace bitloom::fp32
