#include "sim/program/memory_file.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "model/io/error.hpp"
#include "model/io/input_file.hpp"
#include "model/io/output_file.hpp"

namespace bitloom::program {

MemoryFile::MemoryFile(const std::string& bytes) : descriptor_(memfd_create("bitloom", MFD_CLOEXEC)) {
  if (descriptor_ < 0) throw Error(fmt::format("cannot make a file in memory: {}", std::strerror(errno)));
  if (!bytes.empty()) {
    write_file(path(), bytes);
  }
}

MemoryFile::~MemoryFile() { close(descriptor_); }

std::string MemoryFile::path() const { return fmt::format("/dev/fd/{}", descriptor_); }

std::string MemoryFile::bytes() const { return read_input(path(), kLargestState); }

}  // namespace bitloom::program
