#include "kernels/image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "model/io/error.hpp"
#include "testbench/kernels/cases.hpp"
#include "testbench/kernels/named_table.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom {
namespace {

using testing::HasSubstr;
using testing_cases::error_of;
using testing_cases::named_hardware;
using testing_cases::named_recipe;
using testing_cases::with_batch;

/// Makes the program of a perceptron 3 → 2 → 2, batch 3: small enough to write its bytes by hand.
Program small_program(const std::string& recipe) {
  LowerOptions options = with_batch(3);
  options.batch_slots = 2;
  return lower(test::perceptron(3, {2, 2}), named_recipe(recipe), named_hardware("tiny"), options);
}

TrainState small_state() {
  TrainState state;
  const auto layer = [](int first, int in) {
    LayerState result;
    for (int i = 0; i < in * 2; ++i) {
      result.master.push_back(first - i);
      result.momentum.push_back(i - first);
    }
    result.bias = {first, -first};
    result.bias_momentum = {7, -7};
    result.wmax = static_cast<std::uint32_t>(first);
    result.sx_next = Scale{40000, 20};
    result.sd_next = Scale{50000, 30};
    return result;
  };
  state.layers = {layer(70000, 3), layer(-5, 2)};
  state.step = 4;
  return state;
}

Batch small_batch() {
  Batch batch;
  batch.M = 3;
  batch.X = {1, -2, 3, 4, -5, 6, -7, 7, 0};
  batch.labels = {1, 0, 1};
  batch.scale = Scale{33000, 21};
  return batch;
}

std::uint32_t word_at(const MemoryImage& image, std::size_t address) {
  return image.bytes[address] | std::uint32_t{image.bytes[address + 1]} << 8 |
         std::uint32_t{image.bytes[address + 2]} << 16 | std::uint32_t{image.bytes[address + 3]} << 24;
}

TEST(Image, HoldsStateConstantsAndProgram) {
  const Program program = small_program("int8");
  const MemoryImage image = initial_image(program, small_state(), named_recipe("int8"), Scale{33000, 21}, 0xEE);
  ASSERT_EQ(image.bytes.size(), program.total_bytes);
  const TensorPlacement* master = find_tensor(program, "fc1.master");
  EXPECT_EQ(word_at(image, master->address), 70000u);
  EXPECT_EQ(word_at(image, master->address + master->pitch + 4), 69997u);  // element (1, 1) of [3][2]
  const TensorPlacement* bias = find_tensor(program, "fc1.bias");
  EXPECT_EQ(word_at(image, bias->address + 4), static_cast<std::uint32_t>(-70000));
  const auto entry = [&](const std::string& name) {
    return word_at(image, program.table_address + 4 * static_cast<std::size_t>(named_table(program).at(name)));
  };
  EXPECT_EQ(entry("input.sx"), 33000u | 21u << 16);
  EXPECT_EQ(entry("fc1.wmax"), 70000u);
  EXPECT_EQ(word_at(image, program.table_address), 0u);
  std::set<std::uint32_t> constants;
  for (const auto& [index, word] : program.table_constants) {
    EXPECT_EQ(word_at(image, program.table_address + 4 * static_cast<std::size_t>(index)), word);
    constants.insert(word);
  }
  EXPECT_TRUE(constants.contains(49152u | 14u << 16));                                         // 3 samples: 3 · 2^14
  EXPECT_TRUE(constants.contains(32768u | 36u << 16));                                         // masters: 2^-21
  EXPECT_EQ(image.bytes[program.program_address + 64 * (program.commands.size() - 1)], 0x3F);  // END
  const TensorPlacement* z = find_tensor(program, "fc1.z_raw");
  EXPECT_EQ(word_at(image, z->address), 0xEEEEEEEEu);
  EXPECT_EQ(image.bytes[program.batch_address], 0xEE);
}

TEST(Image, HoldsTheConstantOnesThatMakeBiasGradients) {
  const Program program =
      lower(test::perceptron(3, {2, 5}), named_recipe("int4"), named_hardware("tiny"), with_batch(3));
  TrainState state = small_state();
  state.layers[1].master.assign(10, 1);
  state.layers[1].momentum.assign(10, 1);
  state.layers[1].bias.assign(5, 1);
  state.layers[1].bias_momentum.assign(5, 1);
  const MemoryImage image = initial_image(program, state, named_recipe("int4"), Scale{33000, 21}, 0xEE);
  const TensorPlacement* ones = find_tensor(program, "ones");
  ASSERT_NE(ones, nullptr);
  EXPECT_EQ(ones->cols, 5);
  EXPECT_EQ(image.bytes[ones->address], 0x11);
  EXPECT_EQ(image.bytes[ones->address + 2], 0x01);  // and a padding nibble
  EXPECT_EQ(image.bytes[ones->address + 3], 0xEE);
}

TEST(Image, PacksABatchByRows) {
  const Program program = small_program("int4");
  std::vector<std::uint8_t> memory(program.total_bytes, 0xEE);
  write_batch(program, memory, 1, small_batch());
  const std::size_t slot = batch_offset(program, 1);
  EXPECT_EQ(slot, program.batch_address + program.batch_bytes);
  const TensorPlacement* x = find_tensor(program, "fc1.x");
  const TensorPlacement* labels = find_tensor(program, "labels");
  EXPECT_EQ(x->pitch, 2u);
  EXPECT_EQ(memory[slot + x->address], 0xE1);  // codes 1, −2
  EXPECT_EQ(memory[slot + x->address + 1], 0x03);
  EXPECT_EQ(memory[slot + x->address + 2], 0xB4);  // 4, −5
  EXPECT_EQ(memory[slot + labels->address], 1);
  EXPECT_EQ(memory[slot + labels->address + 8], 1);
  EXPECT_EQ(memory[slot - 1], 0xEE);
}

TEST(Image, GivesTheStateBack) {
  const Program program = small_program("int8_hindsight");
  const TrainState state = small_state();
  const MemoryImage image = initial_image(program, state, named_recipe("int8_hindsight"), Scale{33000, 21});
  const TrainState back = read_state(program, image.bytes, 4);
  EXPECT_EQ(back.step, 4u);
  for (std::size_t l = 0; l < 2; ++l) {
    EXPECT_EQ(back.layers[l].master, state.layers[l].master);
    EXPECT_EQ(back.layers[l].momentum, state.layers[l].momentum);
    EXPECT_EQ(back.layers[l].bias, state.layers[l].bias);
    EXPECT_EQ(back.layers[l].bias_momentum, state.layers[l].bias_momentum);
    EXPECT_EQ(back.layers[l].wmax, state.layers[l].wmax);
    EXPECT_EQ(back.layers[l].sd_next, state.layers[l].sd_next);
  }
  EXPECT_EQ(back.layers[1].sx_next, state.layers[1].sx_next);
  EXPECT_EQ(word(back.layers[0].sx_next), kNoScale);
}

/// States of Adam at the ends of their ranges; `rows` of each column.
AdamState codes_of_adam(std::size_t count, std::size_t rows) {
  AdamState adam;
  for (std::size_t i = 0; i < count; ++i) {
    adam.m.push_back(i % 3 == 0 ? -127 : static_cast<std::int32_t>(i % 128));
    adam.r.push_back(i % 3 == 1 ? 255 : static_cast<std::int32_t>(i % 256));
  }
  for (std::size_t c = 0; c < count / rows; ++c) {
    const int shift = static_cast<int>(c % 30);
    adam.blocks.push_back({make_real(false, 40000, shift), make_real(false, 50000, -shift), exp2_real(-shift)});
  }
  return adam;
}

TEST(Image, GivesTheStateOfIntegerWeightsBack) {
  for (const char* name : {"lwq", "lwq_master24", "lwq_adam", "niti"}) {
    const Program program = small_program(name);
    TrainState state = small_state();
    for (LayerState& layer : state.layers) {
      const std::size_t count = layer.master.size();
      layer.master.clear();
      layer.sw = Scale{32768, 25};
      layer.q.assign({-127, 127, 3, -1});
      layer.q.resize(count, 5);
      if (std::string(name) == "niti") continue;
      layer.level_write = 2;
      if (std::string(name) == "lwq_adam") {
        layer.adam = codes_of_adam(count, count / layer.bias.size());
        layer.bias_adam = codes_of_adam(layer.bias.size(), 1);
      } else {
        layer.momentum.assign({-127, 127, 0, 1});
        layer.momentum.resize(count, -9);
        layer.sv = Scale{40001, 30};
        layer.sv_next = Scale{40002, 31};
      }
      if (std::string(name) != "lwq_master24") {
        layer.residual.assign({-8, 7, -1, 0});
        layer.residual.resize(count, 4);
      } else {
        layer.latent.assign({-127 * 65536 - 32767, 127 * 65536 + 32767, 0, -1});
        layer.latent.resize(count, 123456);
      }
    }
    const MemoryImage image = initial_image(program, state, named_recipe(name), Scale{32768, 21});
    const TrainState back = read_state(program, image.bytes, 4);
    for (std::size_t l = 0; l < 2; ++l) {
      const LayerState &was = state.layers[l], &is = back.layers[l];
      EXPECT_EQ(is.q, was.q) << name;
      EXPECT_EQ(is.residual, was.residual) << name;
      EXPECT_EQ(is.latent, was.latent) << name;
      EXPECT_EQ(is.sw, was.sw) << name;
      if (std::string(name) == "niti") continue;
      EXPECT_EQ(is.level_write, was.level_write) << name;
      EXPECT_EQ(is.adam.m, was.adam.m) << name;
      EXPECT_EQ(is.adam.r, was.adam.r) << name;
      EXPECT_EQ(is.adam.blocks == was.adam.blocks, true) << name;
      EXPECT_EQ(is.bias_adam.blocks == was.bias_adam.blocks, true) << name;
      if (std::string(name) == "lwq_adam") continue;
      EXPECT_EQ(is.momentum, was.momentum) << name;
      EXPECT_EQ(is.sv, was.sv) << name;
      EXPECT_EQ(is.sv_next, was.sv_next) << name;
    }
  }
}

TEST(Image, RefusesWhatDoesNotFit) {
  const Program program = small_program("int8_hindsight");
  const Recipe recipe = named_recipe("int8_hindsight");
  TrainState state = small_state();
  EXPECT_THAT(error_of([&] {
                initial_image(program, state, named_recipe("int8"), Scale{33000, 21});
              }),
              HasSubstr("recipe"));
  EXPECT_THAT(error_of([&] { initial_image(program, state, recipe, from_word(kNoScale)); }), HasSubstr("input"));
  state.layers[1].sx_next = from_word(kNoScale);
  EXPECT_THAT(error_of([&] { initial_image(program, state, recipe, Scale{33000, 21}); }), HasSubstr("fc2.sx_next"));
  state = small_state();
  state.layers[0].master.pop_back();
  EXPECT_THAT(error_of([&] { initial_image(program, state, recipe, Scale{33000, 21}); }), HasSubstr("fc1.master"));
  state.layers.pop_back();
  EXPECT_THAT(error_of([&] {
                initial_image(program, state, recipe, Scale{33000, 21});
              }),
              HasSubstr("expected 2 layers and 0 norms, got 1 and 0"));
  Batch batch = small_batch();
  batch.X.pop_back();
  EXPECT_THAT(error_of([&] { batch_block(program, batch); }), HasSubstr("expected 3 samples"));
  EXPECT_THAT(error_of([&] { batch_offset(program, 2); }), HasSubstr("slot"));
  batch = small_batch();
  batch.X[0] = 8;
  EXPECT_THAT(error_of([&] { batch_block(small_program("int4"), batch); }), HasSubstr("code 8"));
}

}  // namespace
}  // namespace bitloom
