#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "testbench/fuzz/fuzz.hpp"

namespace bitloom::fuzz {

MemoryFile::MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(memfd_create("fuzz", 0)) {
  if (descriptor_ < 0 || write(descriptor_, data, size) != static_cast<ssize_t>(size)) std::abort();
}

MemoryFile::~MemoryFile() { close(descriptor_); }

}  // namespace bitloom::fuzz
