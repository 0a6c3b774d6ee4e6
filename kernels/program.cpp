#include "kernels/program.hpp"

#include <fmt/format.h>

#include "kernels/lowering.hpp"
#include "kernels/verify.hpp"
#include "model/error.hpp"

namespace bitloom {

namespace {

constexpr int kDimensionMax = 65534;  ///< a dimension and the ones row fit 16-bit fields

void require_lowerable(const StepPlan& plan, const LowerOptions& options) {
  const UpdateRule& update = plan.recipe.update;
  if (plan.recipe.fp32)
    throw Error(fmt::format("recipe {}: float32 does not run on the accelerator", plan.recipe.name));
  if (update.master_bits != 24 || update.momentum_bits != 16 || update.bias_bits != 32) {
    throw Error(fmt::format("recipe {}: the accelerator updates 24-bit masters, 16-bit momenta and 32-bit biases",
                            plan.recipe.name));
  }
  require_fit(plan.recipe, plan.chain);
  if (options.batch < 1 || options.batch > kDimensionMax) {
    throw Error(fmt::format("batch: expected 1 to {}, got {}", kDimensionMax, options.batch));
  }
  if (options.mu16 > 65535) throw Error(fmt::format("momentum: expected mu16 below 65536, got {}", options.mu16));
  if (options.batch_slots < 1) throw Error("batch slots: expected at least 1");
  for (const LinearLayer& layer : plan.chain) {
    if (layer.in > kDimensionMax || layer.out > kDimensionMax) {
      throw Error(fmt::format("network {}, layer {}: a dimension exceeds {}", plan.network, layer.name, kDimensionMax));
    }
  }
}

}  // namespace

Program lower(const Network& network, const Recipe& recipe, const Hardware& hardware, const LowerOptions& options) {
  StepPlan plan{network.name, hardware, recipe, linear_chain(network), {}, options.batch};
  for (int l = 0; l < plan.layers(); ++l) {
    plan.bits.push_back(layer_recipe(recipe, l, plan.layers(), plan.layer(l).name).bits);
  }
  require_lowerable(plan, options);
  Program program;
  program.network = network.name;
  program.recipe = recipe.name;
  program.hardware = hardware;
  program.chain = plan.chain;
  program.layer_bits = plan.bits;
  program.batch = options.batch;
  const TablePlan table(plan);
  program.table = table.entries();
  program.table_constants = table.constants();
  program.table_entries = table.size();
  place_tensors(plan, program);
  Lowering(plan, table, options.mu16, program).run();
  place_program(plan, options.batch_slots, program);
  verify(program);
  return program;
}

const TensorPlacement* find_tensor(const Program& program, const std::string& name, Packing packing) {
  for (const TensorPlacement& tensor : program.tensors) {
    if (tensor.name == name && tensor.packing == packing) return &tensor;
  }
  return nullptr;
}

BitAddress mask_bit(const TensorPlacement& mask, int lanes, int r, int c) {
  const int row_tiles = (mask.rows + mask.tile_rows - 1) / mask.tile_rows;
  const int groups = mask.tile_cols / lanes;
  const int tile = c / mask.tile_cols * row_tiles + r / mask.tile_rows;
  const int in_tile = r % mask.tile_rows * groups + c % mask.tile_cols / lanes;
  const std::uint32_t start = mask.address + static_cast<std::uint32_t>(tile) * mask.pitch;
  return {start + static_cast<std::uint32_t>(in_tile), c % lanes};
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
