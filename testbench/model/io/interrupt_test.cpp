// Which signals the program takes: Ctrl-C and the request to end, and no other.
#include "model/io/interrupt.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace bitloom {
namespace {

/// Leaves ones where the next call has its variables, so that what it does not initialize shows.
[[gnu::noinline]] void fill_stack() {
  char bytes[8192];
  std::memset(bytes, 0xff, sizeof bytes);
  asm volatile("" : : "r"(bytes) : "memory");
}

/// Returns how many of the 31 standard signals a process blocks that has installed the handler; 100 more where one of
/// the two is missing.
int blocked() {
  fill_stack();
  install_handler();
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  int count = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1 ? 0 : 100;
  for (int signal = 1; signal < 32; ++signal) count += sigismember(&mask, signal) == 1 ? 1 : 0;
  return count;
}

TEST(Interrupt, TakesTwoSignals) {
  const pid_t child = fork();
  if (child == 0) _exit(blocked());
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 2);
}

}  // namespace
}  // namespace bitloom
