// Layers with weights, linear and conv2d, in golden (N5, N14.2): where a layer's codes and GEMMs stand in a step.
#include <utility>

#include "model/golden/operation.hpp"
#include "model/golden/record.hpp"
#include "model/golden/run.hpp"

namespace bitloom {
namespace {

class GoldenWeighted final : public GoldenOperation {
 public:
  explicit GoldenWeighted(const GoldenPlace& place)
      : GoldenOperation(place.node), l_(size_of(place.graph.nodes[place.node].layer)) {}

  void forward(GoldenRun& run, const TrainState& state) override {
    GoldenLayer& layer = run.layers[l_];
    const LayerState& of = state.layers[l_];
    if (!layer.reads_input()) {
      const std::size_t from = input(run);
      layer.quantize_input({run.z[from], run.graph.nodes[from].non_negative}, of, run.tools);
    }
    layer.forward(of, run.tools, run.z[n_]);
  }

  void backward(GoldenRun& run, const BackwardWork& work) override {
    GoldenLayer& layer = run.layers[l_];
    layer.quantize_gradient(run.g[n_], work.state.layers[l_], run.tools);
    if (!layer.reads_input()) {
      const int below = run.graph.nodes[n_].inputs[0];
      RawTensor& to = run.destination(below);
      layer.activation_gradient(run.tools, to);
      if (to.bits == 16) {  // of groups, made by N12
        run.g_saturated[size_of(below)] += std::exchange(layer.counts.d_raw, 0);
      } else {
        run.narrow_gradient(n_, below, layer.x_mask.empty());
      }
      run.deliver(below);
    }
    if (work.weights) layer.weight_gradient(work.state.layers[l_], run.tools);
    if (work.updated != nullptr) layer.update(work.updated->layers[l_], run.tools);
  }

  void record(const GoldenRun& run, StepRecord& to) const override { record_layer(run.layers[l_], run.tools, to); }

 private:
  const std::size_t l_;
};

}  // namespace

namespace golden {

std::unique_ptr<GoldenOperation> weighted(const GoldenPlace& place) { return std::make_unique<GoldenWeighted>(place); }

}  // namespace golden
}  // namespace bitloom
