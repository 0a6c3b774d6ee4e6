// The decoder on memories written out by hand.
#include "testbench/cosim/layout_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/error.hpp"

namespace bitloom::cosim {
namespace {

using testing::ElementsAre;

Hardware hardware_with_lanes(int lanes) {
  Hardware hardware;
  hardware.axi_bytes = 4 * lanes;
  return hardware;
}

TensorPlacement placement(Packing packing, int bits, int rows, int cols, std::uint32_t pitch, std::uint32_t bytes) {
  TensorPlacement tensor;
  tensor.name = "t";
  tensor.packing = packing;
  tensor.bits = bits;
  tensor.rows = rows;
  tensor.cols = cols;
  tensor.pitch = pitch;
  tensor.bytes = bytes;
  return tensor;
}

TEST(LayoutDecoder, Int4RowsTakeTheLowNibbleFirst) {
  const std::vector<std::uint8_t> memory{0x21, 0x0F, 0xEE, 0xEE, 0x97, 0x0A, 0xEE, 0xEE};
  const auto tensor = placement(Packing::kRows, 4, 2, 3, 4, 8);
  EXPECT_THAT(decode_tensor(tensor, memory, hardware_with_lanes(2)), ElementsAre(1, 2, -1, 7, -7, -6));
}

TEST(LayoutDecoder, Int4ColumnsAreTransposed) {
  const std::vector<std::uint8_t> memory{0x21, 0xEE, 0x97, 0xEE};  // column 0: 1, 2; column 1: 7, -7
  const auto tensor = placement(Packing::kColumns, 4, 2, 2, 2, 4);
  EXPECT_THAT(decode_tensor(tensor, memory, hardware_with_lanes(2)), ElementsAre(1, 7, 2, -7));
}

TEST(LayoutDecoder, Int8AndInt32AreLittleEndianTwosComplement) {
  const std::vector<std::uint8_t> memory{0x81, 0x7F, 0xFE, 0xFF, 0xFF, 0xFF, 0x00, 0x01, 0x00, 0x00};
  EXPECT_THAT(decode_tensor(placement(Packing::kRows, 8, 1, 2, 8, 2), memory, hardware_with_lanes(2)),
              ElementsAre(-127, 127));
  auto wide = placement(Packing::kInt32, 32, 1, 2, 8, 8);
  wide.address = 2;
  EXPECT_THAT(decode_tensor(wide, memory, hardware_with_lanes(2)), ElementsAre(-2, 256));
}

TEST(LayoutDecoder, MaskTilesGoDownTheRowsFirst) {
  // 3 × 5 elements in tiles of 2 × 4, two lanes: two bytes a row of a tile, four bytes a tile, pitch 8.
  auto mask = placement(Packing::kMask, 1, 3, 5, 8, 32);
  mask.tile_rows = 2;
  mask.tile_cols = 4;
  std::vector<std::uint8_t> memory(32, 0);
  memory[0] = 0b01;   // tile (0,0), row 0: column 0
  memory[3] = 0b10;   // row 1: column 3
  memory[8] = 0b10;   // tile (1,0), row 2: column 1
  memory[18] = 0b01;  // tile (0,1), row 1: column 4
  EXPECT_THAT(decode_tensor(mask, memory, hardware_with_lanes(2)),
              ElementsAre(1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0));
}

TEST(LayoutDecoder, RefusesToLeaveItsBytes) {
  const std::vector<std::uint8_t> memory(8, 0);
  EXPECT_THROW(decode_tensor(placement(Packing::kRows, 8, 2, 3, 4, 9), memory, hardware_with_lanes(2)), Error);
  EXPECT_THROW(decode_tensor(placement(Packing::kRows, 8, 2, 3, 4, 6), memory, hardware_with_lanes(2)), Error);
}

}  // namespace
}  // namespace bitloom::cosim
