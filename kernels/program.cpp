#include "kernels/program.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "kernels/step.hpp"
#include "kernels/verify.hpp"
#include "model/io/error.hpp"
#include "model/network/training_graph.hpp"

namespace bitloom {

namespace {

constexpr int kDimensionMax = 65534;  ///< of a 16-bit field

void require_lowerable(const Recipe& recipe, const LowerOptions& options) {
  const UpdateRule& update = recipe.update;
  const auto require = [&](const char* key, int got, std::initializer_list<int> taken) {
    if (std::ranges::find(taken, got) != taken.end()) return;
    throw Error(fmt::format("recipe {}: update.{}: the accelerator takes {}, got {}", recipe.name, key,
                            fmt::join(taken, " or "), got));
  };
  require("master_bits", update.master_bits, {24});
  require("momentum_bits", update.momentum_bits, {16});
  require("latent_bits", update.latent_bits, {4, 24});
  if (options.batch > kDimensionMax) {
    throw Error(fmt::format("batch (--batch): the accelerator takes at most {} samples at once, got {}", kDimensionMax,
                            options.batch));
  }
  if (options.mu16 > 65535) throw Error(fmt::format("momentum: expected mu16 below 65536, got {}", options.mu16));
  if (options.batch_slots < 1) throw Error("batch slots: expected at least 1");
}

/// Refuses what no executor takes, in the words of all of them, before what only the accelerator refuses.
void require_legal(const Network& network, const Recipe& recipe, int batch) {
  const TrainingGraph graph = training_graph(network, recipe);
  if (recipe.fp32) throw Error(fmt::format("recipe {}: float32 does not run on the accelerator", recipe.name));
  require_batch(network, recipe, graph, batch);
}

/// Makes one lowering into an empty program; fills or uses the plan of the table.
Program attempt(const Network& network, const Recipe& recipe, const Hardware& hardware, const LowerOptions& options,
                TablePlan& table) {
  Program program;
  program.network = network;
  program.recipe = recipe.name;
  program.hardware = hardware;
  program.batch = options.batch;
  program.state = state_schema(network, recipe);
  Lowering low(program, table);
  Step(low, recipe, options).run();
  low.layout.place_program(options.batch_slots);
  return program;
}

}  // namespace

Program lower(const Network& network, const Recipe& recipe, const Hardware& hardware, const LowerOptions& options) {
  require_legal(network, recipe, options.batch);
  require_lowerable(recipe, options);
  TablePlan table(hardware, network);
  attempt(network, recipe, hardware, options, table);
  table.freeze();
  Program program = attempt(network, recipe, hardware, options, table);
  table.require_fits();
  program.table = table.names();
  program.table_constants = table.constants();
  program.table_entries = table.page_entries();
  program.table_address = find_tensor(program, "table")->address;
  verify(program);
  return program;
}

const TensorPlacement* find_tensor(const Program& program, const std::string& name) {
  for (const TensorPlacement& tensor : program.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

std::string listing(const Program& program) {
  std::string text;
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    const CommandInfo& info = program.info[i];
    text += fmt::format("{:4}  {:9} {:32} {}\n", i, info.phase, info.text, disassemble(program.commands[i]));
  }
  return text;
}

}  // namespace bitloom
