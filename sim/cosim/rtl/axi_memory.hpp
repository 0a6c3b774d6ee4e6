// The DRAM at the machine's AXI port: timing by sim/memory.hpp, contents in a byte vector, and a check of the
// protocol rules that the machine must keep. Called once a cycle, before the clock edge, with the pins as the machine
// left them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/cosim/rtl/abi.hpp"
#include "sim/memory.hpp"

namespace bitloom {

/// Bursts and beats that a memory took, by direction.
struct AxiCounters {
  std::uint64_t read_bursts = 0, read_beats = 0, write_bursts = 0, write_beats = 0;
};

/// [begin, end) of byte addresses whose bursts get SLVERR.
struct AddressRange {
  std::uint64_t begin = 0, end = 0;
  bool contains(std::uint64_t address) const { return address >= begin && address < end; }
};

/// The DRAM behind the RTL's AXI port, with the beats of Memory.
class AxiMemory {
 public:
  /// Makes a memory of words of `axi_bytes` bytes. `max_burst` in beats and `max_outstanding` read bursts are limits
  /// that are checked.
  AxiMemory(int axi_bytes, int max_burst, int max_outstanding);

  /// Returns its content, from the address origin on.
  std::vector<std::uint8_t>& bytes() { return bytes_; }
  /// Sets the address of the first byte, 0 at first, a multiple of 4096.
  void set_origin(std::uint64_t origin) { origin_ = origin; }
  const AxiCounters& counters() const { return counters_; }
  bool idle() const { return reads_.empty() && bursts_.empty() && responses_.empty(); }

  void fail_reads(AddressRange range) { failing_reads_ = range; }
  void fail_writes(AddressRange range) { failing_writes_ = range; }
  /// Sets, for tests, the chance in percent of one more idle cycle before each address is accepted. 0 as docs/timing.md
  /// has it.
  void stall_addresses(int percent, std::uint64_t seed);

  /// Starts a program: edge 0 comes next.
  void start(const Memory& timing);
  /// Does what happens at clock edge `edge`. Throws Error naming the rule when the machine broke the protocol.
  void before_edge(std::uint64_t edge, RtlPins& pins);

 private:
  struct Beat {
    std::uint64_t edge, address;
    bool last, failing;
  };
  struct Burst {
    std::uint64_t address;
    int beats;
    bool failing;
  };
  struct Response {
    std::uint64_t edge;
    bool failing;
  };
  /// A first-in first-out buffer without allocation in the steady state.
  template <typename T>
  class Ring {
   public:
    Ring() : items_(64) {}
    bool empty() const { return head_ == tail_; }
    T& front() { return items_[head_ & (items_.size() - 1)]; }
    void pop() { ++head_; }
    void push(const T& item) {
      if (tail_ - head_ == items_.size()) grow();
      items_[tail_++ & (items_.size() - 1)] = item;
    }
    void clear() { head_ = tail_ = 0; }

   private:
    void grow() {
      std::vector<T> larger(items_.size() * 2);
      const std::size_t count = tail_ - head_;
      for (std::size_t i = 0; i < count; ++i) larger[i] = items_[(head_ + i) & (items_.size() - 1)];
      items_.swap(larger);
      head_ = 0;
      tail_ = count;
    }
    std::vector<T> items_;
    std::size_t head_ = 0, tail_ = 0;
  };

  void accept_read(std::uint64_t edge, const RtlPins& pins);
  void give_read(std::uint64_t edge, RtlPins& pins);
  void accept_write_address(const RtlPins& pins);
  void take_write(std::uint64_t edge, RtlPins& pins);
  void write_beat(std::uint64_t edge, const RtlPins& pins);
  void check_burst(const char* channel, std::uint64_t address, int beats, int size, int burst) const;
  void check_stable(const RtlPins& pins);
  bool address_ready();
  [[noreturn]] void broken(const std::string& what) const;

  int axi_bytes_, log_bytes_, max_burst_, max_outstanding_;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t origin_ = 0;
  Memory timing_;
  AxiCounters counters_;
  AddressRange failing_reads_, failing_writes_;
  std::uint64_t edge_ = 0;

  Ring<Beat> reads_;
  std::vector<std::uint64_t> edges_;  ///< of a burst's beats
  int outstanding_ = 0;
  Ring<Burst> bursts_;
  int burst_beat_ = 0;
  bool offered_ = false;           ///< a write beat waits
  std::uint64_t accept_edge_ = 0;  ///< when it is accepted
  RtlPins waiting_{};              ///< the pins as they were when a channel was first not accepted
  bool ar_waits_ = false, aw_waits_ = false;
  Ring<Response> responses_;
  std::uint64_t address_threshold_ = 0, address_random_ = 0;
};

}  // namespace bitloom
