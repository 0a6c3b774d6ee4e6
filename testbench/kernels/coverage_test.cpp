// Replays the addresses of a program's commands, with loops written here again, and counts what they touch.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using testing_cases::all_cases;
using testing_cases::Case;
using testing_cases::odd_program;

/// One execution of a LOAD or STORE: rows of bytes.
struct Access {
  std::size_t command;
  std::uint32_t address;
  std::uint32_t pitch;
  int rows;
  int cols;
  int i0, i1, i2;
};

std::vector<Access> replay(const Program& program, std::size_t command, std::size_t first_of_group) {
  const Command& c = program.commands[command];
  const Command& first = program.commands[first_of_group];
  const int n[3] = {static_cast<int>(first.get(Field::N0)), static_cast<int>(first.get(Field::N1)),
                    static_cast<int>(first.get(Field::N2))};
  const auto level = c.get(Field::EXEC_LEVEL);
  std::vector<Access> accesses;
  for (int i0 = 0; i0 < n[0]; ++i0) {
    for (int i1 = 0; i1 < n[1]; ++i1) {
      for (int i2 = 0; i2 < n[2]; ++i2) {
        if ((level >= 1 && i2 != 0) || (level >= 2 && i1 != 0) || (level >= 3 && i0 != 0)) continue;
        const int index[3] = {i0, i1, i2};
        const auto extent = [&](Field full, Field last, Field dim) {
          const std::uint32_t d = c.get(dim);
          return static_cast<int>(d != 3 && index[d] == n[d] - 1 ? c.get(last) : c.get(full));
        };
        const std::int64_t address =
            std::int64_t{c.get(Field::ADDR)} + std::int64_t{i0} * c.get_signed(Field::STRIDE0) +
            std::int64_t{i1} * c.get_signed(Field::STRIDE1) + std::int64_t{i2} * c.get_signed(Field::STRIDE2);
        accesses.push_back({command, static_cast<std::uint32_t>(address), c.get(Field::PITCH),
                            extent(Field::ROWS, Field::ROWS_LAST, Field::ROWS_DIM),
                            extent(Field::COLS, Field::COLS_LAST, Field::COLS_DIM), i0, i1, i2});
      }
    }
  }
  return accesses;
}

template <class Visit>
void for_each_command(const Program& program, Opcode opcode, Visit visit) {
  std::size_t first = 0;
  std::size_t left = 0;
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    if (left == 0) {
      first = i;
      left = program.commands[i].get(Field::GROUP) + 1;
    }
    --left;
    if (program.commands[i].opcode() == opcode) visit(i, first);
  }
}

/// How often each byte from BASE is stored.
std::vector<int> stored_bytes(const Program& program) {
  std::vector<int> count(program.program_address, 0);
  for_each_command(program, Opcode::STORE, [&](std::size_t command, std::size_t first) {
    for (const Access& access : replay(program, command, first)) {
      for (int row = 0; row < access.rows; ++row) {
        for (int col = 0; col < access.cols; ++col) {
          ++count.at(access.address + static_cast<std::size_t>(row) * access.pitch + static_cast<std::size_t>(col));
        }
      }
    }
  });
  return count;
}

/// Bytes of a tensor that hold elements (a mask's tiles hold padding rows too, which its commands write).
std::set<std::size_t> bytes_of(const TensorPlacement& tensor) {
  std::set<std::size_t> bytes;
  if (tensor.packing == Packing::kMask) {
    for (std::size_t i = 0; i < tensor.bytes; ++i) bytes.insert(tensor.address + i);
    return bytes;
  }
  const bool columns = tensor.packing == Packing::kColumns;
  const std::size_t outer = static_cast<std::size_t>(columns ? tensor.cols : tensor.rows);
  const std::size_t inner = static_cast<std::size_t>(columns ? tensor.rows : tensor.cols);
  const std::size_t row_bytes = (inner * static_cast<std::size_t>(tensor.bits) + 7) / 8;
  for (std::size_t row = 0; row < outer; ++row) {
    for (std::size_t i = 0; i < row_bytes; ++i) bytes.insert(tensor.address + row * tensor.pitch + i);
  }
  return bytes;
}

class Coverage : public testing::TestWithParam<Case> {};

TEST_P(Coverage, EveryElementIsStoredOnceAndNothingElse) {
  const Program program = odd_program(GetParam());
  std::vector<int> expected(program.program_address, 0);
  for (const TensorPlacement& tensor : program.tensors) {
    if (tensor.in_batch || tensor.packing == Packing::kTable) continue;
    for (const std::size_t byte : bytes_of(tensor)) ++expected[byte];
  }
  for (int i = 0; i < 4 * program.table_entries; ++i) ++expected[program.table_address + static_cast<std::size_t>(i)];
  const std::vector<int> stored = stored_bytes(program);
  for (std::size_t byte = 0; byte < expected.size(); ++byte) {
    ASSERT_EQ(stored[byte], expected[byte]) << "byte " << byte;
  }
}

/// For each GEMM: operand rows and segments of the loads tile its two operands exactly.
TEST_P(Coverage, EveryGemmReadsItsWholeOperands) {
  const Program program = odd_program(GetParam());
  int gemms = 0;
  for_each_command(program, Opcode::LOAD, [&](std::size_t command, std::size_t first) {
    const Command& load = program.commands[command];
    if (load.get(Field::TARGET) == 2) return;
    const bool is_a = load.get(Field::TARGET) == 0;
    const TensorPlacement* operand = nullptr;
    for (const TensorPlacement& tensor : program.tensors) {
      const bool same_region = tensor.in_batch == (load.get(Field::BATCH_BASE) != 0);
      if (same_region && tensor.address == load.get(Field::ADDR)) operand = &tensor;
    }
    ASSERT_NE(operand, nullptr);
    std::map<std::size_t, std::set<int>> visits;  // byte → outer tiles that read it
    for (const Access& access : replay(program, command, first)) {
      const int outer = is_a ? access.i0 : access.i1;
      for (int row = 0; row < access.rows; ++row) {
        for (int col = 0; col < access.cols; ++col) {
          const std::size_t byte =
              access.address + static_cast<std::size_t>(row) * access.pitch + static_cast<std::size_t>(col);
          ASSERT_TRUE(visits[byte].insert(outer).second) << "byte read twice for one tile";
        }
      }
    }
    std::set<std::size_t> whole = bytes_of(*operand);
    if (operand->ones_row && is_a && operand->packing == Packing::kColumns) {
      const std::size_t row = static_cast<std::size_t>(operand->cols) * operand->pitch;
      const std::size_t row_bytes = (static_cast<std::size_t>(operand->rows * operand->bits) + 7) / 8;
      for (std::size_t i = 0; i < row_bytes; ++i) whole.insert(operand->address + row + i);
    }
    std::set<std::size_t> read;
    for (const auto& visit : visits) read.insert(visit.first);
    EXPECT_EQ(read, whole) << "command " << command << " reads " << operand->name;
    ++gemms;
  });
  EXPECT_EQ(gemms, 2 * 8);  // three forward, two activation gradients, three weight gradients, two operands each
}

/// A GEMM's segments add up to its operands' rows, and the first of each tile starts the sum.
TEST_P(Coverage, SegmentsOfGemmsAddUpToTheirReductions) {
  const Program program = odd_program(GetParam());
  const std::map<std::string, std::map<int, int>> terms{
      {"forward", {{0, 61}, {1, 37}, {2, 23}}}, {"dgrad", {{1, 23}, {2, 10}}}, {"wgrad", {{0, 19}, {1, 19}, {2, 19}}}};
  for_each_command(program, Opcode::GEMM, [&](std::size_t command, std::size_t) {
    const Command& gemm = program.commands[command];
    const int segments = static_cast<int>(gemm.get(Field::N2));
    const auto bytes =
        (segments - 1) * static_cast<int>(gemm.get(Field::COLS)) + static_cast<int>(gemm.get(Field::COLS_LAST));
    const int per_byte = gemm.get(Field::BITS4) != 0 ? 2 : 1;
    const int expected = terms.at(program.info[command].phase).at(program.info[command].layer);
    EXPECT_EQ(bytes, (expected + per_byte - 1) / per_byte);
    EXPECT_EQ(gemm.get(Field::BITS4) != 0, GetParam().recipe.starts_with("int4"));
  });
}

TEST_P(Coverage, OperandLoadsNeverLeaveTheirLanes) {
  const Program program = odd_program(GetParam());
  for_each_command(program, Opcode::LOAD, [&](std::size_t command, std::size_t first) {
    const std::uint32_t target = program.commands[command].get(Field::TARGET);
    for (const Access& access : replay(program, command, first)) {
      EXPECT_EQ(access.address % static_cast<unsigned>(program.hardware.axi_bytes), 0u);
      const int lanes = target == 0 ? program.hardware.rows : program.hardware.cols;
      EXPECT_TRUE(target == 2 || access.rows <= lanes);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, Coverage, testing::ValuesIn(all_cases()),
                         [](const auto& each) { return each.param.hardware + "_" + each.param.recipe; });

}  // namespace
}  // namespace bitloom
