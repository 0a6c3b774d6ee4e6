#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace bitloom::test {

/// A copy of codes that ends where a page begins which nothing may touch: who reads behind the codes is stopped by a
/// segmentation fault, in any build.
class Guarded {
 public:
  explicit Guarded(const std::vector<std::int8_t>& codes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t room = (codes.size() + page - 1) / page * page;
    bytes_ = room + page;
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
    pages_ = static_cast<char*>(memory);
    if (mprotect(pages_ + room, page, PROT_NONE) != 0) throw std::runtime_error("mprotect failed");
    codes_ = reinterpret_cast<std::int8_t*>(pages_ + room - codes.size());
    std::memcpy(codes_, codes.data(), codes.size());
  }
  ~Guarded() { munmap(pages_, bytes_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  const std::int8_t* data() const { return codes_; }

 private:
  std::size_t bytes_ = 0;
  char* pages_ = nullptr;
  std::int8_t* codes_ = nullptr;
};

}  // namespace bitloom::test
