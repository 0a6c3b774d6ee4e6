// Images and labels in the IDX format; the first two bytes say how many of the others are the images' file.
#include <algorithm>

#include "model/data/idx.hpp"
#include "model/io/error.hpp"
#include "testbench/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t images = std::min<std::size_t>(std::size_t{data[0]} * 256 + data[1], size - 2);
  const bitloom::fuzz::MemoryFile image_file(data + 2, images);
  const bitloom::fuzz::MemoryFile label_file(data + 2 + images, size - 2 - images);
  try {
    bitloom::read_idx(image_file.path(), label_file.path());
  } catch (const bitloom::Error&) {  // what a user is told
  }
  return 0;
}
