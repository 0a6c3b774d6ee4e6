#include "model/network/macs.hpp"

namespace bitloom {
namespace {

/// Pairs (output position, tap) that read inside the image, along one axis.
std::uint64_t pairs_inside(int outputs, int extent, int kernel, int stride, int padding, int dilation) {
  std::uint64_t count = 0;
  for (int y = 0; y < outputs; ++y) {
    for (int tap = 0; tap < kernel; ++tap) {
      const int at = y * stride + tap * dilation - padding;
      count += at >= 0 && at < extent ? 1u : 0u;
    }
  }
  return count;
}

std::uint64_t extent(const Shape& shape, std::size_t dimension) { return static_cast<std::uint64_t>(shape[dimension]); }

/// Counts a convolution's. The shapes are {channels, rows, columns}.
LayerMacs convolution_macs(const Conv2dAttributes& c, const Shape& in, const Shape& out) {
  const auto channel_pairs = static_cast<std::uint64_t>(c.in / c.groups) * static_cast<std::uint64_t>(c.out);
  const auto taps = static_cast<std::uint64_t>(c.kernel.rows) * static_cast<std::uint64_t>(c.kernel.cols);
  const std::uint64_t rows_inside =
      pairs_inside(out[1], in[1], c.kernel.rows, c.stride.rows, c.padding.rows, c.dilation.rows);
  const std::uint64_t cols_inside =
      pairs_inside(out[2], in[2], c.kernel.cols, c.stride.cols, c.padding.cols, c.dilation.cols);
  return {extent(out, 1) * extent(out, 2) * taps * channel_pairs, rows_inside * cols_inside * channel_pairs};
}

}  // namespace

LayerMacs layer_macs(const Network& network, int node) {
  const Node& layer = network.nodes[static_cast<std::size_t>(node)];
  if (const auto* linear = std::get_if<LinearAttributes>(&layer.attributes)) {
    const std::uint64_t macs = static_cast<std::uint64_t>(linear->in) * static_cast<std::uint64_t>(linear->out);
    return {macs, macs};
  }
  const auto* convolution = std::get_if<Conv2dAttributes>(&layer.attributes);
  if (convolution == nullptr) return {};
  const int input = layer.inputs.front();
  const Shape& in = input == kNetworkInput ? network.input : network.nodes[static_cast<std::size_t>(input)].shape;
  return convolution_macs(*convolution, in, layer.shape);
}

}  // namespace bitloom
