// bl_array alone: every pair of bytes in every mode and pair of kinds against products written out here, and running
// sums that wrap at 32 bits. What the numbers mean stands in docs/commands.md.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "Vbl_array_tiny.h"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/gemm_kinds.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

constexpr int kRows = 4, kCols = 4;  // of tiny
using Bytes = std::array<int, 4>;
using Sums = std::array<std::int32_t, kCols>;

/// Returns what `bits` bits of a byte from bit `lsb` on stand for, summed bit by bit.
std::int64_t value_of(int byte, int lsb, int bits, Kind kind) {
  const auto bit = [&](int i) { return byte >> (lsb + i) & 1; };
  std::int64_t value = 0;
  if (kind == Kind::LOG) {
    static constexpr std::int64_t kMagnitudes[8] = {0, 1, 2, 4, 8, 16, 32, 64};
    value = kMagnitudes[bit(0) + 2 * bit(1) + 4 * bit(2)];
    return bit(3) != 0 ? -value : value;
  }
  for (int i = 0; i < bits; ++i) {
    const std::int64_t weight = std::int64_t{1} << i;
    value += bit(i) * (kind == Kind::SIGNED && i == bits - 1 ? -weight : weight);
  }
  return value;
}

std::int64_t specified(int a, int b, const GemmKinds& setting, bool present) {
  std::int64_t sum = 0;
  if (setting.mode == Mode::XNOR) {
    for (int i = 0; i < 8; ++i) sum += (a >> i & 1) == (b >> i & 1) ? 1 : -1;
    return present ? sum : 0;
  }
  const int bits = setting.mode == Mode::MAC8 ? 8 : 4;
  for (int lsb = 0; lsb < 8; lsb += bits) sum += value_of(a, lsb, bits, setting.a) * value_of(b, lsb, bits, setting.b);
  return sum;
}

class ArrayUnit {
 public:
  explicit ArrayUnit(const GemmKinds& setting) {
    unit_->mode_i = static_cast<std::uint8_t>(setting.mode);
    unit_->a_kind_i = static_cast<std::uint8_t>(setting.a);
    unit_->b_kind_i = static_cast<std::uint8_t>(setting.b);
    unit_->take_i = unit_->next_i = 0;
  }
  void multiply(const Bytes& a, const Bytes& b, unsigned present, bool first) {
    unit_->mac_i = 1;
    unit_->first_i = first ? 1 : 0;
    unit_->a_i = packed(a);
    unit_->b_i = packed(b);
    unit_->present_i = static_cast<std::uint8_t>(present);
    unit_.cycle();
    unit_->mac_i = 0;
  }
  /// Copies the sums and returns those of row 0; the operands that stand at the ports meanwhile are not multiplied.
  Sums first_row() {
    unit_->take_i = 1;
    unit_.cycle();
    unit_->take_i = 0;
    return row();
  }
  /// Returns the copied sums of the row after the last one.
  Sums next_row() {
    unit_->next_i = 1;
    unit_.cycle();
    unit_->next_i = 0;
    return row();
  }

 private:
  static std::uint32_t packed(const Bytes& bytes) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 4; ++i) word |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
    return word;
  }
  Sums row() {
    Sums sums{};
    for (std::size_t c = 0; c < kCols; ++c) sums[c] = static_cast<std::int32_t>(unit_->row_o[c]);
    return sums;
  }
  Unit<Vbl_array_tiny> unit_;
};

std::string name_of(const GemmKinds& setting) {
  return "mode " + std::to_string(static_cast<int>(setting.mode)) + " kinds " +
         std::to_string(static_cast<int>(setting.a)) + ", " + std::to_string(static_cast<int>(setting.b));
}

Bytes four_from(int first) { return {first, first + 1, first + 2, first + 3}; }

TEST(Array, EveryPairOfBytes) {
  for (const GemmKinds& setting : all_gemm_kinds()) {
    ArrayUnit unit(setting);
    for (int a = 0; a < 256; a += kRows) {
      for (int b = 0; b < 256; b += kCols) {
        const unsigned present = static_cast<unsigned>(a / 4 + b / 4) % 16;
        unit.multiply(four_from(a), four_from(b), present, true);
        for (int r = 0; r < kRows; ++r) {
          const Sums sums = r == 0 ? unit.first_row() : unit.next_row();
          for (int c = 0; c < kCols; ++c) {
            ASSERT_EQ(sums[static_cast<std::size_t>(c)], specified(a + r, b + c, setting, (present >> r & 1) != 0))
                << a + r << " x " << b + c << " " << name_of(setting);
          }
        }
      }
    }
  }
}

/// Sums of both signs, from the last products of a former sum on, and beyond 32 bits.
TEST(Array, SumsRun) {
  for (const GemmKinds& setting : all_gemm_kinds()) {
    ArrayUnit unit(setting);
    Sweep sweep(5);
    std::array<std::int64_t, kRows * kCols> expected{};
    for (int i = 0; i < 70000; ++i) {
      const bool first = i % 35000 == 0;
      Bytes a{}, b{};
      for (int& byte : a) byte = static_cast<int>(sweep.bits() % 256);
      for (int& byte : b) byte = static_cast<int>(sweep.bits() % 256);
      if (i >= 35000) {  // the largest products of unsigned codes: 35,000 of them exceed 2^31
        a.fill(255);
        b = {255, 128, 127, 1};
      }
      const auto present = static_cast<unsigned>(sweep.bits() % 16);
      unit.multiply(a, b, present, first);
      for (std::size_t at = 0; at < expected.size(); ++at) {
        const std::size_t r = at / kCols, c = at % kCols;
        expected[at] = (first ? 0 : expected[at]) + specified(a[r], b[c], setting, (present >> r & 1) != 0);
      }
      if (i % 1000 != 999) continue;
      for (std::size_t r = 0; r < kRows; ++r) {
        const Sums sums = r == 0 ? unit.first_row() : unit.next_row();
        for (std::size_t c = 0; c < kCols; ++c) {
          ASSERT_EQ(sums[c], static_cast<std::int32_t>(expected[r * kCols + c]))
              << "row " << r << " column " << c << " cycle " << i << " " << name_of(setting);
        }
      }
    }
  }
}

/// The copy stays while the next products are summed, whether a row is read in the cycle of a product or after it.
TEST(Array, TheCopyOutlivesNewSums) {
  const GemmKinds setting{Mode::MAC8, Kind::UNSIGNED, Kind::UNSIGNED};
  ArrayUnit unit(setting);
  const Bytes a{1, 2, 3, 4}, b{10, 20, 30, 40};
  unit.multiply(a, b, 15, true);
  Sums sums = unit.first_row();
  for (int r = 0;; sums = unit.next_row()) {
    for (std::size_t c = 0; c < kCols; ++c) ASSERT_EQ(sums[c], a[static_cast<std::size_t>(r)] * b[c]) << "row " << r;
    unit.multiply({255, 255, 255, 255}, {255, 255, 255, 255}, 15, r == 0);
    if (++r == kRows) break;
  }
  for (const std::int32_t sum : unit.first_row()) EXPECT_EQ(sum, kRows * 255 * 255);
}

}  // namespace
}  // namespace bitloom::testing
