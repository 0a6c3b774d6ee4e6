// Sums of two results in FP32.
#include "model/fp32/kernels.hpp"
#include "model/fp32/operation.hpp"

namespace bitloom::fp32 {
namespace {

class Add final : public Operation {
 public:
  explicit Add(const OperationPlace& place) : elements_(element_count(place.node.shape)), relu_(place.relu) {}

  bool forward(const PartAt& at) override {
    add_forward(at.x[0], at.x[1], at.samples * elements_, relu_, at.y);
    return true;
  }

  bool backward(const PartAt& at) override {
    for (const PartAt::Below& below : at.below) {
      if (below.gradient != nullptr) add_or_copy(at.dy, at.samples * elements_, below.add, below.gradient);
    }
    return true;
  }

 private:
  std::int64_t elements_;
  bool relu_;
};

}  // namespace

namespace operations {

std::unique_ptr<Operation> add(const OperationPlace& place) { return std::make_unique<Add>(place); }

}  // namespace operations
}  // namespace bitloom::fp32
