// Replays the addresses of a program's stores, with loops and shapes written here again, and counts what they touch.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using namespace testing_cases;

/// Iterations of a group at which a command of this EXEC_LEVEL runs.
template <class Visit>
void replay(const Command& first, const Command& command, const Visit& visit) {
  const int n[3] = {static_cast<int>(first.get(Field::N0)), static_cast<int>(first.get(Field::N1)),
                    static_cast<int>(first.get(Field::N2))};
  const auto level = command.get(Field::EXEC_LEVEL);
  for (int i0 = 0; i0 < n[0]; ++i0) {
    for (int i1 = 0; i1 < n[1]; ++i1) {
      for (int i2 = 0; i2 < n[2]; ++i2) {
        if ((level >= 1 && i2 != 0) || (level >= 2 && i1 != 0) || (level >= 3 && i0 != 0)) continue;
        const int index[3] = {i0, i1, i2};
        visit(index, n);
      }
    }
  }
}

/// How often each byte from BASE is stored.
class StoredBytes {
 public:
  explicit StoredBytes(const Program& program) : count_(program.program_address, 0) {
    std::size_t first = 0, left = 0;
    std::map<std::uint32_t, Command> shapes;
    for (std::size_t i = 0; i < program.commands.size(); ++i) {
      const Command& command = program.commands[i];
      if (left == 0) {
        first = i;
        left = command.get(Field::GROUP) + 1;
      }
      --left;
      if (command.opcode() == Opcode::STORE_SHAPE) shapes.insert_or_assign(command.get(Field::SLOT), command);
      if (command.opcode() != Opcode::STORE) continue;
      const Command* shape = command.get(Field::SHAPED) != 0 ? &shapes.at(command.get(Field::SHAPE)) : nullptr;
      replay(program.commands[first], command, [&](const int* index, const int* n) { add(command, shape, index, n); });
    }
  }
  const std::vector<int>& count() const { return count_; }

 private:
  void add(const Command& c, const Command* shape, const int* index, const int* n) {
    const auto extent = [&](Field full, Field last, Field dim) {
      const std::uint32_t d = c.get(dim);
      return std::int64_t{d != 3 && index[d] == n[d] - 1 ? c.get(last) : c.get(full)};
    };
    const std::uint32_t rows_dim = c.get(Field::ROWS_DIM), cols_dim = c.get(Field::COLS_DIM);
    const int widths[] = {1, 4, 8, 32, 16};
    const int bits = widths[c.get(Field::MEMORY_BITS)];
    const std::int64_t col0 =
        c.get(Field::COL_BASE) + (cols_dim == 3 ? 0 : std::int64_t{index[cols_dim]} * c.get(Field::COLS));
    const std::int64_t row0 = rows_dim == 3 ? 0 : std::int64_t{index[rows_dim]} * c.get(Field::ROWS);
    const std::int64_t cols = extent(Field::COLS, Field::COLS_LAST, Field::COLS_DIM);
    for (std::int64_t row = 0; row < extent(Field::ROWS, Field::ROWS_LAST, Field::ROWS_DIM); ++row) {
      std::int64_t address = c.get(Field::ADDR) + std::int64_t{index[0]} * c.get_signed(Field::STRIDE0) +
                             std::int64_t{index[1]} * c.get_signed(Field::STRIDE1) +
                             std::int64_t{index[2]} * c.get_signed(Field::STRIDE2);
      if (shape != nullptr) {
        const std::int64_t width = shape->get(Field::EXTENT_X), height = shape->get(Field::EXTENT_Y);
        const std::int64_t x = (row0 + row) % width, y = (row0 + row) / width % height,
                           m = (row0 + row) / (width * height);
        address +=
            m * shape->get(Field::IMAGE_PITCH) +
            (y * shape->get(Field::SCALE_Y) + shape->get_signed(Field::OFFSET_Y)) * shape->get(Field::LINE_PITCH) +
            (x * shape->get(Field::SCALE_X) + shape->get_signed(Field::OFFSET_X)) * shape->get(Field::PIXEL_PITCH);
      } else {
        address += row * c.get(Field::PITCH);
      }
      ASSERT_EQ(col0 * bits % 8, 0);
      for (std::int64_t byte = 0; byte < (cols * bits + 7) / 8; ++byte) {
        ++count_.at(static_cast<std::size_t>(address + col0 * bits / 8 + byte));
      }
    }
  }

  std::vector<int> count_;
};

struct Net {
  std::string network, recipe, hardware;
  int batch;
};

class Coverage : public testing::TestWithParam<Net> {};

/// Every byte of every tensor that the step makes is stored once, and no other byte.
TEST_P(Coverage, EveryElementIsStoredOnceAndNothingElse) {
  const Net& of = GetParam();
  const Program program =
      lower(named_network(of.network), named_recipe(of.recipe), named_hardware(of.hardware), with_batch(of.batch));
  std::vector<int> expected(program.program_address, 0);
  for (const TensorPlacement& tensor : program.tensors) {
    if (tensor.in_batch || tensor.name == "ones") continue;
    for (std::size_t byte = 0; byte < tensor.bytes; ++byte) expected[tensor.address + byte] = 1;  // aliases: the same
  }
  const std::vector<int> stored = StoredBytes(program).count();
  for (std::size_t byte = 0; byte < expected.size(); ++byte) {
    ASSERT_EQ(stored[byte], expected[byte]) << "byte " << byte;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Coverage,
                         testing::Values(Net{"mlp_odd", "int8", "tiny", 19}, Net{"mlp_odd", "int4", "odd", 19},
                                         Net{"mlp_odd", "int4_hindsight", "base", 19},
                                         Net{"mlp_odd", "int8_hindsight", "odd", 19},
                                         Net{"mlp_odd", "luq_smp2", "tiny", 5}, Net{"mlp_odd", "fqt1", "odd", 5},
                                         Net{"conv_ops", "int4", "odd", 3}, Net{"conv_ops", "fqt1", "base", 3},
                                         Net{"conv_byte", "fqt1", "odd", 3}, Net{"conv_byte", "luq_smp2", "tiny", 2},
                                         Net{"conv_small", "maqd", "tiny", 3}, Net{"conv_ops", "int8_raw16", "odd", 3},
                                         Net{"conv_ops", "fqt1_raw16", "tiny", 3}, Net{"conv_small", "lwq", "odd", 3},
                                         Net{"conv_small", "lwq_master24", "tiny", 3}, Net{"lenet_bn", "psq", "odd", 2},
                                         Net{"resnet8", "int8", "base", 1}),
                         [](const auto& each) {
                           return each.param.network + "_" + each.param.recipe + "_" + each.param.hardware;
                         });

}  // namespace
}  // namespace bitloom
