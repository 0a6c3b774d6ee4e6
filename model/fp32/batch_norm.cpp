// Where a batch_norm stands in a step of FP32.
#include "model/fp32/norm.hpp"
#include "model/fp32/operation.hpp"
#include "model/fp32/trained.hpp"

namespace bitloom::fp32 {
namespace {

class BatchNorm final : public Operation {
 public:
  explicit BatchNorm(const OperationPlace& place)
      : norm_(std::get<NormAttributes>(place.node.attributes), place.normalization, static_cast<int>(place.parts)),
        trained_(place.initial),
        places_(element_count(place.node.shape) / place.node.shape[0]),
        relu_(place.relu) {}

  bool begin(bool training) override {
    if (!training) norm_.use_running_values(trained_.parameters);
    return true;
  }

  bool needs_sums() const override { return true; }
  void add_sums(const PartAt& at) override { norm_.add_sums(number(at), at.x[0], rows(at)); }
  void finish_sums(std::int64_t samples) override { norm_.finish_sums(samples * places_, trained_.parameters); }
  void add_gradient_sums(const PartAt& at) override { norm_.add_gradient_sums(number(at), at.x[0], at.dy, rows(at)); }
  void finish_gradient_sums(std::int64_t samples) override {
    norm_.finish_gradient_sums(samples * places_, trained_.parameters);
  }

  bool forward(const PartAt& at) override {
    norm_.normalize(at.x[0], rows(at), relu_, at.y);
    return true;
  }

  bool backward(const PartAt& at) override {
    const PartAt::Below& below = at.below[0];
    if (below.gradient != nullptr) norm_.propagate(at.x[0], at.dy, rows(at), below.add, below.gradient);
    return true;
  }

  std::size_t update_pieces() const override { return 1; }

  bool update(std::size_t /*piece*/, const UpdateAt& at) override {
    trained_.move(&NodeParameters::gamma, norm_.gamma_gradient().data(), at);
    trained_.move(&NodeParameters::beta, norm_.beta_gradient().data(), at);
    return true;
  }

  std::vector<KeptTensor> tensors() override {
    std::vector<KeptTensor> all;
    trained_.list(&NodeParameters::gamma, ".gamma", all);
    trained_.list(&NodeParameters::beta, ".beta", all);
    const auto count = static_cast<std::int64_t>(norm_.running_mean.size());
    all.push_back({".running_mean", {count}, norm_.running_mean});
    all.push_back({".running_variance", {count}, norm_.running_variance});
    return all;
  }

 private:
  static int number(const PartAt& at) { return static_cast<int>(at.part); }
  std::int64_t rows(const PartAt& at) const { return at.samples * places_; }

  Norm norm_;
  Trained trained_;
  std::int64_t places_;  ///< rows of channels in a sample
  bool relu_;
};

}  // namespace

namespace operations {

std::unique_ptr<Operation> batch_norm(const OperationPlace& place) { return std::make_unique<BatchNorm>(place); }

}  // namespace operations
}  // namespace bitloom::fp32
