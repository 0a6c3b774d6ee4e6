// Included before everything else in a mutated build: is the mutant with this number switched on? BITLOOM_MUTANT names
// the one that is; BITLOOM_MUTANTS_REACHED names a file in which byte N becomes 1 when mutant N's place is executed.
#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

namespace bitloom_mutation {

inline constexpr int kMost = 1 << 16;
inline int active = -1;
inline unsigned char* reached = nullptr;
inline bool started = false;

// Before every other constructor, since static objects of the program may hold mutants too.
__attribute__((constructor(101))) static void start() {
  if (started) return;
  started = true;
  if (const char* number = getenv("BITLOOM_MUTANT")) active = atoi(number);
  const char* path = getenv("BITLOOM_MUTANTS_REACHED");
  if (path == nullptr) return;
  const int file = open(path, O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, kMost) != 0) abort();
  // Shared, so that what a killed process reached is kept.
  void* bytes = mmap(nullptr, kMost, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (bytes == MAP_FAILED) abort();
  reached = static_cast<unsigned char*>(bytes);
}

}  // namespace bitloom_mutation

static inline __attribute__((always_inline)) constexpr bool bitloom_mutant(int number) {
  if (__builtin_is_constant_evaluated()) return false;
  if (__builtin_expect(bitloom_mutation::reached != nullptr, 0)) bitloom_mutation::reached[number] = 1;
  return bitloom_mutation::active == number;
}

/// Says the same to SystemVerilog, which imports it.
extern "C" inline __attribute__((used, weak)) unsigned char bitloom_mutant_rtl(int number) {
  return bitloom_mutant(number) ? 1 : 0;
}
