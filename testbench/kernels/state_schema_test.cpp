// One list of the state: checkpoints, records and the accelerator's memory have the tensors that it names, with the
// shapes and for the values that it allows.
#include "model/golden/state_schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kernels/image.hpp"
#include "model/golden/state_file.hpp"
#include "model/golden/step.hpp"
#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using testing_cases::named_hardware;
using testing_cases::named_network;
using testing_cases::named_recipe;
using testing_cases::with_batch;
using Names = std::set<std::string>;

constexpr int kSamples = 4;

std::vector<std::string> integer_recipes() {
  std::vector<std::string> names;
  for (const std::string& name : known_traces(TraceKind::kRecipe)) {
    if (!named_recipe(name).fp32) names.push_back(name);
  }
  return names;
}

/// Every element at one end of its range or the other, and scalars that all differ.
TrainState extreme_state(const StateSchema& schema) {
  TrainState state = schema.zeros();
  std::uint32_t next = 0;
  for (const StateTensor& tensor : schema.tensors) {
    std::vector<std::int32_t> words(tensor.size());
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool high = i % 3 != 1;
      if (tensor.coding == StateCoding::kInteger) {
        words[i] = static_cast<std::int32_t>(high ? tensor.limits.high : tensor.limits.low);
      } else {
        const bool negative = !high && tensor.coding == StateCoding::kReal;
        words[i] = static_cast<std::int32_t>(make_real(negative, 32768 + next++ % 32768, 5).word());
      }
    }
    tensor.write(state, words);
  }
  for (const StateScalar& scalar : schema.scalars) {
    const std::uint32_t mantissa = 32768 + ++next % 32768;
    switch (scalar.coding) {
      case ScalarCoding::kScale:
        scalar.write(state, word(Scale{static_cast<std::uint16_t>(mantissa), 21}));
        break;
      case ScalarCoding::kMagnitude:
        scalar.write(state, make_real(false, mantissa, 3).word());
        break;
      case ScalarCoding::kLevel:
        scalar.write(state, next % 4);
        break;
      case ScalarCoding::kCount:
        break;  // it follows from a tensor
    }
  }
  for (LayerState& layer : state.layers) layer.wmax = largest_magnitude(layer.master);
  return state;
}

void expect_equal(const StateSchema& schema, const TrainState& is, const TrainState& was, bool between_steps) {
  for (const StateTensor& tensor : schema.tensors) {
    if (between_steps && tensor.stored.empty()) continue;
    EXPECT_EQ(tensor.read(is), tensor.read(was)) << tensor.name;
  }
  for (const StateScalar& scalar : schema.scalars) {
    if (!scalar.used) continue;
    EXPECT_EQ(scalar.read(is), scalar.read(was)) << scalar.name;
  }
}

void expect_checkpoint(const Network& network, const Recipe& recipe, const StateSchema& schema,
                       const TrainState& state) {
  Checkpoint checkpoint;
  checkpoint.tensors = state_tensors(network, recipe, state);
  Names listed{"formats"};
  for (const StateTensor& tensor : schema.tensors) {
    if (tensor.stored.empty()) continue;
    listed.insert(tensor.stored);
    ASSERT_TRUE(checkpoint.tensors.contains(tensor.stored)) << tensor.stored;
    const std::vector<std::int64_t>& shape = checkpoint.tensors.at(tensor.stored).shape;
    if (shape.size() == 2) {
      EXPECT_EQ(shape, (std::vector<std::int64_t>{tensor.rows, tensor.cols})) << tensor.stored;
    } else {
      EXPECT_EQ(shape, std::vector<std::int64_t>{std::int64_t{tensor.rows} * tensor.cols}) << tensor.stored;
    }
  }
  for (const StateScalar& scalar : schema.scalars) {
    if (!scalar.stored.empty()) listed.insert(scalar.stored);
  }
  const Names reals{"weight", "bias", "gamma", "beta", "running_mean", "running_variance"};
  Names held;
  for (const auto& [name, array] : checkpoint.tensors) {
    if (!reals.contains(name.substr(name.rfind('.') + 1))) held.insert(name);
  }
  EXPECT_EQ(held, listed);
  TrainState back = schema.zeros();
  read_state_tensors(checkpoint, "checkpoint", network, recipe, back);
  expect_equal(schema, back, state, true);
}

void expect_memory(const Program& program, const Recipe& recipe, const StateSchema& schema, const TrainState& state) {
  Names listed{"table", "ones"};
  for (const StateTensor& tensor : schema.tensors) {
    listed.insert(tensor.name);
    for (const TensorHandle& row : tensor.recorded_rows) listed.insert(name_of(row, program.network));
    const TensorPlacement* place = find_tensor(program, tensor.name);
    ASSERT_NE(place, nullptr) << tensor.name;
    EXPECT_EQ(place->rows, tensor.rows) << tensor.name;
    EXPECT_EQ(place->cols, tensor.cols) << tensor.name;
  }
  Names placed;
  for (const TensorPlacement& place : program.tensors) {
    if (place.state) placed.insert(place.name);
  }
  EXPECT_EQ(placed, listed);
  const MemoryImage image = initial_image(program, state, recipe, Scale{33000, 21}, 0xEE);
  expect_equal(schema, read_state(program, image.bytes, 0), state, false);
}

/// After a step, the record has what the list names, within its limits.
void expect_record(const Network& network, const Recipe& recipe, const StateSchema& schema) {
  TrainState state = initial_state(network, recipe, initial_parameters(network, 7));
  Batch batch;
  batch.M = kSamples;
  batch.labels.assign(kSamples, 1);
  batch.scale = Scale{33000, 22};
  for (std::int64_t i = 0; i < kSamples * element_count(network.input); ++i) {
    batch.X.push_back(static_cast<std::int8_t>(i * 5 % 15 - 7));
  }
  GoldenEngine engine(network, recipe, 1);
  const StepContext context{3, 0, Scale{41943, 21}, 58982, 0};
  engine.calibrate(state, batch, context);
  StepRecord record;
  engine.step(state, batch, context, &record);
  for (const StateTensor& tensor : schema.tensors) {
    if (!tensor.recorded_rows.empty()) {
      for (const TensorHandle& row : tensor.recorded_rows) EXPECT_TRUE(record.tensors.contains(row)) << tensor.name;
      continue;
    }
    ASSERT_TRUE(record.tensors.contains(tensor.handle)) << tensor.name;
    const NamedTensor& recorded = record.tensors.at(tensor.handle);
    EXPECT_EQ(recorded.rows, tensor.rows) << tensor.name;
    EXPECT_EQ(recorded.cols, tensor.cols) << tensor.name;
    EXPECT_EQ(recorded.values, tensor.read(state)) << tensor.name;
    if (tensor.coding != StateCoding::kInteger) continue;
    for (const std::int32_t value : recorded.values) {
      ASSERT_GE(value, tensor.limits.low) << tensor.name;
      ASSERT_LE(value, tensor.limits.high) << tensor.name;
    }
  }
  for (const StateScalar& scalar : schema.scalars) {
    if (!scalar.used) continue;
    EXPECT_TRUE(record.scalars.contains(scalar.handle)) << scalar.name;
  }
}

TEST(StateSchema, IsWhatCheckpointsRecordsAndMemoryHold) {
  const std::vector<std::string> recipes = integer_recipes();
  EXPECT_GE(recipes.size(), 30u);
  for (const std::string& name : recipes) {
    const Recipe recipe = named_recipe(name);
    for (const char* net : {"mlp_odd", "conv_small", "lenet_bn", "resnet8"}) {
      SCOPED_TRACE(name + " on " + net);
      const Network network = named_network(net);
      const StateSchema schema = state_schema(network, recipe);
      const TrainState state = extreme_state(schema);
      expect_checkpoint(network, recipe, schema, state);
      if (std::string(net) == "resnet8") continue;  // the rest is slow there
      expect_record(network, recipe, schema);
      expect_memory(lower(network, recipe, named_hardware("base"), with_batch(kSamples)), recipe, schema, state);
    }
  }
}

/// What numerics.md says of a tensor of the state.
struct Expected {
  const char* recipe;
  const char* network;
  const char* name;
  int rows;
  int cols;
  StateLimits limits;
};

constexpr StateLimits kSigned8{-127, 127};
constexpr StateLimits kSigned16{-32767, 32767};
constexpr StateLimits kSigned24{-8388607, 8388607};
constexpr StateLimits kSigned32{-2147483647, 2147483647};

constexpr Expected kExpected[] = {
    {"int8", "conv_small", "conv1.master", 18, 5, kSigned24},     // N9.2
    {"int8", "conv_small", "conv1.momentum", 18, 5, kSigned16},   // N9.1
    {"int8", "conv_small", "fc.bias", 1, 5, kSigned32},           // N9.2
    {"int8", "lenet_bn", "bn1.gamma", 1, 8, kSigned32},           // N14.7
    {"int8", "lenet_bn", "bn1.gamma_momentum", 1, 8, kSigned16},  // N14.7
    {"lwq", "conv_small", "conv1.q", 18, 5, kSigned8},            // N23.1
    {"lwq_w4", "conv_small", "conv2.q", 45, 5, {-7, 7}},          // N23.1
    {"lwq", "conv_small", "conv1.residual", 18, 5, {-8, 7}},      // N23.1
    {"lwq", "conv_small", "conv1.momentum8", 18, 5, kSigned8},    // N23.3
    {"lwq_master24", "conv_small", "conv1.latent", 18, 5, {-8355839, 8355839}},
    {"niti", "conv_small", "conv1.q", 18, 5, kSigned8},                 // N24.3
    {"int8_adam", "conv_small", "conv1.adam_m", 18, 5, kSigned8},       // N25.1
    {"int8_adam", "conv_small", "conv1.adam_r", 18, 5, {0, 255}},       // N25.1
    {"lwq_accumulate", "conv_small", "conv1.buffer", 18, 5, kSigned8},  // N26.1
    {"lwq_accumulate", "conv_small", "fc.bias_sum", 1, 5, kSigned32},   // N26.4
};

TEST(StateSchema, FollowsTheRules) {
  for (const Expected& each : kExpected) {
    SCOPED_TRACE(std::string(each.recipe) + " " + each.name);
    const StateSchema schema = state_schema(named_network(each.network), named_recipe(each.recipe));
    const auto found = std::find_if(schema.tensors.begin(), schema.tensors.end(),
                                    [&](const StateTensor& tensor) { return tensor.name == each.name; });
    ASSERT_NE(found, schema.tensors.end());
    EXPECT_EQ(found->rows, each.rows);
    EXPECT_EQ(found->cols, each.cols);
    EXPECT_EQ(found->limits.low, each.limits.low);
    EXPECT_EQ(found->limits.high, each.limits.high);
  }
}

TEST(StateSchema, NamesATensorOfAnotherSize) {
  const StateSchema schema = state_schema(named_network("mlp_odd"), named_recipe("int8"));
  TrainState state = schema.zeros();
  schema.require_fit(state);
  state.layers[0].bias_momentum.pop_back();
  EXPECT_THAT(testing_cases::error_of([&] { schema.require_fit(state); }),
              testing::HasSubstr(".bias_momentum: expected 1 ×"));
}

}  // namespace
}  // namespace bitloom
