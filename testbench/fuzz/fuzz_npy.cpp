// A .npy file is refused by an Error, or read to an array that is written as one that reads the same again.
#include <cstdlib>
#include <span>

#include "model/io/error.hpp"
#include "model/io/npy.hpp"
#include "testbench/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> content(reinterpret_cast<const std::byte*>(data), size);
  try {
    const bitloom::NpyArray array = bitloom::decode_npy(content, "fuzz.npy");
    const bitloom::NpyArray again = bitloom::decode_npy(bitloom::encode_npy(array), "again.npy");
    if (again.shape != array.shape || again.bytes != array.bytes || again.type != array.type) std::abort();
  } catch (const bitloom::Error&) {  // what a user is told
  }
  return 0;
}
