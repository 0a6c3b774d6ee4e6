// The loss of a network in double, from the definitions alone: what FP32's gradients are judged by.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/io/error.hpp"
#include "model/network/init.hpp"
#include "model/network/network.hpp"

namespace bitloom::test {

using Values = std::vector<double>;

// NodeParameters in double.
struct Parameters {
  Values weight, bias, gamma, beta;

  explicit Parameters(const NodeParameters& p)
      : weight(p.weight.begin(), p.weight.end()),
        bias(p.bias.begin(), p.bias.end()),
        gamma(p.gamma.begin(), p.gamma.end()),
        beta(p.beta.begin(), p.beta.end()) {}
  Values& operator[](const std::string& name) {
    return name == "weight" ? weight : name == "bias" ? bias : name == "gamma" ? gamma : beta;
  }
};

// A batch of images [sample][row][column][channel] or of rows of features.
struct Batch {
  int samples = 0;
  Shape shape;
  Values values;

  double& at(int sample, int row, int col, int channel) {
    return values[static_cast<std::size_t>(((sample * shape[1] + row) * shape[2] + col) * shape[0] + channel)];
  }
  double at(int sample, int row, int col, int channel) const {
    return const_cast<Batch&>(*this).at(sample, row, col, channel);
  }
};

inline Batch empty(int samples, const Shape& shape) {
  return {samples, shape, Values(static_cast<std::size_t>(samples * element_count(shape)))};
}

inline Batch convolve(const Conv2dAttributes& conv, const Parameters& p, const Batch& x, const Shape& shape) {
  Batch y = empty(x.samples, shape);
  const int in_group = conv.in / conv.groups;
  for (int n = 0; n < x.samples; ++n) {
    for (int r = 0; r < shape[1]; ++r) {
      for (int c = 0; c < shape[2]; ++c) {
        for (int o = 0; o < conv.out; ++o) {
          double sum = conv.bias ? p.bias[static_cast<std::size_t>(o)] : 0.0;
          const int first = o / (conv.out / conv.groups) * in_group;
          std::size_t w = static_cast<std::size_t>(o * conv.kernel.rows * conv.kernel.cols * in_group);
          for (int i = 0; i < conv.kernel.rows; ++i) {
            for (int j = 0; j < conv.kernel.cols; ++j) {
              const int row = r * conv.stride.rows + i * conv.dilation.rows - conv.padding.rows;
              const int col = c * conv.stride.cols + j * conv.dilation.cols - conv.padding.cols;
              for (int k = 0; k < in_group; ++k, ++w) {
                if (row >= 0 && row < x.shape[1] && col >= 0 && col < x.shape[2]) {
                  sum += x.at(n, row, col, first + k) * p.weight[w];
                }
              }
            }
          }
          y.at(n, r, c, o) = sum;
        }
      }
    }
  }
  return y;
}

inline Batch pool(const PoolAttributes& by, bool maximum, const Batch& x, const Shape& shape) {
  Batch y = empty(x.samples, shape);
  for (int n = 0; n < x.samples; ++n) {
    for (int r = 0; r < shape[1]; ++r) {
      for (int c = 0; c < shape[2]; ++c) {
        for (int k = 0; k < shape[0]; ++k) {
          double largest = -INFINITY, sum = 0.0;
          for (int i = 0; i < by.kernel.rows; ++i) {
            for (int j = 0; j < by.kernel.cols; ++j) {
              const int row = r * by.stride.rows + i - by.padding.rows;
              const int col = c * by.stride.cols + j - by.padding.cols;
              if (row < 0 || row >= x.shape[1] || col < 0 || col >= x.shape[2]) continue;
              largest = std::max(largest, x.at(n, row, col, k));
              sum += x.at(n, row, col, k);
            }
          }
          y.at(n, r, c, k) = maximum ? largest : sum / (by.kernel.rows * by.kernel.cols);
        }
      }
    }
  }
  return y;
}

inline Batch normalize(const NormAttributes& norm, const Parameters& p, const Batch& x, bool whole_layer) {
  const auto channels = static_cast<std::size_t>(norm.channels);
  const std::size_t groups = whole_layer ? 1 : channels;
  Values mean(groups), variance(groups);
  const double count = static_cast<double>(x.values.size() / groups);
  for (std::size_t i = 0; i < x.values.size(); ++i) mean[i % groups] += x.values[i] / count;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    variance[i % groups] += std::pow(x.values[i] - mean[i % groups], 2) / count;
  }
  Batch y = x;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const std::size_t c = i % channels;
    y.values[i] =
        p.gamma[c] * (x.values[i] - mean[i % groups]) / std::sqrt(variance[i % groups] + norm.eps) + p.beta[c];
  }
  return y;
}

inline Batch connect(const LinearAttributes& linear, const Parameters& p, const Batch& x) {
  Batch y = empty(x.samples, {linear.out});
  for (std::size_t n = 0; n < static_cast<std::size_t>(x.samples); ++n) {
    for (std::size_t o = 0; o < static_cast<std::size_t>(linear.out); ++o) {
      double sum = linear.bias ? p.bias[o] : 0.0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(linear.in); ++i) {
        sum += x.values[n * static_cast<std::size_t>(linear.in) + i] *
               p.weight[o * static_cast<std::size_t>(linear.in) + i];
      }
      y.values[n * static_cast<std::size_t>(linear.out) + o] = sum;
    }
  }
  return y;
}

inline double mean_cross_entropy(const Batch& logits, const std::vector<std::uint8_t>& labels) {
  double loss = 0.0;
  const auto width = static_cast<std::size_t>(logits.shape[0]);
  for (std::size_t n = 0; n < labels.size(); ++n) {
    double total = 0.0;
    for (std::size_t i = 0; i < width; ++i) total += std::exp(logits.values[n * width + i]);
    loss += std::log(total) - logits.values[n * width + labels[n]];
  }
  return loss / static_cast<double>(labels.size());
}

inline double loss_of(const Network& network, const std::vector<Parameters>& parameters, const Batch& input,
                      const std::vector<std::uint8_t>& labels, bool whole_layer) {
  std::vector<Batch> results;
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    const auto in = [&](std::size_t which) -> const Batch& {
      return node.inputs[which] == kNetworkInput ? input : results[static_cast<std::size_t>(node.inputs[which])];
    };
    Batch y = in(0);
    if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) {
      y = convolve(*conv, parameters[i], in(0), node.shape);
    } else if (const auto* by = std::get_if<PoolAttributes>(&node.attributes)) {
      y = pool(*by, node.op == Op::kMaxPool, in(0), node.shape);
    } else if (const auto* norm = std::get_if<NormAttributes>(&node.attributes)) {
      y = normalize(*norm, parameters[i], in(0), whole_layer);
    } else if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) {
      y = connect(*linear, parameters[i], in(0));
    } else if (node.op == Op::kRelu) {
      for (double& value : y.values) value = std::max(value, 0.0);
    } else if (node.op == Op::kAdd) {
      for (std::size_t k = 0; k < y.values.size(); ++k) y.values[k] += in(1).values[k];
    } else if (node.op == Op::kSoftmaxCrossEntropy) {
      return mean_cross_entropy(in(0), labels);
    }
    y.shape = node.shape;
    results.push_back(std::move(y));
  }
  throw Error("the network has no loss");
}

}  // namespace bitloom::test
