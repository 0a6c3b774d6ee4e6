// Compulsory bytes of steps: two networks by hand, and what a larger batch changes.
#include "kernels/compulsory.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/io/json_reader.hpp"
#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using testing_cases::named_network;
using testing_cases::named_recipe;

Network network_of(const std::string& input, const std::string& layers) {
  return read_network(JsonObject::from_text(R"({"name": "n", "input": )" + input + R"(, "layers": [)" + layers +
                                                R"(, {"name": "loss", "op": "softmax_cross_entropy"}]})",
                                            "net.json"));
}

/// Bytes in the order of MemoryKind: weights, latent weights, optimizer state, activations, gradients, other.
using Bytes = std::array<std::uint64_t, kMemoryKinds>;

struct Expected {
  int node;
  std::string phase;
  Bytes read, written;
  std::uint64_t elements;
};

void expect_operations(const std::vector<OperationBytes>& made, const std::vector<Expected>& expected) {
  ASSERT_EQ(made.size(), expected.size());
  for (const Expected& want : expected) {
    const auto same = [&](const OperationBytes& each) { return each.node == want.node && each.phase == want.phase; };
    const auto found = std::find_if(made.begin(), made.end(), same);
    ASSERT_NE(found, made.end()) << want.node << " " << want.phase;
    EXPECT_EQ(found->read.bytes, want.read) << want.node << " " << want.phase;
    EXPECT_EQ(found->written.bytes, want.written) << want.node << " " << want.phase;
    EXPECT_EQ(found->elements, want.elements) << want.node << " " << want.phase;
  }
}

/// 4 samples of 6 → 5 with bias and ReLU → 3 with bias: x 24 and 20 codes, w 30 and 15, z 20 and 12, int8. Masters
/// have 24 bits, momenta 16, biases and raw views 32; a mask of 20 bits has 3 bytes.
TEST(CompulsoryBytes, OfAPerceptronByHand) {
  const Network network = network_of("[6]", R"({"name": "a", "op": "linear", "out": 5, "bias": true},
    {"name": "r", "op": "relu"}, {"name": "b", "op": "linear", "out": 3, "bias": true})");
  expect_operations(compulsory_bytes(network, named_recipe("int8"), 4),
                    {{0, "weights", {0, 90, 0, 0, 0, 0}, {30, 0, 0, 0, 0, 0}, 30},
                     {2, "weights", {0, 45, 0, 0, 0, 0}, {15, 0, 0, 0, 0, 0}, 15},
                     {0, "bias", {20, 0, 0, 0, 0, 0}, {}, 5},
                     {0, "forward", {30, 0, 0, 24, 0, 0}, {0, 0, 0, 80 + 3, 0, 0}, 20},
                     {2, "quantize", {0, 0, 0, 80, 48, 0}, {0, 0, 0, 20, 12, 0}, 20 + 12},
                     {2, "bias", {12, 0, 0, 0, 0, 0}, {}, 3},
                     {2, "forward", {15, 0, 0, 20, 0, 0}, {0, 0, 0, 48, 0, 0}, 12},
                     {2, "loss", {0, 0, 0, 48, 0, 16}, {0, 0, 0, 0, 48, 0}, 12},
                     {2, "dgrad", {15, 0, 0, 3, 12, 0}, {0, 0, 0, 0, 80, 0}, 20},
                     {2, "wgrad", {0, 0, 0, 20, 12, 0}, {0, 0, 0, 0, 60 + 12, 0}, 15 + 3},
                     {2, "update", {12, 45, 30 + 6, 0, 60 + 12, 0}, {12, 45, 30 + 6, 0, 0, 0}, 15 + 3},
                     {0, "quantize", {0, 0, 0, 0, 80, 0}, {0, 0, 0, 0, 20, 0}, 20},
                     {0, "wgrad", {0, 0, 0, 24, 20, 0}, {0, 0, 0, 0, 120 + 20, 0}, 30 + 5},
                     {0, "update", {20, 90, 60 + 10, 0, 120 + 20, 0}, {20, 90, 60 + 10, 0, 0, 0}, 30 + 5}});
}

/// The same with scales of the step before: codes are made at once, of the result and of its gradient (N6.3).
TEST(CompulsoryBytes, OfCodesMadeAtOnce) {
  const Network network = network_of("[6]", R"({"name": "a", "op": "linear", "out": 5, "bias": true},
    {"name": "r", "op": "relu"}, {"name": "b", "op": "linear", "out": 3, "bias": true})");
  for (const OperationBytes& each : compulsory_bytes(network, named_recipe("int8_hindsight"), 4)) {
    const auto is = [&](int node, const char* phase) { return each.node == node && each.phase == phase; };
    EXPECT_TRUE(!is(0, "forward") || each.written.bytes == (Bytes{0, 0, 0, 20 + 3, 0, 0}));
    EXPECT_TRUE(!is(2, "dgrad") || each.written.bytes == (Bytes{0, 0, 0, 0, 20, 0}));
    EXPECT_TRUE(!is(2, "quantize") || each.read.bytes == (Bytes{0, 0, 0, 0, 48, 0}));
    EXPECT_FALSE(is(0, "quantize"));
  }
}

/// 2 samples of 2 × 4 × 4 → 3 channels, 1 × 1, stride 2, which meets 2 × 2 of the places → norm, ReLU → 12 features →
/// 2: x 16 of 64 codes, w 6, z 24; gamma, beta and running values 3 words each.
TEST(CompulsoryBytes, OfAConvolutionWithANormByHand) {
  const Network network = network_of("[2, 4, 4]", R"(
    {"name": "c", "op": "conv2d", "out": 3, "kernel": 1, "stride": 2, "bias": false}, {"name": "n", "op": "batch_norm"},
    {"name": "r", "op": "relu"}, {"name": "f", "op": "flatten"}, {"name": "l", "op": "linear", "out": 2, "bias": false})");
  expect_operations(
      compulsory_bytes(network, named_recipe("int8"), 2),
      {{0, "weights", {0, 18, 0, 0, 0, 0}, {6, 0, 0, 0, 0, 0}, 6},
       {4, "weights", {0, 72, 0, 0, 0, 0}, {24, 0, 0, 0, 0, 0}, 24},
       {0, "forward", {6, 0, 0, 16, 0, 0}, {0, 0, 0, 96, 0, 0}, 24},
       // Forward z, gamma, beta, running values; backward the gradient, z; the mask is its own reader's business.
       {1, "norm", {24, 0, 0, 96 + 96, 96, 24}, {0, 0, 0, 96 + 3, 96 + 24, 24}, 24 + 24},
       {4, "quantize", {0, 0, 0, 96, 16, 0}, {0, 0, 0, 24, 4, 0}, 24 + 4},
       {4, "forward", {24, 0, 0, 24, 0, 0}, {0, 0, 0, 16, 0, 0}, 4},
       {4, "loss", {0, 0, 0, 16, 0, 8}, {0, 0, 0, 0, 16, 0}, 4},
       {4, "dgrad", {24, 0, 0, 3, 4, 0}, {0, 0, 0, 0, 96, 0}, 24},
       {4, "wgrad", {0, 0, 0, 24, 4, 0}, {0, 0, 0, 0, 96, 0}, 24},
       {4, "update", {0, 72, 48, 0, 96, 0}, {0, 72, 48, 0, 0, 0}, 24},
       {1, "update", {24, 0, 12, 0, 24, 0}, {24, 0, 12, 0, 0, 0}, 6},
       {0, "quantize", {0, 0, 0, 0, 96, 0}, {0, 0, 0, 0, 24, 0}, 24},
       {0, "wgrad", {0, 0, 0, 16, 24, 0}, {0, 0, 0, 0, 24, 0}, 6},
       {0, "update", {0, 18, 12, 0, 24, 0}, {0, 18, 12, 0, 0, 0}, 6}});
}

KindBytes all_of(const std::vector<OperationBytes>& operations) {
  KindBytes sum;
  for (const OperationBytes& each : operations) {
    sum += each.read;
    sum += each.written;
  }
  return sum;
}

/// Twice the batch is twice the activations, and the same weights and state.
TEST(CompulsoryBytes, OfTwiceTheBatch) {
  for (const char* name : {"mlp", "lenet", "lenet_bn", "resnet8", "conv_small"}) {
    for (const char* recipe : {"int8", "int4_hindsight", "luq", "lwq", "fqt1", "int8_adam"}) {
      SCOPED_TRACE(std::string(name) + " " + recipe);
      const Network network = named_network(name);
      const KindBytes once = all_of(compulsory_bytes(network, named_recipe(recipe), 16));
      const KindBytes twice = all_of(compulsory_bytes(network, named_recipe(recipe), 32));
      EXPECT_EQ(twice[MemoryKind::kActivations], 2 * once[MemoryKind::kActivations]);
      for (const MemoryKind kind : {MemoryKind::kWeights, MemoryKind::kLatentWeights, MemoryKind::kOptimizerState}) {
        EXPECT_EQ(twice[kind], once[kind]) << kMemoryKindWords[static_cast<std::size_t>(kind)];
      }
      EXPECT_GT(once[MemoryKind::kWeights], 0u);
      EXPECT_LT(once[MemoryKind::kGradients], twice[MemoryKind::kGradients]);
    }
  }
}

/// The forward part is what the whole has forward, and no more.
TEST(CompulsoryBytes, OfTheForwardPart) {
  const Network network = named_network("lenet_bn");
  const std::vector<OperationBytes> whole = compulsory_bytes(network, named_recipe("int8"), 8);
  for (const OperationBytes& part : compulsory_bytes(network, named_recipe("int8"), 8, true)) {
    EXPECT_EQ(part.read[MemoryKind::kGradients] + part.written[MemoryKind::kGradients], 0u) << part.phase;
    const auto same = [&](const OperationBytes& each) { return each.node == part.node && each.phase == part.phase; };
    const auto found = std::find_if(whole.begin(), whole.end(), same);
    ASSERT_NE(found, whole.end());
    EXPECT_LE(part.read.total(), found->read.total());
    EXPECT_TRUE(part.phase != "forward" || part.read == found->read);
  }
}

}  // namespace
}  // namespace bitloom
