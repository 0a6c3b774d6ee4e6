// The text has only flat localparams and functions, which Verilator 5.006 and Yosys 0.23 both take.
#include "kernels/package.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "kernels/command_set.hpp"
#include "model/numerics/functions.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/threefry.hpp"

namespace bitloom {

namespace {

/// Writes one localparam; width 0 makes it an int.
std::string parameter(const std::string& name, std::uint64_t value, int width) {
  if (width == 0) return fmt::format("  localparam int {} = {};\n", name, value);
  return fmt::format("  localparam logic [{}:0] {} = {}'h{:0{}x};\n", width - 1, name, width, value, (width + 3) / 4);
}

std::string command_set() {
  std::string text = "\n  // Opcodes; bits [7:6] are the queue.\n";
#define BITLOOM_PRINT(name, value) text += parameter("OP_" #name, value, 8);
  BITLOOM_OPCODES(BITLOOM_PRINT)
#undef BITLOOM_PRINT
  text += "\n  // Fields: lowest bit in the 512-bit command, width.\n";
#define BITLOOM_PRINT(name, word, lsb, width)               \
  text += parameter("F_" #name "_LSB", word * 32 + lsb, 0); \
  text += parameter("F_" #name "_W", width, 0);
  BITLOOM_COMMON_FIELDS(BITLOOM_PRINT)
  BITLOOM_SPECIAL_FIELDS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
  text += "\n  // Bits of the field FLAGS.\n";
#define BITLOOM_PRINT(name, bit) text += parameter("FLAG_" #name, bit, 0);
  BITLOOM_FLAGS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
  text +=
      "\n  // Values of fields: TARGET, MEMORY_BITS and LOCAL_BITS, EXPAND, MODE, A_KIND and B_KIND, SUM_LOOP, "
      "QUANTIZER, "
      "MASK_RULE, "
      "REDUCE_KIND,\n  // POOL_OP, SCALAR_OP, ROUNDING.\n";
#define BITLOOM_PRINT(name, value) text += parameter("TARGET_" #name, value, 2);
  BITLOOM_LOAD_TARGETS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("WIDTH_" #name, value, 3);
  BITLOOM_WIDTHS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("EXPAND_" #name, value, 2);
  BITLOOM_EXPANDS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("MODE_" #name, value, 2);
  BITLOOM_MODES(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("KIND_" #name, value, 2);
  BITLOOM_KINDS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("SUM_" #name, value, 2);
  BITLOOM_SUM_LOOPS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("QUANTIZER_" #name, value, 2);
  BITLOOM_QUANTIZERS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("MASK_" #name, value, 2);
  BITLOOM_MASK_RULES(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("REDUCE_" #name, value, 2);
  BITLOOM_REDUCE_KINDS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("POOL_" #name, value, 2);
  BITLOOM_POOL_OPS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("SCALAR_" #name, value, 6);
  BITLOOM_SCALAR_OPS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("ROUND_" #name, value, 3);
  BITLOOM_ROUNDINGS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
  text += "\n  // Error codes and register byte offsets.\n";
#define BITLOOM_PRINT(name, value) text += parameter("ERR_" #name, value, 8);
  BITLOOM_ERRORS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
#define BITLOOM_PRINT(name, value) text += parameter("REG_" #name, value, 8);
  BITLOOM_REGISTERS(BITLOOM_PRINT)
#undef BITLOOM_PRINT
  text += "\n";
  text += parameter("COMMAND_BYTES", kCommandBytes, 0);
  text += parameter("COMMAND_WORDS", kCommandWords, 0);
  text += parameter("QUEUES", kQueues, 0);
  text += parameter("GROUP_MAX", kGroupMax, 0);
  text += parameter("TOKEN_COUNTERS", kTokenCounters, 0);
  text += parameter("TOKEN_MAX", kTokenMax, 0);
  text += parameter("TABLE_LEARNING_RATE", kTableLearningRate, 16);
  text += parameter("SHAPE_SLOTS", kShapeSlots, 0);
  text += parameter("WORD_TILES", kWordTiles, 0);
  text += parameter("REDUCE_WORDS", kReduceWords, 0);
  text += parameter("POOL_WORDS", kPoolWords, 0);
  return text;
}

std::string hardware_parameters(const Hardware& hw) {
  std::string text = fmt::format("\n  // Hardware {}.\n", hw.name);
  for (const HardwareParameter& each : structural_parameters(hw)) {
    text += parameter(each.name, static_cast<std::uint64_t>(each.value), 0);
  }
  // Random words of a group of lanes (N4), of 8 and of 16 bits; at least a block, which has 64.
  for (const int bits : {8, 16}) {
    const auto all = static_cast<std::uint64_t>(std::max(64, hw.lanes * bits));
    text += parameter(fmt::format("RANDOM{}_BITS", bits), all, 0);
  }
  return text + parameter("CONFIG_HASH", config_hash(hw), 32);
}

/// Writes a lookup function of 65 entries by a 7-bit index.
template <std::size_t kSize>
std::string table(const std::string& name, int width, const std::array<std::uint32_t, kSize>& values) {
  std::string text = fmt::format("  function automatic logic [{}:0] {}(input logic [6:0] index);\n    case (index)\n",
                                 width - 1, name);
  for (std::size_t i = 0; i + 1 < kSize; ++i) {
    text += fmt::format("      7'd{}: {} = {}'d{};\n", i, name, width, values[i]);
  }
  return text + fmt::format("      default: {} = {}'d{};  // index {}\n    endcase\n  endfunction\n", name, width,
                            values[kSize - 1], kSize - 1);
}

std::string numerics() {
  std::string text = "\n  // Constants of docs/numerics.md.\n";
  text += parameter("SCALE_ONE", word(kOne), 32);
  text += parameter("SCALE_LOG2E", word(kLog2E), 32);
  text += parameter("SCALE_TWO_TO_MINUS16", word(kTwoToMinus16), 32);
  text += parameter("EXP2_MAX_INPUT", kExp2MaxInput, 21);
  text += parameter("THREEFRY_PARITY", kThreefryParity, 32);
  text += parameter("THREEFRY_KEY_ROUNDS", kThreefryKeyRounds, 0);
  text += parameter("THREEFRY_WORD_ROUNDS", kThreefryWordRounds, 0);
  for (std::size_t i = 0; i < kThreefryRotations.size(); ++i) {
    text += parameter(fmt::format("THREEFRY_ROTATION{}", i), static_cast<std::uint64_t>(kThreefryRotations[i]), 0);
  }
  text += "\n  // N8.1: T[index] = round(2^18 * 2^(-index/64)), index 0..64.\n";
  text += table("exp2_table", 19, kExp2Table);
  text += "\n  // N8.2: U[index] = round(2^16 * log2(1 + index/64)), index 0..64.\n";
  text += table("log2_table", 17, kLog2Table);
  return text;
}

}  // namespace

std::string package_text(const Hardware& hardware) {
  return "// Generated by gen_package from kernels/command_set.hpp and a hardware file. Do not edit.\npackage "
         "bl_pkg;\n" +
         command_set() + hardware_parameters(hardware) + numerics() + "endpackage\n";
}

}  // namespace bitloom
