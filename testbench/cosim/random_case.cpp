#include "testbench/cosim/random_case.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include "model/io/json_reader.hpp"
#include "model/io/traces.hpp"

namespace bitloom::cosim {
namespace {

/// Draws a number uniform in [low, high]; not std::uniform_int_distribution, whose results differ between libraries.
int between(std::mt19937_64& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
}

template <class T, std::size_t N>
T one_of(std::mt19937_64& random, const std::array<T, N>& values) {
  return values[random() % N];
}

Network draw_network(std::mt19937_64& random) {
  const int layers = between(random, 1, 4);
  std::string nodes;
  for (int l = 0; l < layers; ++l) {
    const bool last = l + 1 == layers;
    const int out = last ? between(random, 2, 10) : between(random, 1, 90);
    nodes += fmt::format(R"({{"name": "fc{}", "op": "linear", "out": {}, "bias": {}}}, )", l, out,
                         between(random, 0, 4) != 0);
    const bool relu = last ? between(random, 0, 4) == 0 : between(random, 0, 4) != 0;
    if (relu) nodes += fmt::format(R"({{"name": "relu{}", "op": "relu"}}, )", l);
  }
  return read_network(JsonObject::from_text(
      fmt::format(
          R"({{"name": "random", "input": [{}], "layers": [{}{{"name": "loss", "op": "softmax_cross_entropy"}}]}})",
          between(random, 1, 130), nodes),
      "random network"));
}

/// Draws the layers of a small convolutional graph as text: maybe two convolutions of the network's input; one to three
/// blocks of a convolution, maybe a norm, a ReLU, a residual add and a pooling; then flatten and one or two linear
/// layers, and maybe a ReLU before the loss. Of half of the graphs, channels fill bytes.
class GraphDrawer {
 public:
  explicit GraphDrawer(std::mt19937_64& random) : random_(random) {}

  std::string run() {
    bytes_ = between(random_, 0, 1) == 0;
    channels_ = bytes_ && between(random_, 0, 2) == 0 ? 8 : between(random_, 1, 5);
    rows_ = between(random_, 3, 9);
    cols_ = between(random_, 3, 9);
    const std::string input = fmt::format("[{}, {}, {}]", channels_, rows_, cols_);
    const int blocks = between(random_, 1, 3);
    if (between(random_, 0, 3) == 0) two_readers();
    for (int b = 0; b < blocks; ++b) block();
    add("flatten", "");
    if (between(random_, 0, 2) == 0) {
      add("linear", fmt::format(R"(, "out": {}, "bias": true)", between(random_, 1, 20)));
      add("relu", "");
    }
    add("linear", fmt::format(R"(, "out": {}, "bias": {})", between(random_, 2, 10), bias()));
    if (between(random_, 0, 4) == 0) add("relu", "");
    add("softmax_cross_entropy", "");
    return fmt::format(R"({{"name": "random", "input": {}, "layers": [{}]}})", input, layers_);
  }

 private:
  struct Result {
    std::string name;
    int channels, rows, cols;
  };

  bool bias() { return between(random_, 0, 2) != 0; }

  const std::string& add(const std::string& op, const std::string& fields) {
    const std::string name = fmt::format("{}{}", op, count_++);
    layers_ += fmt::format(R"({}{{"name": "{}", "op": "{}"{}}})", layers_.empty() ? "" : ", ", name, op, fields);
    if (op == "relu") results_.pop_back();  // a ReLU is the only reader of what it reads
    results_.push_back({name, channels_, rows_, cols_});
    return results_.back().name;
  }

  /// Kernel, stride, padding and dilation of one side, such that the result has at least one place.
  struct Side {
    int kernel, stride, padding, dilation, result;
  };
  Side draw_side(int extent) {
    Side side{};
    do {
      side.kernel = between(random_, 1, 3);
      side.stride = between(random_, 1, 4) == 1 ? between(random_, 2, 3) : between(random_, 1, 2);
      side.dilation = between(random_, 0, 3) == 0 ? 2 : 1;
      side.padding = between(random_, 0, side.kernel - 1);
      side.result = extent + 2 * side.padding - side.dilation * (side.kernel - 1);
    } while (side.result < 1);
    side.result = (side.result - 1) / side.stride + 1;
    return side;
  }

  /// Adds two convolutions of the input and their sum.
  void two_readers() {
    channels_ = bytes_ ? 8 : between(random_, 1, 5);
    const std::string fields = fmt::format(R"(, "out": {}, "inputs": ["input"], "bias": )", channels_);
    const std::string first = add("conv2d", fmt::format(R"({}{}, "kernel": 3, "padding": 1)", fields, bias()));
    const int rows = 2 * between(random_, 0, 2) + 1;
    const std::string second =
        add("conv2d", fmt::format(R"({}{}, "kernel": [{}, 1], "padding": [{}, 0])", fields, bias(), rows, rows / 2));
    add("add", fmt::format(R"(, "inputs": ["{}", "{}"])", first, second));
  }

  void conv() {
    // A third are of one shape in and out, so that residual adds have something to add.
    const bool same = between(random_, 0, 2) == 0;
    Side y = draw_side(rows_), x = draw_side(cols_);
    if (same) y = {3, 1, 1, 1, rows_}, x = {1, 1, 0, 1, cols_};
    const std::array groups_of{1, 1, channels_, channels_ % 2 == 0 ? 2 : 1};
    const int groups = one_of(random_, groups_of);
    const int in_bytes = 8 * between(random_, 1, 2);
    const bool fills = bytes_ && in_bytes % groups == 0;
    const int out = same ? channels_ : fills ? in_bytes : groups * between(random_, 1, std::max(1, 8 / groups));
    channels_ = out, rows_ = y.result, cols_ = x.result;
    add("conv2d", fmt::format(R"(, "out": {}, "kernel": [{}, {}], "stride": [{}, {}], "padding": [{}, {}], )"
                              R"("dilation": [{}, {}], "groups": {}, "bias": {})",
                              out, y.kernel, x.kernel, y.stride, x.stride, y.padding, x.padding, y.dilation, x.dilation,
                              groups, bias()));
  }

  void residual() {
    std::vector<std::string> others;
    for (std::size_t i = 0; i + 1 < results_.size(); ++i) {
      const Result& r = results_[i];
      if (r.channels == channels_ && r.rows == rows_ && r.cols == cols_) others.push_back(r.name);
    }
    if (others.empty() || between(random_, 0, 3) == 0) return;
    const std::string other = others[random_() % others.size()];
    const std::string last = results_.back().name;
    add("add", fmt::format(R"(, "inputs": ["{}", "{}"])", last, other));
  }

  void pool() {
    const bool max = between(random_, 0, 1) == 0;
    if (!max && between(random_, 0, 3) == 0) {
      rows_ = cols_ = 1;
      add("average_pool", R"(, "kernel": "all")");
      return;
    }
    Side y{}, x{};
    do {
      y = draw_side(rows_), x = draw_side(cols_);
    } while (y.dilation != 1 || x.dilation != 1);
    rows_ = y.result, cols_ = x.result;
    add(max ? "max_pool" : "average_pool",
        fmt::format(R"(, "kernel": [{}, {}], "stride": [{}, {}], "padding": [{}, {}])", y.kernel, x.kernel, y.stride,
                    x.stride, y.padding, x.padding));
  }

  void block() {
    conv();
    if (between(random_, 0, 2) == 0) residual();
    if (between(random_, 0, 1) == 0) add("batch_norm", "");
    if (between(random_, 0, 3) != 0) add("relu", "");
    if (between(random_, 0, 2) == 0) residual();
    if (between(random_, 0, 1) == 0) pool();
  }

  std::mt19937_64& random_;
  bool bytes_ = false;
  int channels_ = 1, rows_ = 1, cols_ = 1, count_ = 0;
  std::string layers_;
  std::vector<Result> results_;
};

ViewRule draw_view(std::mt19937_64& random) {
  constexpr std::array kRoundings{Rounding::kHalfUp, Rounding::kNearestEven, Rounding::kFloor, Rounding::kStochastic};
  constexpr std::array kScales{ScaleRule::kExact, ScaleRule::kHindsight};
  ViewRule rule;
  rule.rounding = one_of(random, kRoundings);
  rule.scale = one_of(random, kScales);
  return rule;
}

Recipe draw_recipe(std::mt19937_64& random) {
  constexpr std::array kWidths{4, 8};
  constexpr std::array kOverrides{0, 0, 4, 8};
  constexpr std::array kRoundings{Rounding::kHalfUp, Rounding::kNearestEven, Rounding::kFloor};
  Recipe recipe;
  recipe.name = "random";
  recipe.bits = one_of(random, kWidths);
  recipe.first_bits = one_of(random, kOverrides);
  recipe.last_bits = one_of(random, kOverrides);
  recipe.activation = draw_view(random);
  recipe.gradient = draw_view(random);
  recipe.weight.rounding = one_of(random, kRoundings);
  recipe.update.stochastic = between(random, 0, 2) != 0;
  recipe.update.master_frac_bits = between(random, 16, 22);
  recipe.update.momentum_frac_bits = between(random, 12, 17);
  return recipe;
}

/// LUQ's quantizers with fields that no recipe file has. The network's input and the loss keep a recipe's own codes.
Recipe draw_sawb_recipe(std::mt19937_64& random) {
  constexpr std::array kRoundings{Rounding::kHalfUp, Rounding::kStochastic};
  Recipe recipe = draw_recipe(random);
  recipe.bits = 4;
  recipe.first_bits = recipe.last_bits = 0;
  Override first;
  first.bits = between(random, 0, 1) == 0 ? 4 : 8;
  first.activation = recipe.activation;
  first.weight = recipe.weight;
  first.gradient = recipe.gradient;
  recipe.overrides["first"] = first;
  recipe.activation.quantizer = recipe.weight.quantizer = Quantizer::kSawb;
  recipe.activation.scale = ScaleRule::kExact;
  recipe.activation.rounding = one_of(random, kRoundings);
  recipe.activation.is_unsigned = between(random, 0, 2) != 0;
  recipe.weight.rounding = one_of(random, kRoundings);
  if (between(random, 0, 1) == 0) return recipe;
  recipe.gradient.quantizer = Quantizer::kLog;
  recipe.gradient.rounding = one_of(random, kRoundings);
  recipe.gradient.binades = between(random, 2, 3) * 2;
  recipe.gradient.power_of_two = between(random, 0, 2) == 0;
  recipe.gradient.samples = between(random, 1, 2);
  return recipe;
}

/// Lets every layer that reads the network's input follow the first layer's rules, which must have one width (N14.5).
void give_input_codes(const Network& network, Recipe& recipe) {
  bool first = true;
  for (const Node& node : network.nodes) {
    if (node.op != Op::kConv2d || node.inputs.front() != kNetworkInput) continue;
    if (!first && recipe.first_bits != 0) recipe.named_bits[node.name] = recipe.first_bits;
    if (!first && recipe.overrides.contains("first")) recipe.overrides[node.name] = recipe.overrides.at("first");
    first = false;
  }
}

}  // namespace

RandomCase draw_case(std::mt19937_64& random) {
  constexpr std::array kStalls{0, 0, 20, 60};
  RandomCase drawn;
  drawn.network = draw_network(random);
  drawn.recipe = draw_recipe(random);
  drawn.batch = between(random, 1, 40);
  drawn.stall = one_of(random, kStalls);
  drawn.text =
      fmt::format("batch {}, stalls {} %, bits {}/{}/{}, input {}", drawn.batch, drawn.stall, drawn.recipe.bits,
                  drawn.recipe.first_bits, drawn.recipe.last_bits, element_count(drawn.network.input));
  for (const Node& node : drawn.network.nodes) {
    if (node.op == Op::kRelu) drawn.text += " relu";
    if (node.op != Op::kLinear) continue;
    const auto& layer = std::get<LinearAttributes>(node.attributes);
    drawn.text += fmt::format(", {}{}", layer.out, layer.bias ? "" : " no bias");
  }
  return drawn;
}

RandomCase draw_graph_case(std::mt19937_64& random) {
  constexpr std::array kStalls{0, 0, 20, 60};
  std::vector<std::string> files = known_traces(TraceKind::kRecipe);
  std::erase_if(files, [](const std::string& name) { return name.starts_with("fp32"); });
  RandomCase drawn;
  const std::string text = GraphDrawer(random).run();
  drawn.network = read_network(JsonObject::from_text(text, "random network"));
  const bool by_file = between(random, 0, 3) != 0;
  const std::string file = files[random() % files.size()];
  const bool sawb = between(random, 0, 1) == 0;
  drawn.recipe = by_file ? read_recipe(resolve_trace(TraceKind::kRecipe, file))
                         : (sawb ? draw_sawb_recipe(random) : draw_recipe(random));
  give_input_codes(drawn.network, drawn.recipe);
  if (!by_file && between(random, 0, 1) == 0) drawn.recipe.normalization = Normalization::kLayerBatch;
  drawn.batch = between(random, 1, 5);
  drawn.stall = one_of(random, kStalls);
  drawn.text = fmt::format("batch {}, stalls {} %, recipe {} (bits {}/{}/{}), {}", drawn.batch, drawn.stall,
                           drawn.recipe.name, drawn.recipe.bits, drawn.recipe.first_bits, drawn.recipe.last_bits, text);
  return drawn;
}

/// Draws lanes of the array: every second time a power of two, as operands of several tiles need.
int draw_lanes(std::mt19937_64& random, int least, int most) {
  const int lanes = between(random, least, most);
  return between(random, 0, 1) == 0 ? lanes
                                    : std::max(least, static_cast<int>(std::bit_floor(static_cast<unsigned>(lanes))));
}

std::string draw_hardware(std::mt19937_64& random, const std::string& name) {
  constexpr std::array kWords{8, 16, 32};  // a machine of 64 takes minutes to make
  constexpr std::array kBursts{1, 2, 4, 8, 64, 256};
  const int word = one_of(random, kWords);
  const int lanes = word / (between(random, 0, 1) == 0 ? 4 : 2);
  const int line_beats = between(random, 0, 2) == 0 ? 0 : 1 << between(random, 1, 8);
  return fmt::format(
      R"({{"name": "{}", "clock_mhz": 100, "rows": {}, "cols": {}, "axi_bytes": {}, "lanes": {}, "spad_a_bytes": {}, "spad_b_bytes": {},
 "line_buffer_bytes": {}, "acc_tiles": {}, "vin_words": {}, "vout_words": {}, "vbias_words": {}, "table_words": 256, "queue_depth": {}, "max_outstanding": {},
 "max_burst": {}, "dram_read_latency": {}, "dram_write_latency": {}, "dram_bytes": 67108864}})",
      name, draw_lanes(random, 1, std::min(word, 20)), draw_lanes(random, lanes, std::max(lanes, std::min(word, 24))),
      word, lanes, word * between(random, 1, 6), word * between(random, 1, 12), word * line_beats,
      between(random, 2, 12), between(random, 128, 700), between(random, 128, 700), between(random, 64, 200),
      between(random, 4, 9), between(random, 1, 8), one_of(random, kBursts), between(random, 1, 60),
      between(random, 1, 60));
}

}  // namespace bitloom::cosim
