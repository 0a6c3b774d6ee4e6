// Two networks that differ in what has no meaning are one network: the same bits in golden, and the same commands for
// the accelerator, so the same bits and cycles there, which some of them show on SystemC. BITLOOM_SEED and
// BITLOOM_CASES as in cosim_random_test.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "kernels/image.hpp"
#include "kernels/program.hpp"
#include "model/golden/step.hpp"
#include "model/io/error.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "model/network/node_order.hpp"
#include "sim/cosim/compare.hpp"
#include "sim/simulator.hpp"
#include "testbench/cosim/random_case.hpp"
#include "testbench/kernels/named_table.hpp"
#include "testbench/model/named_record.hpp"

namespace bitloom::cosim {
namespace {

/// Puts a node of the same shape between `from` (a node or the network's input) and some of its readers.
void put_behind(Network& network, int from, Node node, std::mt19937_64& random) {
  node.name = fmt::format("nothing{}", network.nodes.size());
  node.inputs = {from};
  node.shape = from == kNetworkInput ? network.input : network.nodes[static_cast<std::size_t>(from)].shape;
  const int made = static_cast<int>(network.nodes.size());
  bool read = false;
  for (Node& reader : network.nodes) {
    for (int& input : reader.inputs) {
      if (input != from || (read && below(random, 2) == 0)) continue;
      input = made;
      read = true;
    }
  }
  // The loss stays last.
  network.nodes.push_back(std::move(node));
  std::swap(network.nodes.back(), network.nodes[network.nodes.size() - 2]);
  for (Node& reader : network.nodes) {
    for (int& input : reader.inputs) input = input == made ? made - 1 : input;
  }
}

void put_nothing(Network& network, std::mt19937_64& random) {
  const int from = static_cast<int>(below(random, network.nodes.size())) - 1;
  const Shape shape = from == kNetworkInput ? network.input : network.nodes[static_cast<std::size_t>(from)].shape;
  Node node;
  if (from != kNetworkInput && network.nodes[static_cast<std::size_t>(from)].op == Op::kRelu && below(random, 2) == 0) {
    node.op = Op::kRelu;
  } else if (shape.size() == 1) {
    node.op = Op::kFlatten;
  } else {
    node.op = below(random, 2) == 0 ? Op::kMaxPool : Op::kAveragePool;
    node.attributes = PoolAttributes{};
  }
  put_behind(network, from, std::move(node), random);
}

/// Any order in which each node stands behind those that it reads.
Network in_random_order(const Network& network, std::mt19937_64& random) {
  Network result = network;
  result.nodes.clear();
  std::vector<int> place(network.nodes.size(), -2);
  while (result.nodes.size() < network.nodes.size()) {
    const std::size_t n = below(random, network.nodes.size());
    Node node = network.nodes[n];
    const auto known = [&](int input) { return input == kNetworkInput || place[static_cast<std::size_t>(input)] >= 0; };
    if (place[n] >= 0 || !std::all_of(node.inputs.begin(), node.inputs.end(), known)) continue;
    for (int& input : node.inputs) input = input == kNetworkInput ? input : place[static_cast<std::size_t>(input)];
    place[n] = static_cast<int>(result.nodes.size());
    result.nodes.push_back(std::move(node));
  }
  return result;
}

/// The same network with other nodes without meaning, names and order, as read_network() gives it.
Network same_network(Network network, std::mt19937_64& random) {
  for (std::size_t more = below(random, 4); more > 0; --more) put_nothing(network, random);
  network = in_random_order(in_node_order(std::move(network)), random);
  for (Node& node : network.nodes) node.name = "new_" + node.name;
  return in_node_order(std::move(network));
}

std::vector<std::string> integer_recipes() {
  std::vector<std::string> names = known_traces(TraceKind::kRecipe);
  std::erase_if(names, [](const std::string& name) { return name.starts_with("fp32"); });
  return names;
}

/// Records of two steps, one behind the other; or why there are none.
struct Trained {
  std::vector<NamedRecord> records;
  std::vector<Command> commands;
  std::string refused;
};

Batch random_batch(const Network& network, const InputFormat& format, int samples, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Batch batch;
  batch.M = samples;
  batch.scale = format.scale;
  const auto codes = static_cast<std::size_t>(2 * format.largest_code + 1);
  for (std::int64_t i = 0; i < samples * element_count(network.input); ++i) {
    batch.X.push_back(static_cast<std::int8_t>(static_cast<int>(below(random, codes)) - format.largest_code));
  }
  const auto classes = static_cast<std::size_t>(element_count(network.nodes.back().shape));
  for (int m = 0; m < samples; ++m) batch.labels.push_back(static_cast<std::uint8_t>(below(random, classes)));
  return batch;
}

/// `refused` names neither layers nor network, which have other names in the other network.
Trained train(const Network& network, const Recipe& recipe, const Hardware& hardware, int samples) {
  Trained made;
  try {
    const InputFormat format = input_format(network, recipe, {});
    GoldenEngine engine(network, recipe, 1);
    TrainState state = initial_state(network, recipe, initial_parameters(network, 7));
    for (std::uint64_t step = 0; step < 2; ++step) {
      const Batch batch = random_batch(network, format, samples, step);
      const StepContext context{5, state.step, nearest_scale(0.05), 58982, 0};
      if (step == 0) engine.calibrate(state, batch, context);
      engine.step(state, batch, context, ByName(made.records.emplace_back(), network));
    }
    made.commands = lower(network, recipe, hardware, {samples, 58982}).commands;
  } catch (const Error& error) {
    made.refused = error.what();
    for (std::size_t at = 0; (at = made.refused.find("new_")) != std::string::npos;) made.refused.erase(at, 4);
  }
  return made;
}

std::string renamed(const std::string& name) { return name.find('.') == std::string::npos ? name : "new_" + name; }

void expect_same(const NamedRecord& record, const NamedRecord& other) {
  EXPECT_EQ(record.tensors.size(), other.tensors.size());
  EXPECT_EQ(record.scalars.size(), other.scalars.size());
  for (const auto& [name, tensor] : record.tensors) {
    const auto found = other.tensors.find(renamed(name));
    ASSERT_NE(found, other.tensors.end()) << name;
    EXPECT_EQ(tensor.cols, found->second.cols) << name;
    EXPECT_EQ(tensor.values, found->second.values) << name;
  }
  for (const auto& [name, value] : record.scalars) {
    const auto found = other.scalars.find(renamed(name));
    ASSERT_NE(found, other.scalars.end()) << name;
    EXPECT_EQ(value, found->second) << name;
  }
}

bool same_commands(const std::vector<Command>& a, const std::vector<Command>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Command& one, const Command& other) { return encode(one) == encode(other); });
}

/// Integer recipes; every second one rounds activations at random, which no file does.
std::vector<Recipe> drawn_recipes() {
  std::vector<Recipe> recipes;
  for (const std::string& name : integer_recipes()) {
    recipes.push_back(read_recipe(resolve_trace(TraceKind::kRecipe, name)));
    if (recipes.size() % 2 == 0) recipes.back().activation.rounding = Rounding::kStochastic;
  }
  return recipes;
}

TEST(Metamorphic, WhatHasNoMeaningChangesNothing) {
  const std::uint64_t base = from_environment("BITLOOM_SEED", 1), cases = from_environment("BITLOOM_CASES", 300);
  const Hardware hardware = read_hardware(resolve_trace(TraceKind::kHardware, "tiny"));
  const std::vector<Recipe> recipes = drawn_recipes();
  std::size_t ran = 0;
  for (std::uint64_t i = 0; i < cases && !HasFailure(); ++i) {
    std::mt19937_64 random(base * 1000003 + i);
    const RandomCase drawn = i % 4 == 0 ? draw_case(random) : draw_graph_case(random);
    const Network other = same_network(drawn.network, random);
    for (const Recipe& recipe : recipes) {
      SCOPED_TRACE(fmt::format("BITLOOM_SEED={}, case {}, recipe {}: {}", base, i, recipe.name, drawn.text));
      const int samples = std::min(drawn.batch, 5);
      const Trained one = train(drawn.network, recipe, hardware, samples),
                    two = train(other, recipe, hardware, samples);
      EXPECT_EQ(one.refused, two.refused);
      ASSERT_EQ(one.records.size(), two.records.size());
      for (std::size_t s = 0; s < one.records.size(); ++s) expect_same(one.records[s], two.records[s]);
      EXPECT_TRUE(same_commands(one.commands, two.commands));
      ran += one.refused.empty() ? 1 : 0;
      if (HasFailure()) return;
    }
  }
  fmt::print("{} networks, {} recipes, {} pairs ran\n", cases, recipes.size(), ran);
  EXPECT_GE(2 * ran, cases * recipes.size());
}

/// Two steps on SystemC, each compared with golden: the program, and memory and cycles after each step.
struct Simulated {
  Program program;
  std::vector<MemoryImage> memories;
  std::vector<std::uint64_t> cycles;
  std::uint64_t compared = 0;  ///< elements
};

Simulated simulate_steps(const Network& network, const Recipe& recipe, const Hardware& hardware, int samples) {
  constexpr std::uint64_t kSeed = 5;
  const Scale rate = nearest_scale(0.05);
  const InputFormat format = input_format(network, recipe, {});
  GoldenEngine engine(network, recipe, 1);
  TrainState state = initial_state(network, recipe, initial_parameters(network, 7));
  engine.calibrate(state, random_batch(network, format, samples, 0), {kSeed, 0, rate, 58982, 0});
  Simulated made{lower(network, recipe, hardware, {samples, 58982}), {}, {}, 0};
  MemoryImage image = initial_image(made.program, state, recipe, format.scale, 0xA5);
  SimOptions options;
  options.values = true;
  Comparison sum;
  for (std::uint32_t step = 0; step < 2; ++step) {
    const Batch batch = random_batch(network, format, samples, step);
    StepRecord record;
    engine.step(state, batch, {kSeed, step, rate, 58982, 0}, &record);
    write_batch(made.program, image.bytes, 0, batch);
    const std::uint64_t offset = batch_offset(made.program, 0);
    made.cycles.push_back(
        simulate(made.program, hardware, &image, {kSeed, step, word(rate), 0, offset}, options).cycles);
    compare_step(made.program, record, image.bytes, offset, "systemc", static_cast<int>(step), sum);
    made.memories.push_back(image);
  }
  EXPECT_EQ(sum.mismatches, 0u) << sum.first.front().tensor;
  made.compared = sum.elements;
  return made;
}

/// Expects the same tensors and table entries at the same places of equal memories.
void expect_same(const Simulated& one, const Simulated& two) {
  EXPECT_EQ(one.cycles, two.cycles);
  EXPECT_EQ(one.compared, two.compared);
  for (std::size_t step = 0; step < one.memories.size(); ++step) {
    EXPECT_TRUE(one.memories[step].bytes == two.memories[step].bytes) << "step " << step;
  }
  ASSERT_EQ(one.program.tensors.size(), two.program.tensors.size());
  for (std::size_t i = 0; i < one.program.tensors.size(); ++i) {
    const TensorPlacement& place = one.program.tensors[i];
    const TensorPlacement& other = two.program.tensors[i];
    EXPECT_EQ(renamed(place.name), other.name);
    EXPECT_EQ(place.address, other.address) << place.name;
    EXPECT_EQ(place.rows, other.rows) << place.name;
    EXPECT_EQ(place.cols, other.cols) << place.name;
  }
  const std::map<std::string, int> entries = named_table(two.program);
  for (const auto& [name, entry] : named_table(one.program)) {
    const auto found = entries.find(name.starts_with("input.") ? name : renamed(name));
    ASSERT_NE(found, entries.end()) << name;
    EXPECT_EQ(entry, found->second) << name;
  }
}

// Equal commands on equal memory are equal runs, so the test above proves this one for every recipe. This one sees it
// happen: SystemC leaves equal memories, whose tensors equal golden's.
TEST(Metamorphic, SystemCLeavesTheSameTensors) {
  const std::uint64_t base = from_environment("BITLOOM_SEED", 1), cases = from_environment("BITLOOM_CASES", 40);
  const Hardware hardware = read_hardware(resolve_trace(TraceKind::kHardware, "tiny"));
  const std::vector<Recipe> recipes = drawn_recipes();
  std::uint64_t ran = 0, compared = 0;
  for (std::uint64_t i = 0; ran < cases && i < 4 * cases; ++i) {
    std::mt19937_64 random(base * 2000003 + i);
    const RandomCase drawn = i % 4 == 0 ? draw_case(random) : draw_graph_case(random);
    const Network other = same_network(drawn.network, random);
    const Recipe& recipe = recipes[i % recipes.size()];
    if (recipe.update.micro_batches > 0) continue;  // its step is several programs
    SCOPED_TRACE(fmt::format("BITLOOM_SEED={}, case {}, recipe {}: {}", base, i, recipe.name, drawn.text));
    const int samples = std::min(drawn.batch, 3);
    if (!train(drawn.network, recipe, hardware, samples).refused.empty()) continue;
    const Simulated one = simulate_steps(drawn.network, recipe, hardware, samples);
    expect_same(one, simulate_steps(other, recipe, hardware, samples));
    compared += one.compared;
    ++ran;
    if (HasFailure()) return;
  }
  fmt::print("{} networks ran on SystemC, {} elements of each compared\n", ran, compared);
  EXPECT_EQ(ran, cases);
}

}  // namespace
}  // namespace bitloom::cosim
