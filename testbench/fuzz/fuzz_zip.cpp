// A checkpoint is refused by an Error, or read; so is every zip archive by itself, whatever lies in it.
#include <span>

#include "model/io/checkpoint.hpp"
#include "model/io/error.hpp"
#include "model/io/zip.hpp"
#include "testbench/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    bitloom::decode_zip({reinterpret_cast<const std::byte*>(data), size}, "fuzz.zip");
    const bitloom::fuzz::MemoryFile file(data, size);
    bitloom::read_checkpoint(file.path());
  } catch (const bitloom::Error&) {  // what a user is told
  }
  return 0;
}
