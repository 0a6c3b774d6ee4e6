// What a network file may say, and what each operation is to the network: its words, fields, shape and limits.
#include "model/network/network_layers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "model/network/limits.hpp"

namespace bitloom {

namespace {

/// What is to be known of an operation beside its fields and its shape.
struct OpFacts {
  std::string_view name;
  Op op;
  const char* meaning;
  const char* rule;
  bool keeps_signs = false;  ///< is the sign of a result that of values that it read?
  bool takes_relu = false;   ///< can a ReLU behind it become part of it (N14.3)?
};
constexpr std::array<OpFacts, 9> kOps{{
    {"linear", Op::kLinear, "Every result is a weighted sum of all inputs.", "N5", false, true},
    {"conv2d", Op::kConv2d, "Every result is a weighted sum of a window of the image.", "N14.2", false, true},
    {"relu", Op::kRelu, "What is below zero becomes zero.", "N14.3", true, false},
    {"max_pool", Op::kMaxPool, "The largest value of each window.", "N15.1", true, false},
    {"average_pool", Op::kAveragePool, "The mean of each window.", "N15.2", true, false},
    {"batch_norm", Op::kBatchNorm, "Each channel gets a learned mean and spread.", "N16", false, true},
    {"add", Op::kAdd, "The sum of two results of one shape.", "N14.6", false, true},
    {"flatten", Op::kFlatten, "An image becomes one row of features.", "N14.1", true, false},
    {"softmax_cross_entropy", Op::kSoftmaxCrossEntropy, "The loss of a classification; it ends the network.", "N7"},
}};

#define BITLOOM_HAS_FACTS(each, in_golden, in_fp32) &&std::ranges::find(kOps, Op::each, &OpFacts::op) != kOps.end()
static_assert(true BITLOOM_OPERATIONS(BITLOOM_HAS_FACTS), "every operation has its line above");
#undef BITLOOM_HAS_FACTS

const OpFacts& facts_of(Op op) { return *std::ranges::find(kOps, op, &OpFacts::op); }

std::vector<FieldChoice> op_words() {
  std::vector<FieldChoice> words;
  for (const OpFacts& known : kOps) words.push_back({std::string(known.name), known.meaning, known.rule});
  return words;
}

constexpr int kMaxWindow = 4096;  // of kernel, stride, padding and dilation

std::vector<FileField> weight_layer_fields() {
  return {
      fields::integer("out", 1, kMaxElements, "How many results a layer has: features, or channels of an image.")
          .only_with("op", {"linear", "conv2d"}),
      fields::flag("bias", "Does a learned value add to each result?").only_with("op", {"linear", "conv2d"}),
  };
}

std::vector<FileField> window_fields() {
  FileField all_or_window =
      fields::pair("kernel", 1, kMaxWindow, "The size of a window.").in("places").only_with("op", {"average_pool"});
  all_or_window.choices = {{"all", "One window over the whole image.", ""}};
  return {
      fields::pair("kernel", 1, kMaxWindow, "The size of a window.")
          .in("places")
          .only_with("op", {"conv2d", "max_pool"})
          .checked("At most the padded input."),
      std::move(all_or_window).checked("At most the padded input."),
      fields::pair("stride", 1, kMaxWindow, "How far windows lie apart.")
          .in("places")
          .or_else("1")
          .only_with("op", {"conv2d"}),
      fields::pair("stride", 1, kMaxWindow, "How far windows lie apart; by default the kernel, side by side.")
          .in("places")
          .may_be_absent()
          .only_with("op", {"max_pool", "average_pool"})
          .unless("kernel", {"all"}),
      fields::pair("padding", 0, kMaxWindow, "How many zeros stand on each side of the image.")
          .in("places")
          .or_else("0")
          .only_with("op", {"conv2d", "max_pool", "average_pool"})
          .unless("kernel", {"all"})
          .checked("For a pool less than the kernel."),
      fields::pair("dilation", 1, kMaxWindow, "How far the places of one window lie apart.")
          .in("places")
          .or_else("1")
          .only_with("op", {"conv2d"}),
      fields::integer("groups", 1, kMaxElements, "Channels fall into so many groups, each with weights of its own.")
          .or_else("1")
          .only_with("op", {"conv2d"})
          .checked("A divisor of the input's and the result's channels."),
  };
}

std::vector<FileField> norm_fields() {
  return {
      fields::number("eps", 1e-8, 1.0, "What is added to the variance before its root divides.")
          .or_else("1e-5")
          .by("N16.1")
          .only_with("op", {"batch_norm"}),
      fields::number("momentum", 1e-4, 1.0, "The share of this batch in the running mean and variance.")
          .or_else("0.1")
          .by("N16.2")
          .only_with("op", {"batch_norm"}),
  };
}

const FileSection& layer_fields() {
  static const FileSection section = [] {
    FileSection all{"layer",
                    "One operation of the network.",
                    {fields::text("name", "What the layer is called in reports, recipes and checkpoints.")
                         .checked("Letters, digits, '_' and '-'; unique; not \"input\"."),
                     fields::choice("op", op_words(), "What the layer computes."),
                     fields::texts("inputs", "What the layer reads; by default the layer above.")
                         .may_be_absent()
                         .checked("\"input\" or names of layers above; two for add, one for others.")}};
    for (const std::vector<FileField>& part : {weight_layer_fields(), window_fields(), norm_fields()}) {
      all.fields.insert(all.fields.end(), part.begin(), part.end());
    }
    return all;
  }();
  return section;
}

std::string shape_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

const Shape& input_shape(const Network& network, const Node& node, std::size_t which) {
  const int index = node.inputs[which];
  return index == kNetworkInput ? network.input : network.nodes[static_cast<std::size_t>(index)].shape;
}

Pair read_pair_or(const FieldReader& json, const char* key, Pair fallback) {
  if (!json.has(key)) return fallback;
  const auto [rows, cols] = json.pair(key);
  return {rows, cols};
}

const Shape& image_input(const FieldReader& json, const Network& network, const Node& node) {
  const Shape& in = input_shape(network, node, 0);
  if (in.size() != 3) {
    json.fail(fmt::format("op {} needs an input of {{channels, rows, columns}}, got shape {}", op_name(node.op),
                          shape_text(in)));
  }
  return in;
}

// Number of windows along one direction.
int window_count(const FieldReader& json, const char* direction, int extent, int kernel, int stride, int padding,
                 int dilation) {
  const std::int64_t reach = std::int64_t{dilation} * (kernel - 1) + 1;
  const std::int64_t padded = extent + 2 * std::int64_t{padding};
  if (reach > padded) {
    json.fail("kernel", fmt::format("expected a window of at most {} {} (input {}, padding {}), got {}", padded,
                                    direction, extent, padding, reach));
  }
  return static_cast<int>((padded - reach) / stride) + 1;
}

Shape windowed_shape(const FieldReader& json, const Shape& in, int channels, const Pair& kernel, const Pair& stride,
                     const Pair& padding, const Pair& dilation) {
  return {channels, window_count(json, "rows", in[1], kernel.rows, stride.rows, padding.rows, dilation.rows),
          window_count(json, "columns", in[2], kernel.cols, stride.cols, padding.cols, dilation.cols)};
}

void read_conv2d(const FieldReader& json, const Network& network, Node& node) {
  const Shape& in = image_input(json, network, node);
  Conv2dAttributes conv;
  conv.in = in[0];
  conv.out = json.get<int>("out");
  conv.kernel = read_pair_or(json, "kernel", conv.kernel);
  conv.stride = read_pair_or(json, "stride", conv.stride);
  conv.padding = read_pair_or(json, "padding", conv.padding);
  conv.dilation = read_pair_or(json, "dilation", conv.dilation);
  conv.groups = json.get<int>("groups");
  conv.bias = json.get<bool>("bias");
  if (conv.in % conv.groups != 0 || conv.out % conv.groups != 0) {
    json.fail("groups", fmt::format("expected a divisor of {} input and {} output channels, got {}", conv.in, conv.out,
                                    conv.groups));
  }
  node.attributes = conv;
  node.shape = windowed_shape(json, in, conv.out, conv.kernel, conv.stride, conv.padding, conv.dilation);
}

void read_pool(const FieldReader& json, const Network& network, Node& node) {
  const Shape& in = image_input(json, network, node);
  PoolAttributes pool;
  if (json.is("kernel", "all")) {
    pool.kernel = pool.stride = {in[1], in[2]};
  } else {
    pool.kernel = read_pair_or(json, "kernel", pool.kernel);
    pool.stride = read_pair_or(json, "stride", pool.kernel);
    pool.padding = read_pair_or(json, "padding", pool.padding);
    if (pool.padding.rows >= pool.kernel.rows || pool.padding.cols >= pool.kernel.cols) {
      json.fail("padding", fmt::format("expected less than the kernel [{}, {}], got [{}, {}]", pool.kernel.rows,
                                       pool.kernel.cols, pool.padding.rows, pool.padding.cols));
    }
  }
  node.attributes = pool;
  node.shape = windowed_shape(json, in, in[0], pool.kernel, pool.stride, pool.padding, {1, 1});
}

void read_norm(const FieldReader& json, const Network& network, Node& node) {
  const Shape& in = input_shape(network, node, 0);
  if (in.size() != 1 && in.size() != 3) {
    json.fail(fmt::format("op batch_norm needs an input of {{features}} or {{channels, rows, columns}}, got shape {}",
                          shape_text(in)));
  }
  NormAttributes norm;
  norm.channels = in[0];
  norm.eps = json.get<double>("eps");
  norm.momentum = json.get<double>("momentum");
  node.attributes = norm;
  node.shape = in;
}

void read_add(const FieldReader& json, const Network& network, Node& node) {
  if (node.inputs[0] == node.inputs[1]) json.fail("inputs", "expected two different results");
  const Shape& left = input_shape(network, node, 0);
  const Shape& right = input_shape(network, node, 1);
  if (left != right) {
    json.fail("inputs",
              fmt::format("expected two results of one shape, got {} and {}", shape_text(left), shape_text(right)));
  }
  node.shape = left;
}

void check_inputs(const FieldReader& json, const Network& network, const Node& node) {
  const std::size_t expected = node.op == Op::kAdd ? 2 : 1;
  if (node.inputs.size() != expected) {
    json.fail("inputs", fmt::format("expected {} input{} for op {}, got {}", expected, expected == 1 ? "" : "s",
                                    op_name(node.op), node.inputs.size()));
  }
  for (const int index : node.inputs) {
    if (index != kNetworkInput && network.nodes[static_cast<std::size_t>(index)].op == Op::kSoftmaxCrossEntropy) {
      json.fail("inputs", "expected a layer with a result, got a loss");
    }
  }
}

void require_one_dimension(const FieldReader& json, const Node& node, const Shape& in) {
  if (in.size() == 1) return;
  json.fail(fmt::format("op {} needs a one-dimensional input, got shape {}", op_name(node.op), shape_text(in)));
}

}  // namespace

const char* op_name(Op op) { return facts_of(op).name.data(); }

bool keeps_signs(Op op) { return facts_of(op).keeps_signs; }
bool takes_relu(Op op) { return facts_of(op).takes_relu; }

bool is_view(const Node& node) {
  const auto* pool = std::get_if<PoolAttributes>(&node.attributes);
  const auto is = [](const Pair& pair, int value) { return pair.rows == value && pair.cols == value; };
  const bool single = pool != nullptr && is(pool->kernel, 1) && is(pool->stride, 1) && is(pool->padding, 0);
  return single || node.op == Op::kFlatten;
}

WindowTaps window_taps(const Node& node) {
  const auto* pool = std::get_if<PoolAttributes>(&node.attributes);
  if (pool == nullptr) return {};
  return {pool->kernel.rows * pool->kernel.cols, largest_window(node.op == Op::kMaxPool)};
}

PoolSums pool_sums(const Node& node) {
  const auto* pool = std::get_if<PoolAttributes>(&node.attributes);
  if (pool == nullptr) return {};
  const auto over = [](int kernel, int stride) { return (kernel + stride - 1) / stride; };
  return {node.op == Op::kMaxPool ? 1 : pool->kernel.rows * pool->kernel.cols,
          over(pool->kernel.rows, pool->stride.rows) * over(pool->kernel.cols, pool->stride.cols)};
}

Op read_op(const FieldReader& json) {
  const auto text = json.get<std::string>("op");
  const auto found = std::ranges::find(kOps, text, &OpFacts::name);
  return found->op;  // the table has let only these words pass
}

void read_layer(const FieldReader& json, const Network& network, Node& node) {
  check_inputs(json, network, node);
  const Shape& in = input_shape(network, node, 0);
  node.shape = in;
  switch (node.op) {
    case Op::kLinear: {
      require_one_dimension(json, node, in);
      const LinearAttributes linear{in[0], json.get<int>("out"), json.get<bool>("bias")};
      node.attributes = linear;
      node.shape = {linear.out};
      break;
    }
    case Op::kConv2d:
      read_conv2d(json, network, node);
      break;
    case Op::kMaxPool:
    case Op::kAveragePool:
      read_pool(json, network, node);
      break;
    case Op::kBatchNorm:
      read_norm(json, network, node);
      break;
    case Op::kAdd:
      read_add(json, network, node);
      break;
    case Op::kFlatten:
      node.shape = {static_cast<int>(element_count(image_input(json, network, node)))};
      break;
    case Op::kRelu:
      break;
    case Op::kSoftmaxCrossEntropy:
      require_one_dimension(json, node, in);
      break;
  }
  if (element_count(node.shape) > kMaxElements) {
    json.fail(
        fmt::format("expected a result of at most {} elements, got shape {}", kMaxElements, shape_text(node.shape)));
  }
}

const FileSection& network_fields() {
  static const FileSection section{
      "network",
      "A network as a list of layers; each reads results above it, and the loss comes last.",
      {fields::text("name", "What reports and checkpoints call the network.").checked("Letters, digits, '_' and '-'."),
       fields::integer("batch", 1, 65535,
                       "Samples of a step where no other number is asked for; by default the hyper-parameters'.")
           .in("samples")
           .may_be_absent(),
       fields::integers("input", 1, kMaxElements, "The shape of a sample: [features] or [channels, rows, columns].")
           .checked("1 to 4 extents, at most 16777216 elements."),
       fields::objects("layers", layer_fields(), "The layers in an order in which they can be computed.")
           .checked("At least one.")}};
  return section;
}

}  // namespace bitloom
