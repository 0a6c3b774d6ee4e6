// Linear layers in FP32: a GEMM each way, by oneDNN.
#include <dnnl.h>

#include <algorithm>

#include "model/fp32/kernels.hpp"
#include "model/fp32/operation.hpp"
#include "model/fp32/trained.hpp"

namespace bitloom::fp32 {
namespace {

constexpr int kUpdateRows = 64;  ///< of the weights, in a piece of an update

/// Computes row-major C[m][n] = op(A) op(B) + beta C. Returns true on success: a parallel region cannot throw.
bool gemm(char op_a, char op_b, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta,
          float* c) {
  return dnnl_sgemm(op_a, op_b, m, n, k, 1.0F, a, lda, b, ldb, beta, c, n) == dnnl_success;
}

class Linear final : public Operation {
 public:
  explicit Linear(const OperationPlace& place)
      : facts_(std::get<LinearAttributes>(place.node.attributes)), relu_(place.relu), trained_(place.initial) {}

  bool forward(const PartAt& at) override {
    const NodeParameters& own = trained_.parameters;
    const bool done = gemm('N', 'T', static_cast<int>(at.samples), facts_.out, facts_.in, at.x[0], facts_.in,
                           own.weight.data(), facts_.in, 0.0F, at.y);
    add_bias(facts_.bias ? own.bias.data() : nullptr, relu_, at.samples, facts_.out, at.y);
    return done;
  }

  bool backward(const PartAt& at) override {
    const PartAt::Below& below = at.below[0];
    if (below.gradient == nullptr) return true;
    return gemm('N', 'N', static_cast<int>(at.samples), facts_.in, facts_.out, at.dy, facts_.out,
                trained_.parameters.weight.data(), facts_.in, below.add ? 1.0F : 0.0F, below.gradient);
  }

  /// Rows of weights; the first piece has the bias too.
  std::size_t update_pieces() const override {
    return static_cast<std::size_t>((facts_.out + kUpdateRows - 1) / kUpdateRows);
  }

  /// The GEMM adds the gradient to momentum · velocity itself, and the step follows while the rows are in the cache.
  bool update(std::size_t piece, const UpdateAt& at) override {
    const int first = static_cast<int>(piece) * kUpdateRows, rows = std::min(kUpdateRows, facts_.out - first);
    const std::int64_t begin = std::int64_t{first} * facts_.in;
    float* velocity = trained_.velocity.weight.data() + begin;
    const bool done =
        gemm('T', 'N', rows, facts_.in, at.samples, at.dy + first, facts_.out, at.x, facts_.in, at.momentum, velocity);
    step(velocity, at.learning_rate, std::int64_t{rows} * facts_.in, trained_.parameters.weight.data() + begin);
    if (facts_.bias && first == 0) {
      accumulate_bias(at.dy, at.samples, facts_.out, at.momentum, trained_.velocity.bias.data());
      step(trained_.velocity.bias.data(), at.learning_rate, facts_.out, trained_.parameters.bias.data());
    }
    return done;
  }

  std::vector<KeptTensor> tensors() override {
    std::vector<KeptTensor> all;
    trained_.list(&NodeParameters::weight, ".weight", {facts_.out, facts_.in}, all);
    trained_.list(&NodeParameters::bias, ".bias", all);
    return all;
  }

 private:
  LinearAttributes facts_;
  bool relu_;
  Trained trained_;
};

}  // namespace

namespace operations {

std::unique_ptr<Operation> linear(const OperationPlace& place) { return std::make_unique<Linear>(place); }

}  // namespace operations
}  // namespace bitloom::fp32
