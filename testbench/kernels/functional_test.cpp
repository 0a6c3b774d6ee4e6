// Every recipe's program, run by the functional machine, against golden: all that golden records, over consecutive
// steps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "kernels/image.hpp"
#include "model/golden_step.hpp"
#include "model/init.hpp"
#include "testbench/cosim/layout_decoder.hpp"
#include "testbench/kernels/cases.hpp"
#include "testbench/kernels/functional_machine.hpp"

namespace bitloom {
namespace {

using namespace testing_cases;

constexpr std::uint64_t kSeed = 77;
constexpr std::uint8_t kPoison = 0x5A;

struct Trial {
  std::string network, recipe, hardware;
  int batch, steps;
};

/// Random codes and labels that fit the network.
class Batches {
 public:
  Batches(const Network& network, const Recipe& recipe, int samples)
      : format_(input_format(network, recipe, {})),
        samples_(samples),
        elements_(static_cast<std::size_t>(element_count(network.input)) * static_cast<std::size_t>(samples)),
        classes_(static_cast<int>(element_count(network.nodes.back().shape))) {}

  Scale scale() const { return format_.scale; }
  Batch next() {
    std::uniform_int_distribution<int> code(-format_.largest_code, format_.largest_code), label(0, classes_ - 1);
    Batch batch;
    batch.M = samples_;
    batch.scale = format_.scale;
    for (std::size_t i = 0; i < elements_; ++i) batch.X.push_back(static_cast<std::int8_t>(code(random_)));
    for (int i = 0; i < samples_; ++i) batch.labels.push_back(static_cast<std::uint8_t>(label(random_)));
    return batch;
  }

 private:
  InputFormat format_;
  int samples_;
  std::size_t elements_;
  int classes_;
  std::mt19937 random_{5};
};

std::uint32_t table_entry(const Program& program, std::span<const std::uint8_t> memory, int entry) {
  const std::size_t at = program.table_address + 4 * static_cast<std::size_t>(entry);
  std::uint32_t word = 0;
  for (unsigned byte = 0; byte < 4; ++byte) word |= std::uint32_t{memory[at + byte]} << (8 * byte);
  return word;
}

/// Compares everything recorded; names what had no place in memory.
std::set<std::string> compare(const Program& program, const StepRecord& record, std::span<const std::uint8_t> memory) {
  std::set<std::string> unseen;
  for (const auto& [name, tensor] : record.tensors) unseen.insert(name);
  for (const auto& [name, value] : record.scalars) unseen.insert(name);
  for (const TensorPlacement& place : program.tensors) {
    const auto golden = record.tensors.find(place.name);
    if (golden == record.tensors.end()) continue;
    const std::span<const std::uint8_t> from = memory.subspan(place.in_batch ? batch_offset(program, 0) : 0);
    EXPECT_EQ(cosim::decode_tensor(place, from), golden->second.values) << place.name;
    unseen.erase(place.name);
  }
  for (const auto& [name, entry] : program.table) {
    const auto golden = record.scalars.find(name);
    if (golden == record.scalars.end()) continue;
    EXPECT_EQ(table_entry(program, memory, entry), golden->second) << name;
    unseen.erase(name);
  }
  return unseen;
}

/// What of a record stays on chip, or is overwritten by the step itself.
bool may_be_unseen(const Program& program, const std::string& name, bool hindsight_chain) {
  if (name.ends_with(".b_acc")) return true;
  if (name.ends_with(".w")) return find_tensor(program, name.substr(0, name.size() - 1) + "q") != nullptr;
  return hindsight_chain && (name.ends_with(".z_raw") || name.ends_with(".d_raw"));
}

class Functional : public testing::TestWithParam<Trial> {};

TEST_P(Functional, EveryTensorAndScalarEqualsGolden) {
  const Trial& of = GetParam();
  const Network network = named_network(of.network);
  const Recipe recipe = named_recipe(of.recipe);
  const Program program = lower(network, recipe, named_hardware(of.hardware), with_batch(of.batch));
  TrainState state = initial_state(network, recipe, initial_parameters(network, 3));
  Batches batches(network, recipe, of.batch);
  Batch batch = batches.next();
  StepContext context;
  context.seed64 = kSeed;
  context.mu16 = kMu16;
  context.lr = nearest_scale(0.05);
  calibrate(network, recipe, state, batch, context, 1);
  std::vector<std::uint8_t> memory = initial_image(program, state, recipe, batches.scale(), kPoison).bytes;
  for (int step = 0; step < of.steps; ++step) {
    context.step = static_cast<std::uint32_t>(step);
    StepRecord record;
    golden_step(network, recipe, state, batch, context, &record, 1);
    write_batch(program, memory, 0, batch);
    functional::FunctionalMachine(program, memory, {kSeed, context.step, word(context.lr), batch_offset(program, 0)})
        .run();
    for (const std::string& name : compare(program, record, memory)) {
      EXPECT_TRUE(may_be_unseen(program, name, of.recipe.ends_with("_hindsight") && of.network.starts_with("mlp")))
          << name;
    }
    if (HasFailure()) return;
    batch = batches.next();
  }
}

std::vector<Trial> trials() {
  std::vector<Trial> all;
  for (const char* recipe :
       {"int8", "int4", "int8_hindsight", "int4_hindsight", "int4_last8", "luq_smp2", "luq_hindsight", "luq_pow2",
        "psq", "ptq", "fqt1", "fqt1_bernoulli", "maqd", "lwq", "lwq_nearest", "niti"}) {
    all.push_back({"mlp_odd", recipe, all.size() % 2 == 0 ? "tiny" : "odd", 5, 2});
  }
  for (const char* recipe : {"int4", "luq_smp2", "fqt1", "fqt1_bernoulli", "ptq", "maqd_bn", "lwq"}) {
    all.push_back({"conv_ops", recipe, all.size() % 2 == 0 ? "tiny" : "odd", 3, 2});
    all.push_back({"conv_small", recipe, all.size() % 2 == 0 ? "odd" : "base", 3, 2});
  }
  for (const char* recipe : {"niti", "lwq_master24"}) {
    all.push_back({"conv_ops", recipe, "tiny", 3, 2});
    all.push_back({"conv_small", recipe, "odd", 3, 2});
  }
  for (const char* recipe : {"int8_adam", "fqt1_adam"}) {
    all.push_back({"mlp_odd", recipe, "odd", 5, 3});
    all.push_back({"conv_ops", recipe, "tiny", 3, 3});
    all.push_back({"conv_small", recipe, "base", 3, 3});
  }
  all.push_back({"lenet", "niti", "base", 2, 2});
  all.push_back({"lenet_bn", "maqd", "odd", 2, 1});
  all.push_back({"lenet_bn", "psq", "odd", 2, 1});
  all.push_back({"resnet8", "int8_hindsight", "base", 1, 1});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, Functional, testing::ValuesIn(trials()), [](const auto& each) {
  return each.param.network + "_" + each.param.recipe + "_" + each.param.hardware;
});

}  // namespace
}  // namespace bitloom
