// Whole training steps with values: every tensor and every stored state equals golden's after each of three steps.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "kernels/image.hpp"
#include "model/glyphs.hpp"
#include "model/golden_step.hpp"
#include "model/hyper.hpp"
#include "model/init.hpp"
#include "model/traces.hpp"
#include "sim/simulator.hpp"
#include "testbench/cosim/compare.hpp"

namespace bitloom {
namespace {

constexpr int kBatch = 19;
constexpr std::uint64_t kSeed = 3;

/// mlp_odd on one hardware with one recipe, and golden beside it.
struct Training {
  Training(const std::string& recipe_name, const std::string& hardware)
      : network(read_network(resolve_trace(TraceKind::kNetwork, "mlp_odd"))),
        recipe(read_recipe(resolve_trace(TraceKind::kRecipe, recipe_name))),
        hyper(read_hyper(resolve_trace(TraceKind::kHyper, "hyper"))),
        chain(linear_chain(network)),
        data(generate_flat(kBatch * 3, chain.front().in, chain.back().out, kSeed)) {
    mu16 = static_cast<std::uint32_t>(std::floor(65536 * hyper.momentum + 0.5));
    rate = nearest_scale(hyper.learning_rate.base);
    program = lower(network, recipe, read_hardware(resolve_trace(TraceKind::kHardware, hardware)), {kBatch, mu16, 1});
    state = initial_state(chain, recipe, initial_parameters(chain, kSeed));
    calibrate(chain, recipe, state, batch(0), context(0), 1);
    image = initial_image(program, state, recipe, batch(0).scale, 0xA5);
  }

  Batch batch(int step) const {
    const int bits = layer_recipe(recipe, 0, static_cast<int>(chain.size()), chain.front().name).bits;
    const auto table = input_code_table(hyper.input, qmax(bits));
    Batch b;
    b.M = kBatch;
    b.scale = nearest_scale(input_code_value(hyper.input, qmax(bits)));
    const std::size_t in = static_cast<std::size_t>(chain.front().in);
    for (std::size_t i = 0; i < kBatch * in; ++i) {
      b.X.push_back(table[data.images[static_cast<std::size_t>(step) * kBatch * in + i]]);
    }
    for (std::size_t i = 0; i < kBatch; ++i)
      b.labels.push_back(data.labels[static_cast<std::size_t>(step) * kBatch + i]);
    return b;
  }
  StepContext context(int step) const { return {kSeed, static_cast<std::uint32_t>(step), rate, mu16}; }
  StepRegisters registers(int step) const {
    return {kSeed, static_cast<std::uint32_t>(step), word(rate), 0, batch_offset(program, 0)};
  }

  Network network;
  Recipe recipe;
  Hyper hyper;
  Chain chain;
  Dataset data;
  std::uint32_t mu16 = 0;
  Scale rate;
  Program program;
  TrainState state;
  MemoryImage image;
};

using Case = std::tuple<const char*, const char*, int>;
class Step : public testing::TestWithParam<Case> {};

TEST_P(Step, EveryTensorOfThreeStepsEqualsGolden) {
  const auto& [recipe, hardware, stall] = GetParam();
  Training training(recipe, hardware);
  SimOptions options;
  options.values = true;
  options.stall_percent = stall;
  for (int step = 0; step < 3; ++step) {
    StepRecord record;
    golden_step(training.chain, training.recipe, training.state, training.batch(step), training.context(step), &record,
                1);
    write_batch(training.program, training.image.bytes, 0, training.batch(step));
    simulate(training.program, training.program.hardware, &training.image, training.registers(step), options);
    cosim::Comparison sum;
    cosim::compare_step(training.program, record, training.image.bytes, batch_offset(training.program, 0), "systemc",
                        step, sum);
    ASSERT_EQ(sum.mismatches, 0u) << "step " << step << ", first " << sum.first.front().tensor << "["
                                  << sum.first.front().row << "][" << sum.first.front().col << "]: expected "
                                  << sum.first.front().expected << ", got " << sum.first.front().got;
    EXPECT_GT(sum.elements, 10000u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Step,
                         testing::Combine(testing::Values("int8", "int4", "int8_hindsight", "int4_hindsight"),
                                          testing::Values("tiny", "odd", "base"), testing::Values(0, 25)),
                         [](const auto& one) {
                           return fmt::format("{}_{}_{}", std::get<0>(one.param), std::get<1>(one.param),
                                              std::get<2>(one.param));
                         });

TEST(StepTest, WithoutValuesTheCyclesAndCountsAreTheSame) {
  for (const char* hardware : {"tiny", "odd", "base"}) {
    for (const int stall : {0, 25}) {
      Training training("int4", hardware);
      write_batch(training.program, training.image.bytes, 0, training.batch(0));
      SimOptions options;
      options.stall_percent = stall;
      options.record_executions = true;
      const SimResult without =
          simulate(training.program, training.program.hardware, nullptr, training.registers(0), options);
      const SimResult again =
          simulate(training.program, training.program.hardware, nullptr, training.registers(0), options);
      options.values = true;
      const SimResult with =
          simulate(training.program, training.program.hardware, &training.image, training.registers(0), options);
      EXPECT_EQ(without == again, true);
      EXPECT_EQ(without == with, true);
    }
  }
}

TEST(StepTest, TheBaseAddressMovesNothing) {
  Training a("int8", "tiny"), b("int8", "tiny");
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
  Training training("int8", "odd");
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
  // has at least its own products.
  Training training("int4", "base");
  const SimResult result = simulate(training.program, training.program.hardware, nullptr, training.registers(0), {});
  std::uint64_t parameters = 0, products = 0;
  for (std::size_t l = 0; l < training.chain.size(); ++l) {
    const auto in = static_cast<std::uint64_t>(training.chain[l].in),
               out = static_cast<std::uint64_t>(training.chain[l].out);
    parameters += (in + 1) * out;
    products += in * out * kBatch * (l == 0 ? 2 : 3);
  }
  EXPECT_EQ(result.counts[Action::draw16], 2 * parameters);
  EXPECT_EQ(result.counts[Action::mac8], 0u);
  EXPECT_GE(result.counts[Action::mac4], products);
  EXPECT_EQ(result.counts[Action::loss_sample], static_cast<std::uint64_t>(kBatch));
  EXPECT_EQ(result.counts[Action::command_fetch_bytes], 64 * training.program.commands.size());
}

}  // namespace
}  // namespace bitloom
