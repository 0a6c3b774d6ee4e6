#include "testbench/program/idx_files.hpp"

#include <random>

#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

constexpr int kSide = 28;
constexpr int kPixels = kSide * kSide;
constexpr int kClasses = 10;

}  // namespace

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>((value >> shift) & 255U);
  }
  return bytes;
}

std::string idx_images(int count) {
  std::string bytes =
      big_endian(0x803) + big_endian(static_cast<std::uint32_t>(count)) + big_endian(kSide) + big_endian(kSide);
  std::mt19937 random(1);
  for (int image = 0; image < count; ++image) {
    for (int pixel = 0; pixel < kPixels; ++pixel) {
      const bool lit = pixel * kClasses / kPixels == image % kClasses;
      bytes += static_cast<char>((lit ? 128U : 0U) + random() % 100U);
    }
  }
  return bytes;
}

std::string idx_labels(int count) {
  std::string bytes = big_endian(0x801) + big_endian(static_cast<std::uint32_t>(count));
  for (int image = 0; image < count; ++image) {
    bytes += static_cast<char>(image % kClasses);
  }
  return bytes;
}

void write_idx_folder(const std::string& folder, int train_count, int test_count) {
  write_text(folder + "/train-images-idx3-ubyte", idx_images(train_count));
  write_text(folder + "/train-labels-idx1-ubyte", idx_labels(train_count));
  write_text(folder + "/t10k-images-idx3-ubyte", idx_images(test_count));
  write_text(folder + "/t10k-labels-idx1-ubyte", idx_labels(test_count));
}

}  // namespace bitloom::testing
