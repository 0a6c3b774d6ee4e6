#include "kernels/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "kernels/step.hpp"
#include "kernels/tiling.hpp"
#include "model/io/error.hpp"
#include "testbench/kernels/cases.hpp"
#include "testbench/kernels/named_table.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom {
namespace {

using test::perceptron;
using testing::AllOf;
using testing::HasSubstr;
using testing_cases::error_of;
using testing_cases::named_hardware;
using testing_cases::named_network;
using testing_cases::named_recipe;
using testing_cases::with_batch;

std::string error_on(const Hardware& hw, const std::string& recipe = "int8") {
  return error_of([&] { lower(named_network("mlp_odd"), named_recipe(recipe), hw, with_batch(19)); });
}

/// A program grows with layers, and with passes where one does not hold the sums of all tiles; with tiles it does not.
TEST(Program, GrowsWithLayersAndPassesNotWithTiles) {
  const Recipe recipe = named_recipe("int8");
  const auto size = [&](int in, const std::vector<int>& widths, const std::string& hardware, int batch) {
    return lower(perceptron(in, widths), recipe, named_hardware(hardware), with_batch(batch)).commands.size();
  };
  const std::size_t three = size(61, {37, 23, 10}, "tiny", 19);
  EXPECT_EQ(size(61, {37, 23, 10}, "base", 19), three);
  EXPECT_EQ(size(310, {185, 115, 10}, "tiny", 19), three);
  EXPECT_EQ(size(310, {185, 115, 10}, "odd", 1900), three);  // transposes one tile at a time: no sums stay
  EXPECT_EQ(size(310, {185, 115, 10}, "base", 1900), size(310, {185, 115, 10}, "base", 190));
  // On base the larger weight gradient has 20 x 12 tiles and 64 are held: 4 passes or more, of at most 15 commands.
  EXPECT_GT(size(310, {185, 115, 10}, "base", 190), three + 3 * 10);
  EXPECT_LT(size(310, {185, 115, 10}, "base", 190), three + 8 * 15);
  const std::size_t four = size(61, {37, 23, 20, 10}, "tiny", 19);
  const std::size_t five = size(61, {37, 23, 20, 20, 10}, "tiny", 19);
  EXPECT_GT(four, three);
  EXPECT_EQ(five - four, four - three);
}

TEST(Program, CutsEachGemmOfTheOddNetworkIntoAtLeastThreeTiles) {
  const Program program = testing_cases::odd_program({"int8", "tiny"});
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    const Command& command = program.commands[i];
    if (command.opcode() != Opcode::GEMM || program.info[i].macs_a_cycle == 0) continue;  // a bias gradient has one row
    const bool rows_inside = command.get(Field::SUM_LOOP) == static_cast<std::uint32_t>(SumLoop::NONE);
    EXPECT_GE(command.get(rows_inside ? Field::N1 : Field::N0), 3u);
    EXPECT_GE(command.get(rows_inside ? Field::N2 : Field::N1), 3u);
  }
}

TEST(Program, EveryNamedNetworkFitsEveryNamedHardware) {
  for (const auto& each : testing_cases::all_cases()) {
    EXPECT_EQ(error_of([&] {
                lower(named_network("mlp"), named_recipe(each.recipe), named_hardware(each.hardware), with_batch(32));
              }),
              "");
  }
}

TEST(Program, PlacesTensorsApart) {
  const Program program = testing_cases::odd_program({"int4", "odd"});
  for (const bool in_batch : {false, true}) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (const TensorPlacement& tensor : program.tensors) {
      EXPECT_EQ(tensor.address % 64, 0u) << tensor.name;
      EXPECT_EQ(tensor.pitch, (static_cast<unsigned>(tensor.cols * tensor.bits) + 7) / 8) << tensor.name;
      EXPECT_EQ(tensor.bytes, tensor.pitch * static_cast<unsigned>(tensor.rows)) << tensor.name;
      if (tensor.in_batch == in_batch) ranges.emplace_back(tensor.address, tensor.address + tensor.bytes);
      EXPECT_TRUE(!tensor.state || tensor.address + tensor.bytes <= program.state_end) << tensor.name;
    }
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_LE(ranges[i - 1].second, ranges[i].first);
    EXPECT_LE(ranges.back().second, in_batch ? program.batch_bytes : program.batch_address);
  }
  EXPECT_EQ(program.program_address, program.batch_address + program.batch_bytes);
  EXPECT_EQ(program.total_bytes, program.program_address + 64 * program.commands.size());
}

TEST(Program, NamesWhatTheGoldenRecordNames) {
  const Program exact = testing_cases::odd_program({"int8", "tiny"});
  for (const char* layer : {"fc1", "fc2", "fc3"}) {
    for (const char* what :
         {"w", "x", "d", "z_raw", "d_raw", "dw", "db", "master", "momentum", "bias", "bias_momentum"}) {
      EXPECT_NE(find_tensor(exact, std::string(layer) + "." + what), nullptr) << layer << what;
    }
    for (const char* what : {"sx", "sw", "sd", "s_acc", "ratio_b", "zmax", "dmax", "wmax", "wsat", "dsat", "zsat",
                             "d_rawsat", "dwsat", "dbsat", "b_accsat", "msat", "vsat", "bsat", "bvsat"}) {
      EXPECT_TRUE(named_table(exact).contains(std::string(layer) + "." + what)) << layer << what;
    }
  }
  EXPECT_TRUE(named_table(exact).contains("fc2.xsat"));
  EXPECT_FALSE(named_table(exact).contains("fc2.sx_next"));
  const Program hindsight = testing_cases::odd_program({"int8_hindsight", "tiny"});
  EXPECT_TRUE(named_table(hindsight).contains("fc2.sx_next"));
  EXPECT_FALSE(named_table(hindsight).contains("fc1.sx_next"));
  EXPECT_TRUE(named_table(hindsight).contains("fc1.sd_next"));
  EXPECT_EQ(find_tensor(hindsight, "fc1.z_raw"), nullptr);
}

/// A strided convolution's gradient: one phase for each residue, with the taps that reach it, and no inserted zero.
TEST(StridePhases, EveryTapReachesItsPositionsOnce) {
  for (const auto& [extent, kernel, stride, padding, dilation] : std::vector<std::array<int, 5>>{
           {11, 3, 2, 1, 1}, {9, 5, 3, 2, 1}, {8, 1, 2, 0, 1}, {13, 3, 2, 2, 2}, {10, 4, 3, 0, 2}}) {
    const int out = (extent + 2 * padding - (kernel - 1) * dilation - 1) / stride + 1;
    std::multiset<std::array<int, 3>> expected, made;  // input position, tap, output position
    for (int o = 0; o < out; ++o) {
      for (int tap = 0; tap < kernel; ++tap) {
        const int i = o * stride + tap * dilation - padding;
        if (i >= 0 && i < extent) expected.insert({i, tap, o});
      }
    }
    int positions = 0;
    for (const StridePhase& phase : stride_phases(extent, kernel, stride, padding, dilation)) {
      positions += phase.count;
      for (int p = 0; p < phase.count; ++p) {
        for (int t = 0; t < phase.taps; ++t) {
          const int o = p + phase.offset + t * phase.output_step;
          if (o >= 0 && o < out) made.insert({phase.first + p * stride, phase.tap0 + t * phase.tap_step, o});
        }
      }
    }
    EXPECT_EQ(positions, extent);
    EXPECT_EQ(made, expected) << extent << " " << kernel << " " << stride << " " << padding << " " << dilation;
  }
}

/// Bits an element of a named tensor takes in memory.
int bits_of(const Program& program, const std::string& name) {
  for (const TensorPlacement& tensor : program.tensors) {
    if (tensor.name == name) return tensor.bits;
  }
  return 0;
}

TEST(Program, KeepsCodesAsNarrowAsTheyAre) {
  const auto bits = [](const std::string& network, const std::string& recipe, const std::string& tensor) {
    return bits_of(lower(named_network(network), named_recipe(recipe), named_hardware("tiny"), with_batch(2)), tensor);
  };
  EXPECT_EQ(bits("lenet", "lwq", "conv2.q"), 8);
  EXPECT_EQ(bits("lenet", "lwq_w4", "conv2.q"), 4);
  EXPECT_EQ(bits("lenet", "lwq_w4", "conv2.residual"), 4);
  EXPECT_EQ(bits("lenet", "niti", "conv2.q"), 8);
  EXPECT_EQ(bits("lenet", "int4", "conv2.x"), 4);
  EXPECT_EQ(bits("mlp", "int4", "fc1.x"), 4);
  EXPECT_EQ(bits("lenet", "int4", "conv1.x"), 8);  // one channel: a row of taps is one piece of memory
  EXPECT_EQ(bits("resnet8", "int4", "conv1.x"), 8);
  EXPECT_EQ(bits("conv_small", "int4", "conv1.x"), 4);  // two channels fill bytes
}

TEST(Program, EntriesOfTheTableAreApart) {
  for (const auto& each : testing_cases::all_cases()) {
    const Program program = testing_cases::odd_program(each);
    std::set<int> indices;
    for (const auto& [name, index] : named_table(program)) {
      EXPECT_TRUE(indices.insert(index).second) << name;
      EXPECT_LT(index, program.table_entries);
    }
  }
}

TEST(Program, SaysWhichMemoryIsTooSmall) {
  Hardware hw = named_hardware("tiny");
  EXPECT_EQ(error_on(hw), "");
  hw.vin_words = 1;
  EXPECT_THAT(error_on(hw), AllOf(HasSubstr("hardware tiny"), HasSubstr("VIN"), HasSubstr("needs 16 bytes, has 8")));
  hw = named_hardware("tiny");
  hw.vout_words = 3;
  EXPECT_THAT(error_on(hw, "int4"), AllOf(HasSubstr("VOUT"), HasSubstr("too small")));
  hw = named_hardware("tiny");
  hw.vbias_words = 18;
  EXPECT_THAT(error_on(hw), AllOf(HasSubstr("fc1, bias"), HasSubstr("VBIAS"), HasSubstr("needs 152 bytes, has 144")));
  hw = named_hardware("tiny");
  hw.vin_words = 19;  // four buffers of a row of five words
  hw.vout_words = 60;
  EXPECT_THAT(error_of([&] { lower(perceptron(6, {10}), named_recipe("int8"), hw, with_batch(4)); }),
              AllOf(HasSubstr("fc1, loss"), HasSubstr("VIN"), HasSubstr("needs 160 bytes, has 152")));
  // A value a sample in the table, and several vectors of them at once.
  EXPECT_THAT(error_of([&] {
                lower(perceptron(6, {12, 10}), named_recipe("psq"), named_hardware("tiny"), with_batch(900));
              }),
              AllOf(HasSubstr("hardware tiny: network"), HasSubstr("fc2, quantize: the table is too small: needs "),
                    HasSubstr("(table_words, at most 65532)")));
  hw = named_hardware("tiny");
  hw.table_words = 64;
  EXPECT_THAT(error_on(hw), AllOf(HasSubstr("table_words"), HasSubstr("has 64")));
  hw = named_hardware("tiny");
  hw.dram_bytes = 4096;
  EXPECT_THAT(error_on(hw), AllOf(HasSubstr("DRAM"), HasSubstr("has 4096")));
  hw = named_hardware("tiny");
  hw.rows = 1;
  EXPECT_EQ(error_on(hw), "");
  EXPECT_EQ(error_on(hw, "int4"), "");
}

/// Thousands of groups of a view, whose values the table holds at once.
TEST(Program, LowersGroupsOfWideLayers) {
  for (const char* recipe : {"psq", "fqt1"}) {
    for (const auto& [name, batch] : {std::pair("ffn768", 512), std::pair("resnet18", 1), std::pair("vgg16", 1)}) {
      const auto lowered = [&, network = name, samples = batch] {
        lower(named_network(network), named_recipe(recipe), named_hardware("base"), with_batch(samples));
      };
      EXPECT_EQ(error_of(lowered), "");
    }
  }
}

TEST(Program, RejectsOptionsOutOfRange) {
  const Network network = named_network("mlp_odd");
  const Hardware hw = named_hardware("tiny");
  EXPECT_THAT(error_of([&] { lower(network, named_recipe("int8"), hw, with_batch(0)); }), HasSubstr("batch"));
  EXPECT_THAT(error_of([&] { lower(network, named_recipe("int8"), hw, with_batch(65535)); }), HasSubstr("batch"));
  EXPECT_THAT(error_of([&] { lower(network, named_recipe("fp32"), hw, with_batch(4)); }), HasSubstr("float32"));
  LowerOptions options = with_batch(4);
  options.mu16 = 65536;
  EXPECT_THAT(error_of([&] { lower(network, named_recipe("int8"), hw, options); }), HasSubstr("momentum"));
}

/// Any hardware either takes a network (and verify() agrees) or is refused as too small.
TEST(Program, LowersOrRefusesOnRandomHardware) {
  std::mt19937 random(11);
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  int lowered = 0;
  for (int trial = 0; trial < 150; ++trial) {
    Hardware hw = named_hardware("tiny");
    hw.axi_bytes = 8 << draw(0, 3);
    hw.lanes = hw.axi_bytes / (draw(0, 1) == 0 ? 4 : 2);
    hw.rows = draw(1, hw.axi_bytes);
    hw.cols = draw(hw.lanes, hw.axi_bytes);
    hw.spad_a_bytes = hw.axi_bytes * draw(1, 6);
    hw.spad_b_bytes = hw.axi_bytes * draw(1, 12);
    hw.acc_tiles = draw(2, 12);
    hw.vin_words = draw(2, 200);
    hw.vout_words = draw(2, 200);
    hw.vbias_words = draw(4, 60);
    hw.queue_depth = draw(4, 9);
    const int in = draw(1, 40);
    const std::vector<int> widths{draw(1, 40), draw(2, 20)};
    const char* recipes[] = {"int8", "int4", "int8_hindsight", "int4_hindsight"};
    const std::string error = error_of([&] {
      lower(perceptron(in, widths, trial % 3 != 0), named_recipe(recipes[trial % 4]), hw, with_batch(draw(1, 40)));
    });
    if (error.empty()) ++lowered;
    EXPECT_TRUE(error.empty() || error.find("too small") != std::string::npos) << error;
  }
  EXPECT_GT(lowered, 50);
}

TEST(Program, MicroBatchesAgreeOnWhereEverythingLies) {  // N26.6
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "lwq_accumulate"));
  const auto part = [&](bool first, bool last) {
    return lower(network, recipe, named_hardware("tiny"), {3, 0, 1, 0, {first, last}});
  };
  const auto updates = [](const Program& program) {
    return std::count_if(program.commands.begin(), program.commands.end(),
                         [](const Command& command) { return command.opcode() == Opcode::UPDATE; });
  };
  const Program last = part(false, true);
  EXPECT_GT(updates(last), 0);
  for (const Program& program : {part(true, false), part(false, false)}) {
    EXPECT_EQ(updates(program), 0);
    EXPECT_EQ(named_table(program), named_table(last));
    EXPECT_EQ(program.batch_address, last.batch_address);
    EXPECT_EQ(program.program_address, last.program_address);
    ASSERT_EQ(program.tensors.size(), last.tensors.size());
    for (std::size_t i = 0; i < last.tensors.size(); ++i) {
      EXPECT_EQ(program.tensors[i].name, last.tensors[i].name);
      EXPECT_EQ(program.tensors[i].address, last.tensors[i].address) << last.tensors[i].name;
    }
  }
}

TEST(Reduction, HasAtMost65536Terms) {
  Hardware hw = named_hardware("base");
  hw.spad_a_bytes = 65504;
  hw.spad_b_bytes = 65504;
  EXPECT_EQ(reduction(hw, 200000, 4).bytes.size, 32736);  // whole words of at most 65,535 codes, a field's largest
  EXPECT_EQ(reduction(hw, 200000, 8).bytes.size, 65504);
  EXPECT_TRUE(reduction(hw, 65504, 8).b_resident);
  EXPECT_FALSE(reduction(hw, 65505, 8).b_resident);
}

TEST(Program, ListsOneCommandALine) {
  const Program program = testing_cases::odd_program({"int8", "tiny"});
  const std::string text = listing(program);
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), program.commands.size());
  EXPECT_THAT(text, HasSubstr("fc2: x · w"));
}

}  // namespace
}  // namespace bitloom
