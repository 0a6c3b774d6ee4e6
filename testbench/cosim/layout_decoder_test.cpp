// The decoder on memories written out by hand.
#include "sim/cosim/layout_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/io/error.hpp"

namespace bitloom::cosim {
namespace {

using testing::ElementsAre;

TensorPlacement placement(int bits, Coding coding, int rows, int cols, std::uint32_t pitch, std::uint32_t bytes) {
  TensorPlacement tensor;
  tensor.name = "t";
  tensor.bits = bits;
  tensor.coding = coding;
  tensor.rows = rows;
  tensor.cols = cols;
  tensor.pitch = pitch;
  tensor.bytes = bytes;
  return tensor;
}

TEST(LayoutDecoder, FourBitRowsTakeTheLowNibbleFirst) {
  const std::vector<std::uint8_t> memory{0x21, 0x0F, 0x97, 0x0A};
  EXPECT_THAT(decode_tensor(placement(4, Coding::kSigned, 2, 3, 2, 4), memory), ElementsAre(1, 2, -1, 7, -7, -6));
  EXPECT_THAT(decode_tensor(placement(4, Coding::kUnsigned, 2, 3, 2, 4), memory), ElementsAre(1, 2, 15, 7, 9, 10));
}

TEST(LayoutDecoder, WiderElementsAreLittleEndianTwosComplement) {
  const std::vector<std::uint8_t> memory{0x81, 0x7F, 0xFE, 0xFF, 0xFF, 0xFF, 0x00, 0x01, 0x00, 0x00};
  EXPECT_THAT(decode_tensor(placement(8, Coding::kSigned, 1, 2, 2, 2), memory), ElementsAre(-127, 127));
  auto wide = placement(32, Coding::kSigned, 1, 2, 8, 8);
  wide.address = 2;
  EXPECT_THAT(decode_tensor(wide, memory), ElementsAre(-2, 256));
}

TEST(LayoutDecoder, BitsAreMasksOrSigns) {
  const std::vector<std::uint8_t> memory{0b00000101, 0b00000010};
  EXPECT_THAT(decode_tensor(placement(1, Coding::kUnsigned, 2, 3, 1, 2), memory), ElementsAre(1, 0, 1, 0, 1, 0));
  EXPECT_THAT(decode_tensor(placement(1, Coding::kSign, 2, 3, 1, 2), memory), ElementsAre(1, -1, 1, -1, 1, -1));
}

TEST(LayoutDecoder, RefusesToLeaveItsBytes) {
  const std::vector<std::uint8_t> memory(8, 0);
  EXPECT_THROW(decode_tensor(placement(8, Coding::kSigned, 2, 3, 4, 9), memory), Error);
  EXPECT_THROW(decode_tensor(placement(8, Coding::kSigned, 2, 3, 4, 6), memory), Error);
}

}  // namespace
}  // namespace bitloom::cosim
