// Pools in golden (N15).
#include "model/rows/pool.hpp"

#include <algorithm>

#include "model/golden/engine.hpp"
#include "model/golden/operation.hpp"
#include "model/golden/record.hpp"

namespace bitloom {
namespace {

class GoldenPool : public GoldenOperation {
 public:
  explicit GoldenPool(const GoldenPlace& place) : n_(place.node), rows_(place.threads) {
    const Node& node = place.network.nodes[size_of(place.graph.nodes[n_].source)];
    const int reads = node.inputs[0];
    const Shape& in = reads == kNetworkInput ? place.network.input : place.network.nodes[size_of(reads)].shape;
    shape_ = pool_shape(std::get<PoolAttributes>(node.attributes), 1, in[1], in[2], in[0]);
  }

 protected:
  PoolShape shape(const GoldenRun& run) const {
    PoolShape of = shape_;
    of.n = static_cast<int>(run.tools.samples);
    return of;
  }
  std::size_t input(const GoldenRun& run) const { return size_of(run.graph.nodes[n_].inputs[0]); }

  const std::size_t n_;
  const Pooling rows_;
  PoolShape shape_;
};

class GoldenMaxPool final : public GoldenPool {
 public:
  using GoldenPool::GoldenPool;

  /// Keeps the winners of the maxima (N15.1).
  void forward(GoldenRun& run, const TrainState& /*state*/) override {
    const RawTensor& from = run.z[input(run)];
    RawTensor& to = run.z[n_];
    const PoolShape pool = shape(run);
    to.resize(pool.out_pixels(), from.cols);
    winners_.resize(to.data.size());
    const RowStatistics statistics = rows_.max_forward(pool, from.data.data(), to.data.data(), winners_.data());
    to.unit = from.unit;
    to.max = statistics.max;
    run.z_saturated[n_] = statistics.saturated;
  }

  void backward(GoldenRun& run, const BackwardWork& /*work*/) override {
    const std::size_t below = input(run);
    const PoolShape pool = shape(run);
    const std::int32_t* from = run.g[n_].data.data();
    // A window's winner is above 0 where its maximum is. So the mask of a ReLU below is applied here, to the smaller
    // tensor, unless sums of windows that overlap saturate before it.
    const bool overlap = pool.stride.rows < pool.kernel.rows || pool.stride.cols < pool.kernel.cols;
    run.has_mask[below] = run.graph.nodes[below].relu && run.graph.nodes[below].readers == 1 && !overlap;
    if (run.has_mask[below]) {
      masked_ = run.g[n_].data;
      run.tools.tensors.mask_and_max(masked_.data(), run.z[n_].data.data(), run.g[n_].rows, run.g[n_].cols);
      from = masked_.data();
    }
    RawTensor& to = run.destination(static_cast<int>(below));
    to.resize(pool.in_pixels(), run.g[n_].cols);
    to.unit = run.g[n_].unit;
    const RowStatistics statistics = rows_.max_backward(pool, from, winners_.data(), to.data.data());
    to.max = statistics.max;
    run.g_saturated[below] += statistics.saturated;
    run.deliver(static_cast<int>(below));
  }

  void record(const GoldenRun& run, StepRecord& to) const override {
    const RawTensor& z = run.z[n_];
    to.tensors[{run.graph.nodes[n_].source, StepTensor::kArgmax}] = {
        static_cast<int>(z.rows), static_cast<int>(z.cols), 8, {winners_.begin(), winners_.end()}, CodeKind::kUnsigned};
  }

 private:
  std::vector<std::uint8_t> winners_;
  std::vector<std::int32_t> masked_;  ///< the gradient behind the mask of the node below
};

class GoldenAveragePool final : public GoldenPool {
 public:
  using GoldenPool::GoldenPool;

  void forward(GoldenRun& run, const TrainState& /*state*/) override {
    const RawTensor& from = run.z[input(run)];
    RawTensor& to = run.z[n_];
    const PoolShape pool = shape(run);
    to.resize(pool.out_pixels(), from.cols);
    const RowStatistics statistics = rows_.average_forward(pool, from.data.data(), to.data.data());
    to.unit = shared_unit(run, from.unit);
    to.max = statistics.max;
    run.z_saturated[n_] = statistics.saturated;
  }

  void backward(GoldenRun& run, const BackwardWork& /*work*/) override {
    const std::size_t below = input(run);
    const PoolShape pool = shape(run);
    RawTensor& to = run.destination(static_cast<int>(below));
    to.resize(pool.in_pixels(), run.g[n_].cols);
    const RowStatistics statistics = rows_.average_backward(pool, run.g[n_].data.data(), to.data.data());
    to.unit = shared_unit(run, run.g[n_].unit);
    to.max = statistics.max;
    run.g_saturated[below] += statistics.saturated;
    run.deliver(static_cast<int>(below));
  }

  void record(const GoldenRun& /*run*/, StepRecord& /*to*/) const override {}

 private:
  /// The unit carries the division by the window (N15.2).
  Scale shared_unit(GoldenRun& run, Scale unit) const {
    const Real share = rdiv(exp2_real(0), from_int(shape_.kernel.rows * shape_.kernel.cols));
    return run.tools.unit(to_scale(rmul(from_scale(unit), share), run.tools.totals.scale_saturated));
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
