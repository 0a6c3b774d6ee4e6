#include "testbench/model/golden/gradient_spread.hpp"

#include <algorithm>
#include <cmath>

#include "model/data/glyphs.hpp"
#include "model/golden/layer.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "testbench/model/numerics/spec_tensor.hpp"

namespace bitloom::testing {
namespace {

constexpr int kBatch = 64;
constexpr int kImages = 6400;
constexpr std::uint32_t kMomentum = 58982;  // 0.9
constexpr InputScaling kScaling{73, 0.353};
constexpr int kParts = 20;  // of the streams, for the standard error of the bias

std::vector<double> reals(const NamedTensor& of) { return {of.values.begin(), of.values.end()}; }

/// Computes the weight gradient of a gradient g [rows][out], in units of x's code times g's unit: [K][out].
std::vector<double> exact_gradient(const ConvShape& shape, const NamedTensor& x, const std::vector<double>& g) {
  std::vector<double> sums(shape.depth() * static_cast<std::size_t>(shape.out));
  const int places = shape.out_rows() * shape.out_cols();
  const int rows = static_cast<int>(g.size()) / shape.out;
  for (int m = 0; m < rows; ++m) {
    const int sample = m / places, y = m % places / shape.out_cols(), column = m % shape.out_cols();
    for (int ky = 0; ky < shape.kernel.rows; ++ky) {
      for (int kx = 0; kx < shape.kernel.cols; ++kx) {
        const int row = y * shape.stride.rows + ky - shape.padding.rows;
        const int col = column * shape.stride.cols + kx - shape.padding.cols;
        if (row < 0 || row >= shape.height || col < 0 || col >= shape.width) continue;
        const int pixel = (sample * shape.height + row) * shape.width + col;
        for (int c = 0; c < shape.in; ++c) {
          const std::size_t k = static_cast<std::size_t>((ky * shape.kernel.cols + kx) * shape.in + c);
          for (int o = 0; o < shape.out; ++o) {
            sums[k * static_cast<std::size_t>(shape.out) + static_cast<std::size_t>(o)] +=
                x.values[static_cast<std::size_t>(pixel * x.cols + c)] * g[static_cast<std::size_t>(m * shape.out + o)];
          }
        }
      }
    }
  }
  return sums;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// |mean|² of `count` vectors without what their own spread adds to it.
double squared_mean(const std::vector<double>& sum, double squares, int count) {
  return (dot(sum, sum) - squares) / count / (count - 1);
}

RawTensor raw_tensor(const NamedTensor& values, Scale unit) {
  RawTensor result;
  result.resize(static_cast<std::size_t>(values.rows), static_cast<std::size_t>(values.cols));
  result.data = values.values;
  result.unit = unit;
  for (const std::int32_t value : result.data) result.max = std::max(result.max, std::abs(value));
  return result;
}

Network network_named(const std::string& name) { return read_network(resolve_trace(TraceKind::kNetwork, name)); }
Recipe recipe_named(const std::string& name) { return read_recipe(resolve_trace(TraceKind::kRecipe, name)); }

/// The layer `name` as `recipe` quantizes it.
struct FoundLayer {
  GoldenNode node;
  RecipeLayer rule;
};
FoundLayer layer_of(const TrainedNetwork& of, const std::string& name, const Recipe& recipe) {
  const GoldenGraph graph = golden_graph(of.network(), recipe);
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                  [&](const GoldenNode& node) { return node.name == name && node.layer >= 0; });
  return {*found, graph.rules[static_cast<std::size_t>(found->layer)]};
}

}  // namespace

TrainedNetwork::TrainedNetwork(const std::string& network, const std::string& recipe, double learning_rate, int steps)
    : network_(network_named(network)),
      recipe_(recipe_named(recipe)),
      rate_(nearest_scale(learning_rate)),
      data_(generate_glyphs(kImages, 1)),
      format_(input_format(network_, recipe_, kScaling)),
      codes_(input_code_table(kScaling, format_.largest_code)),
      engine_(network_, recipe_, 1),
      state_(initial_state(network_, recipe_, initial_parameters(network_, 1))) {
  for (int i = 0; i < steps; ++i) {
    const Batch now = batch();
    const StepContext context{1, state_.step, rate_, kMomentum};
    if (i == 0) engine_.calibrate(state_, now, context);
    engine_.step(state_, now, context, nullptr);
  }
}

Batch TrainedNetwork::batch() {
  Batch result;
  result.M = kBatch;
  result.scale = format_.scale;
  for (int m = 0; m < kBatch; ++m) {
    const auto image = static_cast<std::int64_t>(next_++ % kImages);
    for (const std::uint8_t pixel : data_.image(image)) result.X.push_back(codes_[pixel]);
    result.labels.push_back(data_.labels[static_cast<std::size_t>(image)]);
  }
  return result;
}

NamedRecord TrainedNetwork::step() {
  NamedRecord record;
  const Batch now = batch();
  const StepContext context{1, state_.step, rate_, kMomentum};
  if (state_.step == 0) engine_.calibrate(state_, now, context);
  engine_.step(state_, now, context, ByName(record, network_));
  return record;
}

GradientSpread gradient_spread(const TrainedNetwork& of, const NamedRecord& step, const std::string& name,
                               const std::string& recipe_name, int streams) {
  const Recipe recipe = recipe_named(recipe_name);
  const FoundLayer found = layer_of(of, name, recipe);
  GoldenTools tools(recipe, 1);
  GoldenLayer layer(found.node, found.rule);
  const NamedTensor& x = step.tensors.at(name + ".x");
  const RawTensor g = raw_tensor(step.tensors.at(name + ".d_raw"), from_word(step.scalars.at(name + ".dunit")));
  layer.x.assign(x.values.begin(), x.values.end());
  layer.sx = from_word(step.scalars.at(name + ".sx"));
  tools.samples = kBatch;

  std::vector<double> exact = exact_gradient(found.node.conv, x, reals(step.tensors.at(name + ".d_raw")));
  const double unit = value(layer.sx) * value(g.unit);
  for (double& sum_of : exact) sum_of *= unit;
  const double norm = dot(exact, exact);
  std::vector<double> sum(exact.size()), part(exact.size()), error(exact.size());
  std::vector<double> gains, biases;
  double squares = 0.0, squares_of_part = 0.0;
  for (int stream = 0; stream < streams; ++stream) {
    tools.context.seed64 = static_cast<std::uint64_t>(stream + 1) * 0x9e3779b97f4a7c15u;
    layer.quantize_gradient(g, LayerState{}, tools);
    layer.weight_gradient(LayerState{}, tools);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      error[i] = layer.dw[i] * value(layer.dw_unit) - exact[i];
      sum[i] += error[i];
      part[i] += error[i];
    }
    gains.push_back(dot(error, exact) / norm);
    squares += dot(error, error);
    squares_of_part += dot(error, error);
    if ((stream + 1) % (streams / kParts) != 0) continue;
    biases.push_back(squared_mean(part, squares_of_part, streams / kParts) / norm);
    std::fill(part.begin(), part.end(), 0.0);
    squares_of_part = 0.0;
  }
  const auto standard_error = [](const std::vector<double>& values) {
    double mean = 0.0, spread = 0.0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    for (const double value : values) spread += (value - mean) * (value - mean);
    return std::sqrt(spread / static_cast<double>(values.size() * (values.size() - 1)));
  };
  GradientSpread result;
  result.gain = dot(sum, exact) / norm / streams;
  result.gain_error = standard_error(gains);
  result.bias = squared_mean(sum, squares, streams) / norm;
  result.bias_error = standard_error(biases);
  result.variance = squares / norm / streams - result.bias;
  return result;
}

GradientSpread bias_of_words(const TrainedNetwork& of, const NamedRecord& step, const std::string& name,
                             const std::string& recipe, int r) {
  const FoundLayer found = layer_of(of, name, recipe_named(recipe));
  const GroupView& view = found.rule.gradient.wgrad;
  const NamedTensor& g = step.tensors.at(name + ".d_raw");
  const auto cols = static_cast<std::size_t>(view.groups == Groups::kColumn ? g.cols : 1);
  const auto group_of = [&](std::size_t i) { return i % cols; };
  const spec::Extremes extremes = spec::extremes(g.values, cols, group_of);
  const int largest_code = (1 << view.bits) - 1;
  const bool snapped = view.groups == Groups::kTensor && view.bits > 1;
  std::vector<double> mean_error;
  for (std::size_t i = 0; i < g.values.size(); ++i) {
    const std::int64_t lo = extremes.lo[group_of(i)], hi = extremes.hi[group_of(i)];
    const spec::Grid grid = snapped ? spec::grid_of_tensor(lo, hi, largest_code) : spec::grid(lo, hi, largest_code);
    const auto zero = static_cast<double>(spec::group_chance(-std::min<std::int64_t>(0, grid.lo), grid.ratio, 8).below);
    double width = static_cast<double>(hi - grid.lo) / largest_code;  // of a step, without the reals' roundings
    if (snapped && zero > 0.0) width = -static_cast<double>(grid.lo) / zero;
    const spec::Chance chance = spec::group_chance(std::max<std::int64_t>(0, g.values[i] - grid.lo), grid.ratio, r);
    const double code = static_cast<double>(chance.below) + std::ldexp(static_cast<double>(chance.words_up), -r);
    const double limited = std::min(code, static_cast<double>(largest_code));
    mean_error.push_back(limited * width + static_cast<double>(grid.lo) - g.values[i]);
  }
  const NamedTensor& x = step.tensors.at(name + ".x");
  const std::vector<double> exact = exact_gradient(found.node.conv, x, reals(g));
  const std::vector<double> error = exact_gradient(found.node.conv, x, mean_error);
  GradientSpread result;
  result.gain = dot(error, exact) / dot(exact, exact);
  result.bias = dot(error, error) / dot(exact, exact);
  return result;
}

}  // namespace bitloom::testing
