#include "model/io/interrupt.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

namespace bitloom {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kInterruptedExitCode = 130;
// timeout(1) and some terminals deliver one request twice: to the process and to its group.
constexpr std::chrono::milliseconds kSameRequest{500};

std::atomic<bool> flag{false};

[[noreturn]] void watch(sigset_t signals) {
  Clock::time_point first;
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) {
      continue;
    }
    if (!flag.exchange(true)) {
      first = Clock::now();
    } else if (Clock::now() - first > kSameRequest) {
      _exit(kInterruptedExitCode);
    }
  }
}

}  // namespace

// A thread waits for the signals, and all others block them. A handler would run on the stack of whatever thread it
// meets, and generated GEMM kernels keep data beyond that stack's end: measured, one Ctrl-C in twenty then corrupted
// the heap.
void install_handler() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(watch, signals).detach();
}

bool interrupted() { return flag.load(std::memory_order_relaxed); }

void set_interrupted(bool value) { flag.store(value); }

}  // namespace bitloom
