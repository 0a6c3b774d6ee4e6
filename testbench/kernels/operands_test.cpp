// The table of operands in docs/commands.md against kernels/operands.hpp: each mode with every set of the flags in
// brackets.
#include "kernels/operands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

namespace bitloom {
namespace {

using Words = std::vector<std::string>;

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

Words split(const std::string& text, char at) {
  Words words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, at);) {
    if (!trimmed(word).empty()) words.push_back(trimmed(word));
  }
  return words;
}

/// One row: the command with the words of its mode, and what stands in its columns.
struct Row {
  Opcode opcode;
  Words mode;
  std::array<Words, 4> columns;  ///< inputs, coefficients, outputs, scalars
  int statistics;
};

template <typename T>
std::map<std::string, T> named(std::initializer_list<std::pair<const char*, T>> list) {
  return {list.begin(), list.end()};
}

#define BITLOOM_NAMED(name, value) {#name, Opcode::name},
const std::map<std::string, Opcode> kOpcodes = named<Opcode>({BITLOOM_OPCODES(BITLOOM_NAMED)});
#undef BITLOOM_NAMED
#define BITLOOM_NAMED(name, bit) {#name, Flag::name},
const std::map<std::string, Flag> kFlags = named<Flag>({BITLOOM_FLAGS(BITLOOM_NAMED)});
#undef BITLOOM_NAMED

std::vector<Row> rows_of_the_document() {
  const char* root = std::getenv("BITLOOM_SOURCE_DIR");
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/docs/commands.md");
  std::vector<Row> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| command and mode |")) {
      inside = true;
      std::getline(file, line);  // the rule below the head
      continue;
    }
    if (!inside || !line.starts_with("|")) {
      inside = false;
      continue;
    }
    Words cells;
    std::istringstream stream(line.substr(1));
    for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(trimmed(cell));
    const Words name = split(cells.at(0), ',');
    rows.push_back(
        {kOpcodes.at(name.at(0)), name.size() > 1 ? split(name[1], ' ') : Words{}, {}, std::stoi(cells.at(5))});
    for (std::size_t i = 0; i < 4; ++i) rows.back().columns[i] = split(cells.at(i + 1), ',');
  }
  return rows;
}

/// Says whether a thing like "mask [MASK_IN]" or "RATIO [not A_VECTOR]" is there; `name` becomes what stands before.
bool is_there(const std::string& text, std::uint32_t flags, std::string& name) {
  const std::size_t bracket = text.find(" [");
  name = text.substr(0, bracket);
  if (bracket == std::string::npos) return true;
  std::string flag = text.substr(bracket + 2, text.size() - bracket - 3);
  const bool without = flag.starts_with("not ");
  if (without) flag = flag.substr(4);
  return ((flags >> static_cast<int>(kFlags.at(flag)) & 1u) != 0) != without;
}

Words expected(const Words& column, std::uint32_t flags) {
  Words words;
  std::string name;
  for (const std::string& text : column) {
    if (is_there(text, flags, name)) words.push_back(name);
  }
  return words;
}

Words got(const Parts& parts) {
  Words words;
  for (const Part part : parts) words.emplace_back(part_name(part));
  return words;
}

Words got(const Few<TableRead>& table) {
  Words words;
  for (const TableRead& read : table) {
    words.emplace_back(field_info(read.field).name);
    for (int i = 1; i < read.count; ++i) words.push_back(fmt::format("{} + {}", field_info(read.field).name, i));
  }
  return words;
}

OperandChoice choice_of(const Row& row, std::uint32_t& fixed) {
  OperandChoice choice{row.opcode};
  for (const std::string& word : row.mode) {
    if (kFlags.contains(word) && row.opcode != Opcode::TILE) fixed |= 1u << static_cast<int>(kFlags.at(word));
    if (word == "GROUP") choice.quantizer = QuantizerKind::GROUP;
    if (word == "RANGE") choice.reduce = ReduceKind::RANGE;
    if (word == "CROSS") choice.reduce = ReduceKind::CROSS;
    if (word == "CROSS" || word == "SUMS") choice.sums = true;
    if (word == "SUM") choice.pool = PoolOp::SUM;
    if (word == "MAX_BACKWARD") choice.pool = PoolOp::MAX_BACKWARD;
  }
  return choice;
}

std::vector<Flag> flags_in_brackets(const Row& row) {
  std::vector<Flag> flags;
  for (const auto& [name, flag] : kFlags) {
    for (const Words& column : row.columns) {
      for (const std::string& text : column) {
        const bool names_it =
            text.find("[" + name + "]") != std::string::npos || text.find("[not " + name + "]") != std::string::npos;
        if (names_it && std::find(flags.begin(), flags.end(), flag) == flags.end()) flags.push_back(flag);
      }
    }
  }
  return flags;
}

TEST(Operands, AreThoseOfTheDocument) {
  const std::vector<Row> rows = rows_of_the_document();
  ASSERT_EQ(rows.size(), 22u);
  for (const Row& row : rows) {
    std::uint32_t fixed = 0;
    OperandChoice choice = choice_of(row, fixed);
    const std::vector<Flag> free = flags_in_brackets(row);
    for (std::uint32_t set = 0; set < 1u << free.size(); ++set) {
      choice.flags = fixed;
      for (std::size_t i = 0; i < free.size(); ++i) {
        if ((set >> i & 1u) != 0) choice.flags |= 1u << static_cast<int>(free[i]);
      }
      const Operands of = operands(choice);
      SCOPED_TRACE(fmt::format("{} {} flags {:#x}", opcode_name(row.opcode), fmt::join(row.mode, " "), choice.flags));
      Words inputs = got(of.inputs);
      for (const std::string& late : got(of.last_inputs)) inputs.push_back(late);
      EXPECT_EQ(inputs, expected(row.columns[0], choice.flags));
      const bool pool = row.opcode == Opcode::POOL;  // reads its mask, and writes, with the last tap
      EXPECT_EQ(of.last_inputs.at(Part::mask) >= 0, pool && choice.flag(Flag::MASK_IN));
      EXPECT_EQ(of.at_end, pool || row.opcode == Opcode::REDUCE);
      EXPECT_EQ(got(of.coefficients), expected(row.columns[1], choice.flags));
      EXPECT_EQ(got(of.outputs), expected(row.columns[2], choice.flags));
      Words scalars = expected(row.columns[3], choice.flags);
      if (row.opcode == Opcode::AFFINE && choice.flag(Flag::V_IN) && !choice.flag(Flag::B_VECTOR)) {
        scalars.insert(std::find(scalars.begin(), scalars.end(), "ADDEND"), "LIMIT");  // by two flags
      }
      EXPECT_EQ(got(of.table), scalars);
      EXPECT_EQ(of.statistics, row.statistics);
    }
  }
}

/// N4: which commands draw, of how many keys and bits.
TEST(Operands, DrawRandomWords) {
  const auto draws = [](const OperandChoice& choice) {
    const Draws of = operands(choice).draws;
    return std::pair(of.keys, of.bits);
  };
  const std::uint32_t codes = 1u << static_cast<int>(Flag::CODES_OUT), half_up = 1u << static_cast<int>(Flag::HALF_UP);
  const std::pair none(0, 0);
  OperandChoice tile{Opcode::TILE, codes, QuantizerKind::UNIFORM, RoundingMode::STOCHASTIC};
  EXPECT_EQ(draws(tile), std::pair(1, 8));
  tile.rounding = RoundingMode::HALF_UP;
  EXPECT_EQ(draws(tile), none);
  tile.quantizer = QuantizerKind::GROUP;  // always
  EXPECT_EQ(draws(tile), std::pair(1, 8));
  tile.quantizer = QuantizerKind::SIGN;
  tile.rounding = RoundingMode::STOCHASTIC;
  EXPECT_EQ(draws(tile), none);
  EXPECT_EQ(draws({Opcode::TILE, 0, QuantizerKind::UNIFORM, RoundingMode::STOCHASTIC}), none);  // no codes
  EXPECT_EQ(draws({Opcode::UPDATE}), std::pair(2, 16));
  EXPECT_EQ(draws({Opcode::UPDATE, half_up}), none);
  EXPECT_EQ(draws({Opcode::ADAM}), none);
  EXPECT_EQ(draws({Opcode::ADAM, codes}), std::pair(1, 16));
  EXPECT_EQ(draws({Opcode::ADAM, codes | half_up}), none);
}

}  // namespace
}  // namespace bitloom
