// Training, the estimate and co-simulation accept the same networks, recipes and batches, or refuse them with one text;
// what only the accelerator refuses, estimate and co-simulation refuse with one text. BITLOOM_SEED and BITLOOM_CASES as
// in cosim_random_test.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "model/io/error.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/traces.hpp"
#include "model/train/trainer.hpp"
#include "sim/cosim/cosim.hpp"
#include "sim/estimate.hpp"
#include "testbench/cosim/random_case.hpp"

namespace bitloom::cosim {
namespace {

/// What the three are asked.
struct Question {
  Network network;
  Recipe recipe;
  Hardware hardware;
  int batch = 1;
  std::string text;
};

/// Their refusals; empty: accepted.
struct Answers {
  std::string train, estimate, cosim;
};

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

constexpr const char* kNoLibrary = "no machine: cannot be loaded";

Answers ask(const Question& of) {
  Hyper hyper;
  hyper.learning_rate.base = 0.05;
  TrainOptions train;
  train.batch = of.batch;
  Answers answers;
  answers.train = refusal([&] {
    if (of.recipe.fp32) {
      make_fp32_trainer(of.network, hyper, train, of.recipe.normalization);
    } else {
      make_integer_trainer(of.network, of.recipe, hyper, train);
    }
  });
  answers.estimate = refusal([&] {
    EstimateOptions options;
    options.hyper = hyper;
    estimate(of.network, of.recipe, of.hardware, of.batch, options);
  });
  CosimOptions options;
  options.batch = of.batch;
  options.rtl_library = "no machine";  // whatever comes so far is accepted
  StepData data;
  const auto samples = static_cast<std::size_t>(std::max(0, of.batch));
  data.pixels.resize(samples * static_cast<std::size_t>(element_count(of.network.input)));
  data.labels.resize(samples);
  answers.cosim = refusal([&] { cosimulate(of.network, of.recipe, of.hardware, hyper, data, options); });
  if (answers.cosim.starts_with(kNoLibrary)) answers.cosim.clear();
  return answers;
}

Network network_of(const std::string& input, const std::string& layers) {
  return read_network(JsonObject::from_text(
      fmt::format(
          R"({{"name": "drawn", "input": {}, "layers": [{}, {{"name": "loss", "op": "softmax_cross_entropy"}}]}})",
          input, layers),
      "drawn"));
}

const std::string kEnd = R"({"name": "flat", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 3, "bias": true})";

/// A node of the kind between a node and its first reader, whatever that makes of the network.
void put_somewhere(Network& network, Op op, std::mt19937_64& random) {
  const std::size_t reader = below(random, network.nodes.size());
  Node node;
  node.name = "put";
  node.op = op;
  node.inputs = {network.nodes[reader].inputs.front()};
  const int from = node.inputs.front();
  node.shape = from == kNetworkInput ? network.input : network.nodes[static_cast<std::size_t>(from)].shape;
  if (op == Op::kBatchNorm) node.attributes = NormAttributes{node.shape.front()};
  for (Node& other : network.nodes) {
    for (int& input : other.inputs) input += input >= static_cast<int>(reader) ? 1 : 0;
  }
  network.nodes[reader].inputs.front() = static_cast<int>(reader);
  network.nodes.insert(network.nodes.begin() + static_cast<std::ptrdiff_t>(reader), std::move(node));
}

/// One of the networks that are too large for something.
Network large_network(std::mt19937_64& random) {
  const auto linear = [](int in, int out) {
    return network_of(fmt::format("[{}]", in),
                      fmt::format(R"({{"name": "fc", "op": "linear", "out": {}, "bias": true}})", out));
  };
  switch (below(random, 6)) {
    case 0:
      return linear(65535 + static_cast<int>(below(random, 2)), 2);
    case 1:
      return linear(3, 65535 + static_cast<int>(below(random, 2)));
    case 2:
      return network_of("[2700, 7, 7]",
                        R"({"name": "c", "op": "conv2d", "out": 2, "kernel": 7, "bias": true}, )" + kEnd);
    case 3:
      return network_of("[1, 16, 16]",
                        fmt::format(R"({{"name": "c", "op": "conv2d", "out": 2, "kernel": 1, "bias": true}},
          {{"name": "p", "op": "max_pool", "kernel": [16, {}]}}, )",
                                    15 + below(random, 2)) +
                            kEnd);
    case 4:
      return network_of(
          "[1, 4, 40]",
          R"({"name": "c", "op": "conv2d", "out": 2, "kernel": 1, "stride": [1, 17], "bias": true}, )" + kEnd);
    default:
      return linear(3, 300);  // labels of more than a byte
  }
}

/// Changes that may make the question an illegal one.
void spoil(Question& of, std::mt19937_64& random) {
  switch (below(random, 9)) {
    case 0:
      return put_somewhere(of.network, Op::kRelu, random);
    case 1:
      return put_somewhere(of.network, Op::kBatchNorm, random);
    case 2:
      of.network = large_network(random);
      return;
    case 3:
      if (of.network.nodes.size() > 2) of.network.nodes.pop_back();  // the loss
      return;
    case 4:
      of.recipe.named_bits["nowhere"] = 4;
      return;
    case 5:
      of.batch = below(random, 2) == 0 ? 0 : 65536;
      of.network = network_of("[3]", R"({"name": "fc", "op": "linear", "out": 3, "bias": true})");
      return;
    case 6:
      if (of.recipe.update.store == WeightStore::kInteger) return;  // no recipe file may ask for both
      of.recipe.update.micro_batches = 2 + static_cast<int>(below(random, 3));
      return;
    case 7:
      of.recipe.overrides.erase("first");
      of.recipe.activation.quantizer = Quantizer::kSawb;
      return;
    default:
      of.recipe = read_recipe(resolve_trace(TraceKind::kRecipe, below(random, 2) == 0 ? "fp32" : "fp32_lbn"));
  }
}

Hardware drawn_hardware(std::mt19937_64& random) {
  const std::string file = testing::TempDir() + "bitloom_agreement_hardware.json";
  std::ofstream(file) << draw_hardware(random, "drawn");
  Hardware hardware = read_hardware(file);
  std::filesystem::remove(file);
  return hardware;
}

Question draw(std::mt19937_64& random) {
  const RandomCase drawn = below(random, 4) == 0 ? draw_case(random) : draw_graph_case(random);
  Question of{drawn.network, drawn.recipe, {}, drawn.batch, drawn.text};
  if (below(random, 2) == 0) {
    const char* const kNames[] = {"tiny", "base", "odd"};
    of.hardware = read_hardware(resolve_trace(TraceKind::kHardware, kNames[below(random, 3)]));
  } else {
    of.hardware = drawn_hardware(random);
  }
  for (std::size_t more = below(random, 3); more > 0; --more) spoil(of, random);
  return of;
}

TEST(Agreement, TrainRunAndCosimulateSayTheSame) {
  const std::uint64_t base = from_environment("BITLOOM_SEED", 1), cases = from_environment("BITLOOM_CASES", 2000);
  std::map<std::string, int> counts;
  for (std::uint64_t i = 0; i < cases && !HasFailure(); ++i) {
    std::mt19937_64 random(base * 1000003 + i);
    const Question of = draw(random);
    SCOPED_TRACE(fmt::format("BITLOOM_SEED={}, case {}: {}", base, i, of.text));
    const Answers answers = ask(of);
    EXPECT_EQ(answers.estimate, answers.cosim);
    EXPECT_TRUE(answers.train.empty() || answers.estimate == answers.train)
        << "train: " << answers.train << "\nrun: " << answers.estimate;
    ++counts[!answers.train.empty() ? "refused by all" : !answers.cosim.empty() ? "by the accelerator" : "accepted"];
  }
  for (const auto& [what, count] : counts) fmt::print("{} of {} {}\n", count, cases, what);
  EXPECT_EQ(counts.size(), 3u);
}

}  // namespace
}  // namespace bitloom::cosim
