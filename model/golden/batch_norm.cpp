// Where a batch_norm stands in a step of golden (N16).
#include "model/golden/operation.hpp"
#include "model/golden/run.hpp"

namespace bitloom {
namespace {

class GoldenBatchNorm final : public GoldenOperation {
 public:
  explicit GoldenBatchNorm(const GoldenPlace& place)
      : GoldenOperation(place.node), i_(size_of(place.graph.nodes[place.node].norm)) {}

  void forward(GoldenRun& run, const TrainState& state) override {
    run.z_saturated[n_] = run.norms[i_].forward(run.z[input(run)], state.norms[i_], run.tools, run.z[n_]);
  }

  void backward(GoldenRun& run, const BackwardWork& work) override {
    const int below = run.graph.nodes[n_].inputs[0];
    run.norms[i_].backward(run.z[input(run)], run.g[n_], run.tools, run.destination(below));
    run.narrow_gradient(n_, below, false);
    run.deliver(below);
    if (work.updated != nullptr) run.norms[i_].update(work.updated->norms[i_], run.tools);
  }

  void record(const GoldenRun& run, StepRecord& to) const override { run.norms[i_].record(to); }

 private:
  const std::size_t i_;
};

}  // namespace

namespace golden {

std::unique_ptr<GoldenOperation> batch_norm(const GoldenPlace& place) {
  return std::make_unique<GoldenBatchNorm>(place);
}

}  // namespace golden
}  // namespace bitloom
