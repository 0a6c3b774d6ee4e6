#include "model/interrupt.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace bitloom {
namespace {

constexpr int kInterruptedExitCode = 130;

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch only lock-free atomics");

extern "C" void on_signal(int /*signal*/) {
  if (flag.exchange(true)) {
    _exit(kInterruptedExitCode);
  }
}

}  // namespace

void install_handler() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;  // a read or write in progress completes; loops see the flag
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return flag.load(std::memory_order_relaxed); }

void set_interrupted(bool value) { flag.store(value); }

}  // namespace bitloom
