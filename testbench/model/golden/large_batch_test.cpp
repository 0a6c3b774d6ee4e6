// A step of 40,000 samples, more than 15 bits count: it takes two images in turns, so that every tensor that has a part
// a sample must repeat itself.
#include <gtest/gtest.h>

#include <random>

#include "model/golden/step.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "testbench/model/named_record.hpp"

namespace bitloom {
namespace {

Batch two_images_in_turns(const InputFormat& format, std::size_t pixels, int samples) {
  Batch batch;
  batch.M = samples;
  batch.scale = format.scale;
  std::mt19937 random(3);
  std::vector<std::int8_t> images(2 * pixels);
  for (std::int8_t& code : images) {
    code = static_cast<std::int8_t>(static_cast<int>(random() % (2u * format.largest_code + 1)) - format.largest_code);
  }
  for (int m = 0; m < samples; m += 2) {
    batch.X.insert(batch.X.end(), images.begin(), images.end());
    batch.labels.insert(batch.labels.end(), {0, 1});
  }
  return batch;
}

/// Runs a step of a network with pools and a norm.
StepResult step(int samples, NamedRecord& record) {
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "int8_nearest"));
  const Network network = read_network(JsonObject::from_text(
      R"({"name": "pools", "input": [1, 4, 4], "layers": [
          {"name": "conv", "op": "conv2d", "out": 2, "kernel": 3, "padding": 1, "bias": false},
          {"name": "bn", "op": "batch_norm"}, {"name": "max", "op": "max_pool", "kernel": 2, "stride": 2},
          {"name": "average", "op": "average_pool", "kernel": 2, "stride": 2}, {"name": "flat", "op": "flatten"},
          {"name": "fc", "op": "linear", "out": 2, "bias": true}, {"name": "loss", "op": "softmax_cross_entropy"}]})",
      "pools.json"));
  TrainState state = initial_state(network, recipe, initial_parameters(network, 5));
  const Batch batch = two_images_in_turns(input_format(network, recipe, {}), 16, samples);
  StepContext context;
  context.lr = nearest_scale(0.01);
  calibrate(network, recipe, state, batch, context, 2);
  return golden_step(network, recipe, state, batch, context, ByName(record, network), 2);
}

/// Returns how many values differ from those of the sample two before.
std::size_t breaks(const NamedTensor& tensor, int samples) {
  const std::size_t part = 2 * tensor.values.size() / static_cast<std::size_t>(samples);
  std::size_t count = 0;
  for (std::size_t i = part; i < tensor.values.size(); ++i) {
    count += tensor.values[i] == tensor.values[i - part] ? 0 : 1;
  }
  return count;
}

TEST(LargeBatch, EqualSamplesGiveEqualTensors) {
  constexpr int kSamples = 40000;
  NamedRecord record;
  step(kSamples, record);
  std::size_t of_samples = 0;
  for (const auto& [name, tensor] : record.tensors) {
    if (tensor.values.size() < kSamples) continue;
    ++of_samples;
    EXPECT_EQ(breaks(tensor, kSamples), 0u) << name;
  }
  EXPECT_GE(of_samples, 12u);
  for (const char* name : {"max.z_raw", "average.z_raw", "max.d_raw", "average.d_raw"}) {
    EXPECT_EQ(record.tensors.count(name), 1u) << name;
  }
}

TEST(SmallBatch, OfSmallValuesCountsNoClampedOne) {
  NamedRecord record;
  EXPECT_EQ(step(40, record).saturated, 0u);
}

}  // namespace
}  // namespace bitloom
