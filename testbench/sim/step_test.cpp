// Whole training steps with values: every tensor and every stored state equals golden's after each of a few steps.
#include "model/golden/step.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "kernels/image.hpp"
#include "model/io/error.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "sim/cosim/compare.hpp"
#include "sim/simulator.hpp"
#include "testbench/kernels/cases.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom {
namespace {

using namespace testing_cases;

constexpr std::uint64_t kSeed = 3;

struct Trial {
  std::string network, recipe, hardware;
  int batch = 19, stall = 0, steps = 2;
};

/// A network on one hardware with one recipe, and golden beside it; samples are random codes and labels.
struct Training {
  explicit Training(const Trial& of) : Training(of, named_recipe(of.recipe), named_network(of.network)) {}
  Training(const Trial& of, const Recipe& rules, const Network& layers)
      : network(layers),
        recipe(rules),
        format(input_format(network, recipe, {})),
        program(lower(network, recipe, named_hardware(of.hardware), with_batch(of.batch))),
        state(initial_state(network, recipe, initial_parameters(network, kSeed))) {
    calibrate(network, recipe, state, batch(0), context(0), 1);
    image = initial_image(program, state, recipe, format.scale, 0xA5);
  }

  Batch batch(int step) const {
    std::mt19937 random(static_cast<unsigned>(step));
    std::uniform_int_distribution<int> code(alike ? format.largest_code : -format.largest_code, format.largest_code);
    std::uniform_int_distribution<int> label(0, static_cast<int>(element_count(network.nodes.back().shape)) - 1);
    Batch b;
    b.M = program.batch;
    b.scale = format.scale;
    for (std::int64_t i = 0; i < element_count(network.input) * b.M; ++i) {
      b.X.push_back(static_cast<std::int8_t>(code(random)));
    }
    for (int i = 0; i < b.M; ++i) b.labels.push_back(static_cast<std::uint8_t>(label(random)));
    return b;
  }
  StepContext context(int step) const {
    StepContext c;
    c.seed64 = kSeed;
    c.step = static_cast<std::uint32_t>(step);
    c.lr = nearest_scale(rate);
    c.mu16 = kMu16;
    return c;
  }
  StepRegisters registers(int step) const {
    return {kSeed, static_cast<std::uint32_t>(step), word(nearest_scale(rate)), 0, batch_offset(program, 0)};
  }

  double rate = 0.05;
  bool alike = false;  ///< all codes of the input are the largest one
  Network network;
  Recipe recipe;
  InputFormat format;
  Program program;
  TrainState state;
  MemoryImage image;
};

void expect_golden(Training& training, int steps, int stall) {
  SimOptions options;
  options.values = true;
  options.stall_percent = stall;
  for (int step = 0; step < steps; ++step) {
    StepRecord record;
    golden_step(training.network, training.recipe, training.state, training.batch(step), training.context(step),
                &record, 1);
    write_batch(training.program, training.image.bytes, 0, training.batch(step));
    simulate(training.program, training.program.hardware, &training.image, training.registers(step), options);
    cosim::Comparison sum;
    cosim::compare_step(training.program, record, training.image.bytes, batch_offset(training.program, 0), "systemc",
                        step, sum);
    ASSERT_EQ(sum.mismatches, 0u) << "step " << step << ", first " << sum.first.front().tensor << "["
                                  << sum.first.front().row << "][" << sum.first.front().col << "]: expected "
                                  << sum.first.front().expected << ", got " << sum.first.front().got;
    EXPECT_GT(sum.elements, 5000u);
  }
}

class Step : public testing::TestWithParam<Trial> {};

TEST_P(Step, EveryTensorOfTheStepsEqualsGolden) {
  Training training(GetParam());
  expect_golden(training, GetParam().steps, GetParam().stall);
}

std::vector<Trial> trials() {
  std::vector<Trial> all;
  for (const char* recipe : {"int8", "int4", "int8_hindsight", "int4_hindsight"}) {
    for (const char* hardware : {"tiny", "odd", "base"}) {
      all.push_back({"mlp_odd", recipe, hardware});
      all.push_back({"mlp_odd", recipe, hardware, 19, 25});
    }
  }
  for (const char* recipe : {"int4_last8", "luq_smp2", "luq_hindsight", "luq_pow2", "psq", "ptq", "fqt1",
                             "fqt1_bernoulli", "maqd", "lwq", "lwq_nearest", "niti"}) {
    all.push_back({"mlp_odd", recipe, all.size() % 2 == 0 ? "tiny" : "odd", 7});
  }
  for (const char* recipe : {"int4", "luq_smp2", "fqt1", "fqt1_bernoulli", "ptq", "maqd", "maqd_bn", "lwq"}) {
    all.push_back({"conv_ops", recipe, all.size() % 2 == 0 ? "tiny" : "odd", 3});
    all.push_back({"conv_small", recipe, all.size() % 2 == 0 ? "odd" : "base", 3});
  }
  for (const char* recipe : {"niti", "lwq_master24"}) {
    all.push_back({"conv_ops", recipe, "tiny", 3});
    all.push_back({"conv_small", recipe, "odd", 3});
  }
  for (const char* recipe : {"int8_adam", "fqt1_adam", "lwq_adam"}) {
    all.push_back({"mlp_odd", recipe, "odd", 5, 0, 3});
    all.push_back({"conv_ops", recipe, "tiny", 3, 0, 3});
    all.push_back({"conv_small", recipe, "base", 3, 0, 3});
  }
  all.push_back({"lenet", "niti", "base", 2});
  all.push_back({"lenet", "fqt1", "tiny", 2});
  all.push_back({"lenet_bn", "maqd", "odd", 2});
  all.push_back({"lenet_bn", "psq", "odd", 2});
  all.push_back({"resnet8", "int8_hindsight", "base", 1});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, Step, testing::ValuesIn(trials()), [](const auto& one) {
  const Trial& of = one.param;
  return fmt::format("{}_{}_{}_{}", of.network, of.recipe, of.hardware, of.stall);
});

TEST(StepTest, StochasticUnsignedSawb) {  // N18: no recipe of the tree rounds so
  Recipe recipe = named_recipe("luq");
  recipe.activation.rounding = recipe.weight.rounding = Rounding::kStochastic;
  for (const Trial& of : {Trial{"mlp_odd", "", "odd", 7}, {"conv_ops", "", "tiny", 3}, {"lenet", "", "base", 2}}) {
    Training training(of, recipe, named_network(of.network));
    expect_golden(training, 2, 0);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(StepTest, APerceptronThatBeginsWithFlatten) {  // N4.5, N6.3: a flatten is only another view of the input
  const Network network = read_network(JsonObject::from_text(R"({"name": "flat", "input": [1, 8, 8], "layers": [
      {"name": "flat", "op": "flatten"}, {"name": "fc1", "op": "linear", "out": 37, "bias": true},
      {"name": "relu1", "op": "relu"}, {"name": "fc2", "op": "linear", "out": 23, "bias": true},
      {"name": "relu2", "op": "relu"}, {"name": "fc3", "op": "linear", "out": 10, "bias": true},
      {"name": "loss", "op": "softmax_cross_entropy"}]})",
                                                             "flat.json"));
  for (const char* name : {"int8", "int8_hindsight"}) {
    Recipe recipe = named_recipe(name);
    recipe.activation.rounding = Rounding::kStochastic;  // no recipe of the tree rounds so
    Training training({"", name, "tiny", 19}, recipe, network);
    expect_golden(training, 2, 0);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(StepTest, GradientBitsOfNitiReachEveryExecutor) {  // N24.3
  std::vector<std::vector<std::int8_t>> weights;
  for (const int bits : {2, 5}) {
    Recipe recipe = named_recipe("niti");
    recipe.update.gradient_bits = {bits};
    Training training({"mlp_odd", "", "tiny", 7}, recipe, named_network("mlp_odd"));
    expect_golden(training, 2, 0);
    if (::testing::Test::HasFatalFailure()) return;
    weights.push_back(training.state.layers.front().q);
  }
  EXPECT_NE(weights[0], weights[1]);
}

TEST(StepTest, ChannelsWithoutVariance) {  // N16.1: behind fc1 all samples are alike
  for (const char* recipe : {"int8", "fqt1", "lwq", "maqd"}) {
    const Network network = read_network(JsonObject::from_text(R"({"name": "alike", "input": [61], "layers": [
        {"name": "fc1", "op": "linear", "out": 37, "bias": true}, {"name": "bn1", "op": "batch_norm"},
        {"name": "relu1", "op": "relu"}, {"name": "fc2", "op": "linear", "out": 23, "bias": true},
        {"name": "bn2", "op": "batch_norm"}, {"name": "fc3", "op": "linear", "out": 10, "bias": true},
        {"name": "loss", "op": "softmax_cross_entropy"}]})",
                                                               "alike.json"));
    Training training({"", recipe, "odd", 7}, named_recipe(recipe), network);
    training.alike = true;
    expect_golden(training, 2, 0);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

/// Large biases and gammas: views of 16 bits saturate in layers, norms and sums, and all count it alike (N5.5).
TEST(StepTest, ViewsOf16BitsSaturate) {
  for (const char* recipe : {"int8_raw16", "luq_raw16", "fqt1_raw16", "maqd_raw16"}) {
    Training training({"conv_small", recipe, "tiny", 3});
    std::int32_t sign = 1;
    for (LayerState& layer : training.state.layers) {
      for (std::int32_t& bias : layer.bias) bias = (sign = -sign) * (std::int32_t{1} << 30);
    }
    for (NormState& norm : training.state.norms) {
      for (std::int32_t& gamma : norm.gamma) gamma = (sign = -sign) * (std::int32_t{25} << 24);
    }
    training.image = initial_image(training.program, training.state, training.recipe, training.format.scale, 0xA5);
    TrainState state = training.state;
    StepRecord record;
    golden_step(training.network, training.recipe, state, training.batch(0), training.context(0), &record, 1);
    std::uint32_t saturated = 0;
    for (const auto& [handle, value] : record.scalars) {
      if (handle.what.value == StepScalar::kZSat) saturated += value;
    }
    EXPECT_GT(saturated, 100u) << recipe;
    expect_golden(training, 2, 0);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(StepTest, TensorGroupsOfEveryWidth) {  // N21.1: snapped with 2 bits or more
  Recipe recipe = named_recipe("ptq");
  for (const int bits : {1, 2, 4}) {
    recipe.gradient.dgrad.bits = recipe.gradient.wgrad.bits = bits;
    Training training({"conv_ops", "", "tiny", 3}, recipe, named_network("conv_ops"));
    expect_golden(training, 2, 0);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(StepTest, AdamGoesWithEveryFieldOfLwq) {  // N25.8 with what no recipe file has
  const Recipe recipe = named_recipe("lwq_adam");
  const auto expect = [&](const auto& change) {
    Recipe other = recipe;
    change(other);
    for (const Trial& of : {Trial{"mlp_odd", "", "tiny", 5, 0, 3}, Trial{"conv_small", "", "odd", 3, 10, 3}}) {
      Training training(of, other, named_network(of.network));
      expect_golden(training, of.steps, of.stall);
    }
  };
  expect([](Recipe& r) { r.update.stochastic = false; });
  expect([](Recipe& r) { r.update.latent_bits = 24; });
  expect([](Recipe& r) { r.weight.bits = 4; });
  expect([](Recipe& r) { r.overrides["last"].weight = ViewRule{}; });
}

TEST(StepTest, SmallStepsOfAdamRaiseTheLevelOfLwq) {
  Training training({"conv_small", "lwq_adam", "odd", 3});
  training.rate = 0.0001;
  expect_golden(training, 4, 0);
  for (const LayerState& layer : training.state.layers) EXPECT_EQ(layer.level_read, 3);
}

TEST(StepTest, AdamsBlocksMayBeLongerThanTheSources) {  // N25: a column of any length is a block
  const Network network = test::perceptron(2500, {9, 3});
  for (const char* recipe : {"int8_adam", "lwq_adam"}) {
    for (const char* hardware : {"tiny", "base"}) {
      const Trial of{"", recipe, hardware, 4, 0, 3};
      Training training(of, named_recipe(recipe), network);
      expect_golden(training, of.steps, of.stall);
    }
  }
}

// What only one side has must not become a value that nobody compares.
TEST(StepTest, WhatStandsOnOneSideAloneIsDeclared) {
  Training training({"conv_small", "int8", "tiny", 3});
  StepRecord record;
  golden_step(training.network, training.recipe, training.state, training.batch(0), training.context(0), &record, 1);
  const auto error = [&](const auto& change) -> std::string {
    Program program = training.program;
    change(program);
    cosim::Comparison sum;
    try {
      cosim::compare_step(program, record, training.image.bytes, batch_offset(program, 0), "systemc", 0, sum);
    } catch (const Error& refused) {
      return refused.what();
    }
    return "";
  };
  EXPECT_EQ(error([](Program&) {}), "");
  const std::vector<Node>& nodes = training.network.nodes;
  const int fc = static_cast<int>(std::ranges::find(nodes, "fc", &Node::name) - nodes.begin());
  const auto place = [](Program& of, const char* name) -> TensorPlacement& {
    return *std::find_if(of.tensors.begin(), of.tensors.end(), [&](const auto& each) { return each.name == name; });
  };
  EXPECT_EQ(error([&](Program& of) {
              of.table[ScalarHandle{fc, StepScalar::kUnit}] = 0;
            }),
            "co-simulation: the accelerator has fc.unit, which golden does not record");
  EXPECT_EQ(error([&](Program& of) {
              of.table.erase(ScalarHandle{fc, StepScalar::kDwSat});
            }),
            "co-simulation: golden records fc.dwsat, which is no table entry");
  EXPECT_EQ(error([&](Program& of) {
              place(of, "ones").golden = {fc, StepTensor::kArgmax};
            }),
            "co-simulation: the accelerator has ones, which golden does not record");
  EXPECT_EQ(error([&](Program& of) { place(of, "fc.dw").golden.reset(); }),
            "co-simulation: golden records fc.dw, which has no place in memory");
  EXPECT_EQ(error([&](Program& of) {
              of.left_out.erase({fc, StepTensor::kBAcc});
            }),
            "co-simulation: golden records fc.b_acc, which has no place in memory");
  EXPECT_EQ(error([&](Program& of) {
              of.left_out.insert({fc, StepTensor::kDw});
            }),
            "co-simulation: the program leaves out fc.dw, which lies in memory");
  EXPECT_EQ(error([&](Program& of) {
              of.left_out.insert({fc, StepTensor::kDwMean});
            }),
            "co-simulation: the program leaves out fc.dw_mean, which golden does not record");
}

TEST(StepTest, WithoutValuesTheCyclesAndCountsAreTheSame) {
  for (const Trial& of : {Trial{"mlp_odd", "int4", "tiny"}, Trial{"mlp_odd", "int4", "base", 19, 25},
                          Trial{"conv_ops", "luq_smp2", "odd", 3, 25}}) {
    Training training(of);
    write_batch(training.program, training.image.bytes, 0, training.batch(0));
    SimOptions options;
    options.stall_percent = of.stall;
    options.record_executions = true;
    const Program& program = training.program;
    const SimResult without = simulate(program, program.hardware, nullptr, training.registers(0), options);
    const SimResult again = simulate(program, program.hardware, nullptr, training.registers(0), options);
    options.values = true;
    const SimResult with = simulate(program, program.hardware, &training.image, training.registers(0), options);
    EXPECT_EQ(without == again, true);
    EXPECT_EQ(without == with, true);
  }
}

TEST(StepTest, TheBaseAddressMovesNothing) {
  Training a({"mlp_odd", "int8", "tiny"}), b({"mlp_odd", "int8", "tiny"});
  SimOptions options;
  options.values = true;
  StepRegisters registers = a.registers(0);
  write_batch(a.program, a.image.bytes, 0, a.batch(0));
  write_batch(b.program, b.image.bytes, 0, b.batch(0));
  simulate(a.program, a.program.hardware, &a.image, registers, options);
  registers.base += 0x10000;
  registers.batch += 0x10000;
  simulate(b.program, b.program.hardware, &b.image, registers, options);
  EXPECT_EQ(a.image.bytes == b.image.bytes, true);
}

TEST(StepTest, QueueCyclesAddUpToTheProgram) {
  Training training({"mlp_odd", "int8", "odd"});
  const SimResult result = simulate(training.program, training.program.hardware, nullptr, training.registers(0), {});
  std::uint64_t phases = 0, commands = 0;
  for (const PhaseResult& phase : result.phases) phases += phase.cycles;
  for (const std::uint64_t cycles : result.command_cycles) commands += cycles;
  EXPECT_EQ(phases, result.cycles);
  std::uint64_t busy = 0;
  for (const QueueStatistics& queue : result.queues) {
    EXPECT_EQ(queue.busy + queue.stalled() + queue.overhead + queue.starved, result.cycles);
    EXPECT_LT(queue.starved, result.cycles);
    busy += queue.busy;
  }
  EXPECT_EQ(busy, commands);
}

TEST(StepTest, CountsOfAStepThatTheShapesGive) {
  // Independent of the lowering: every weight is updated once with two 16-bit draws, and so is every bias; every GEMM
  // has at least its own products. mlp_odd is 61-37-23-10.
  Training training({"mlp_odd", "int4", "base"});
  const SimResult result = simulate(training.program, training.program.hardware, nullptr, training.registers(0), {});
  const std::uint64_t parameters = 62 * 37 + 38 * 23 + 24 * 10;
  const std::uint64_t products = 19 * (2 * 61 * 37 + 3 * 37 * 23 + 3 * 23 * 10);
  EXPECT_EQ(result.counts[Action::draw16], 2 * parameters);
  EXPECT_EQ(result.counts[Action::mac8], 0u);
  EXPECT_GE(result.counts[Action::mac4], products);
  EXPECT_EQ(result.counts[Action::loss_sample], 19u);
  EXPECT_EQ(result.counts[Action::command_fetch_bytes], 64 * training.program.commands.size());
}

}  // namespace
}  // namespace bitloom
