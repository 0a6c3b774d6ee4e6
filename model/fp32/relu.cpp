// ReLUs in FP32 that no other node makes.
#include "model/fp32/kernels.hpp"
#include "model/fp32/operation.hpp"

namespace bitloom::fp32 {
namespace {

class Relu final : public Operation {
 public:
  explicit Relu(const OperationPlace& place) : elements_(element_count(place.node.shape)) {}

  bool forward(const PartAt& at) override {
    relu_forward(at.x[0], at.samples * elements_, at.y);
    return true;
  }

  bool backward(const PartAt& at) override {
    const PartAt::Below& below = at.below[0];
    if (below.gradient != nullptr) relu_backward(at.y, at.dy, at.samples * elements_, below.add, below.gradient);
    return true;
  }

 private:
  std::int64_t elements_;
};

}  // namespace

namespace operations {

std::unique_ptr<Operation> relu(const OperationPlace& place) { return std::make_unique<Relu>(place); }

}  // namespace operations
}  // namespace bitloom::fp32
