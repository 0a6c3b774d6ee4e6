// The DRAM timing class: one definition, used by the SystemC model and by the Verilator harness, so that their cycles
// can be compared. Reads and writes are independent channels of one beat a cycle with a fixed latency and, on request,
// random stalls. Stalls are a hash of (seed, channel, beat number), never of time, so both sides see the same pattern.
// Not modelled: banks, rows, refresh, turn-around.
#pragma once
#include <algorithm>
#include <cstdint>

namespace bitloom {

/// The two channels, which never wait for each other.
enum class DramChannel : uint32_t { kRead = 1, kWrite = 2 };

/// When the beats of both channels come, in cycles.
class DramTiming {
 public:
  /// Makes channels with these latencies in cycles; stall_percent in 0..99: before each beat, the chance of one more
  /// idle cycle, again and again.
  DramTiming(int read_latency, int write_latency, int stall_percent, uint64_t seed)
      : read_latency_(read_latency),
        write_latency_(write_latency),
        threshold_(stall_percent * 256 / 100),
        seed_(seed) {}

  /// Returns the idle cycles before beat number `beat` (counted from the start of the program) of a channel.
  int stall(DramChannel channel, uint64_t beat) const {
    int idle = 0;
    while (threshold_ > 0 && idle < 64 && (hash(channel, beat, idle) & 255) < threshold_) ++idle;
    return idle;
  }

  /// Returns the cycle at which the next read beat is transferred. `address_cycle`: when its burst's address was
  /// accepted.
  uint64_t read_beat(uint64_t address_cycle) {
    read_last_ = std::max(address_cycle + read_latency_, read_last_ + 1) + stall(DramChannel::kRead, read_beats_++);
    return read_last_;
  }

  /// Returns the cycle at which a write beat that is offered from `offer_cycle` on is accepted.
  uint64_t write_beat(uint64_t offer_cycle) {
    write_last_ = std::max(offer_cycle, write_last_ + 1) + stall(DramChannel::kWrite, write_beats_++);
    return write_last_;
  }

  /// Returns the cycle of the response to a burst whose last beat was accepted at `last_beat_cycle`.
  uint64_t write_response(uint64_t last_beat_cycle) const { return last_beat_cycle + write_latency_; }

  bool stalls() const { return threshold_ > 0; }
  std::uint64_t read_latency() const { return static_cast<std::uint64_t>(read_latency_); }

 private:
  uint64_t hash(DramChannel channel, uint64_t beat, int idle) const {  // splitmix64's finalizer
    uint64_t x = seed_ + (beat << 8 | uint64_t(idle) << 2 | uint64_t(channel)) * 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
  }

  int read_latency_, write_latency_;
  uint64_t threshold_, seed_;
  uint64_t read_last_ = 0, write_last_ = 0, read_beats_ = 0, write_beats_ = 0;
};

}  // namespace bitloom
