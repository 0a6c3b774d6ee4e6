// Pools in golden (N15).
#include "model/rows/pool.hpp"

#include <algorithm>

#include "model/golden/operation.hpp"
#include "model/golden/run.hpp"

namespace bitloom {
namespace {

/// What both poolings share: a raw view of windows, and back.
class GoldenPool : public GoldenOperation {
 public:
  explicit GoldenPool(const GoldenPlace& place) : GoldenOperation(place.node), rows_(place.threads) {
    const Node& node = place.network.nodes[size_of(place.graph.nodes[n_].source)];
    const int reads = node.inputs[0];
    const Shape& in = reads == kNetworkInput ? place.network.input : place.network.nodes[size_of(reads)].shape;
    shape_ = pool_shape(std::get<PoolAttributes>(node.attributes), 1, in[1], in[2], in[0]);
  }

  void forward(GoldenRun& run, const TrainState& /*state*/) final {
    const RawTensor& from = run.z[input(run)];
    RawTensor& to = run.z[n_];
    shape_.n = static_cast<int>(run.tools.samples);
    to.resize(shape_.out_pixels(), from.cols);
    to.unit = unit(run, from.unit);
    const RowStatistics made = gather(from.data.data(), to.data);
    to.max = made.max;
    run.z_saturated[n_] = made.saturated;
    const GoldenNode& node = run.graph.nodes[n_];
    if (node.raw_bits == 16) run.z_saturated[n_] = run.tools.narrow(to, node.result_shift);
  }

  void backward(GoldenRun& run, const BackwardWork& /*work*/) final {
    const std::size_t below = input(run);
    const RawTensor& from = run.g[n_];
    const std::int32_t* gradient = masked(run, below);
    RawTensor& to = run.destination(static_cast<int>(below));
    to.resize(shape_.in_pixels(), from.cols);
    to.unit = unit(run, from.unit);
    const RowStatistics made = spread(gradient, to.data);
    to.max = made.max;
    if (run.graph.nodes[n_].input_gradient_bits == 32) run.g_saturated[below] += made.saturated;
    run.narrow_gradient(n_, static_cast<int>(below), true);
    run.deliver(static_cast<int>(below));
  }

 protected:
  using Raw = std::vector<std::int32_t>;

  /// Makes the values of the windows.
  virtual RowStatistics gather(const std::int32_t* from, Raw& to) = 0;
  /// Makes the gradient of what the windows lie over.
  virtual RowStatistics spread(const std::int32_t* from, Raw& to) = 0;
  /// Returns the unit of what either makes.
  virtual Scale unit(GoldenRun& /*run*/, Scale of) const { return of; }
  /// Returns the gradient to spread, masked already where that changes nothing.
  virtual const std::int32_t* masked(GoldenRun& run, std::size_t /*below*/) { return run.g[n_].data.data(); }

  const Pooling rows_;
  PoolShape shape_;  ///< of the batch at work
};

class GoldenMaxPool final : public GoldenPool {
 public:
  using GoldenPool::GoldenPool;

  void record(const GoldenRun& run, StepRecord& to) const override {
    const RawTensor& z = run.z[n_];
    to.tensors[{run.graph.nodes[n_].source, StepTensor::kArgmax}] = {
        static_cast<int>(z.rows), static_cast<int>(z.cols), 8, {winners_.begin(), winners_.end()}, CodeKind::kUnsigned};
  }

 private:
  /// Keeps the winners of the maxima (N15.1).
  RowStatistics gather(const std::int32_t* from, Raw& to) override {
    winners_.resize(to.size());
    return rows_.max_forward(shape_, from, to.data(), winners_.data());
  }
  RowStatistics spread(const std::int32_t* from, Raw& to) override {
    return rows_.max_backward(shape_, from, winners_.data(), to.data());
  }

  /// A window's winner is above 0 where its maximum is. So the mask of a ReLU below is applied here, to the smaller
  /// tensor, unless sums of windows that overlap saturate before it.
  const std::int32_t* masked(GoldenRun& run, std::size_t below) override {
    const RawTensor& g = run.g[n_];
    const bool overlap = shape_.stride.rows < shape_.kernel.rows || shape_.stride.cols < shape_.kernel.cols;
    run.has_mask[below] = run.graph.nodes[below].relu && run.graph.nodes[below].readers == 1 && !overlap;
    if (!run.has_mask[below]) return g.data.data();
    masked_ = g.data;
    run.tools.tensors.mask_and_max(masked_.data(), run.z[n_].data.data(), g.rows, g.cols);
    return masked_.data();
  }

  std::vector<std::uint8_t> winners_;
  Raw masked_;  ///< the gradient behind the mask of the node below
};

class GoldenAveragePool final : public GoldenPool {
 public:
  using GoldenPool::GoldenPool;

 private:
  RowStatistics gather(const std::int32_t* from, Raw& to) override {
    return rows_.average_forward(shape_, from, to.data());
  }
  RowStatistics spread(const std::int32_t* from, Raw& to) override {
    return rows_.average_backward(shape_, from, to.data());
  }
  /// The unit carries the division by the window (N15.2).
  Scale unit(GoldenRun& run, Scale of) const override {
    const Real share = rdiv(exp2_real(0), from_int(shape_.kernel.rows * shape_.kernel.cols));
    return run.tools.unit(to_scale(rmul(from_scale(of), share), run.tools.totals.scale_saturated));
  }
};

}  // namespace

namespace golden {

std::unique_ptr<GoldenOperation> pool(const GoldenPlace& place) {
  if (place.graph.nodes[place.node].op == Op::kMaxPool) return std::make_unique<GoldenMaxPool>(place);
  return std::make_unique<GoldenAveragePool>(place);
}

}  // namespace golden
}  // namespace bitloom
