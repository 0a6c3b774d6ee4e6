// Sums of two results in golden (N14.6).
#include "model/golden/operation.hpp"
#include "model/golden/run.hpp"

namespace bitloom {
namespace {

class GoldenAdd final : public GoldenOperation {
 public:
  explicit GoldenAdd(const GoldenPlace& place) : GoldenOperation(place.node) {}

  void forward(GoldenRun& run, const TrainState& /*state*/) override {
    const GoldenNode& node = run.graph.nodes[n_];
    run.z_saturated[n_] =
        run.add(run.z[size_of(node.inputs[0])], run.z[size_of(node.inputs[1])], node.raw_bits, node.relu, run.z[n_]);
  }

  void backward(GoldenRun& run, const BackwardWork& /*work*/) override {
    for (const int input : run.graph.nodes[n_].inputs) {
      run.destination(input) = run.g[n_];
      run.deliver(input);
    }
  }
};

}  // namespace

namespace golden {

std::unique_ptr<GoldenOperation> add(const GoldenPlace& place) { return std::make_unique<GoldenAdd>(place); }

}  // namespace golden
}  // namespace bitloom
