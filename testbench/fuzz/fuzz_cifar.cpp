// A file of CIFAR-10's binary version, plain or gzip.
#include "model/data/cifar.hpp"
#include "model/io/error.hpp"
#include "testbench/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bitloom::fuzz::MemoryFile file(data, size);
  try {
    bitloom::read_cifar({file.path()});
  } catch (const bitloom::Error&) {  // what a user is told
  }
  return 0;
}
