#include "sim/cosim/rtl/axi_memory.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "model/io/error.hpp"

namespace bitloom {

AxiMemory::AxiMemory(int axi_bytes, int max_burst, int max_outstanding)
    : axi_bytes_(axi_bytes),
      log_bytes_(std::countr_zero(static_cast<unsigned>(axi_bytes))),
      max_burst_(max_burst),
      max_outstanding_(max_outstanding),
      timing_(DramTiming(1, 1, 0, 0)) {}

void AxiMemory::stall_addresses(int percent, std::uint64_t seed) {
  address_threshold_ = static_cast<std::uint64_t>(percent) * 256 / 100;
  address_random_ = seed * 2 + 1;
}

void AxiMemory::start(const Memory& timing) {
  timing_ = timing;
  counters_ = {};
  reads_.clear();
  bursts_.clear();
  responses_.clear();
  outstanding_ = burst_beat_ = 0;
  offered_ = ar_waits_ = aw_waits_ = false;
}

void AxiMemory::broken(const std::string& what) const {
  throw Error(fmt::format("AXI protocol broken at cycle {}: {}", edge_, what));
}

bool AxiMemory::address_ready() {
  if (address_threshold_ == 0) return true;
  address_random_ = address_random_ * 6364136223846793005u + 1442695040888963407u;
  return (address_random_ >> 56) >= address_threshold_;
}

void AxiMemory::before_edge(std::uint64_t edge, RtlPins& pins) {
  edge_ = edge;
  check_stable(pins);
  give_read(edge, pins);
  pins.m_arready = pins.m_awready = 1;
  if (pins.m_arvalid != 0) {
    pins.m_arready = address_ready();
    ar_waits_ = pins.m_arready == 0;
    if (ar_waits_) {
      waiting_.m_araddr = pins.m_araddr;
      waiting_.m_arlen = pins.m_arlen;
    } else {
      accept_read(edge, pins);
    }
  }
  if (pins.m_awvalid != 0) {
    pins.m_awready = address_ready();
    aw_waits_ = pins.m_awready == 0;
    if (aw_waits_) {
      waiting_.m_awaddr = pins.m_awaddr;
      waiting_.m_awlen = pins.m_awlen;
    } else {
      accept_write_address(pins);
    }
  }
  pins.m_bvalid = 0;
  if (!responses_.empty() && responses_.front().edge == edge) {
    pins.m_bvalid = 1;
    pins.m_bresp = responses_.front().failing ? 2 : 0;
    responses_.pop();
  }
  take_write(edge, pins);
}

void AxiMemory::check_stable(const RtlPins& pins) {
  if (ar_waits_ && (pins.m_arvalid == 0 || pins.m_araddr != waiting_.m_araddr || pins.m_arlen != waiting_.m_arlen)) {
    broken("AR changed before it was accepted");
  }
  if (aw_waits_ && (pins.m_awvalid == 0 || pins.m_awaddr != waiting_.m_awaddr || pins.m_awlen != waiting_.m_awlen)) {
    broken("AW changed before it was accepted");
  }
  if (offered_ && (pins.m_wvalid == 0 || pins.m_wstrb != waiting_.m_wstrb || pins.m_wlast != waiting_.m_wlast ||
                   std::memcmp(pins.m_wdata, waiting_.m_wdata, static_cast<std::size_t>(axi_bytes_)) != 0)) {
    broken("W changed before it was accepted");
  }
}

void AxiMemory::check_burst(const char* channel, std::uint64_t address, int beats, int size, int burst) const {
  if (size != log_bytes_ || burst != 1) broken(fmt::format("{} is not an INCR burst of full width", channel));
  if (address % static_cast<std::uint64_t>(axi_bytes_) != 0) {
    broken(fmt::format("{} address {:#x} is not aligned", channel, address));
  }
  if (beats > max_burst_) broken(fmt::format("{} of {} beats, at most {} are allowed", channel, beats, max_burst_));
  const std::uint64_t bytes = static_cast<std::uint64_t>(beats) << log_bytes_;
  if ((address & 4095u) + bytes > 4096) broken(fmt::format("{} at {:#x} crosses 4 KiB", channel, address));
  if (address < origin_ || address - origin_ + bytes > bytes_.size()) {
    broken(fmt::format("{} at {:#x} leaves the memory of {} bytes from {:#x} on", channel, address, bytes_.size(),
                       origin_));
  }
}

void AxiMemory::accept_read(std::uint64_t edge, const RtlPins& pins) {
  const int beats = pins.m_arlen + 1;
  check_burst("AR", pins.m_araddr, beats, pins.m_arsize, pins.m_arburst);
  if (++outstanding_ > max_outstanding_) broken(fmt::format("more than {} read bursts in flight", max_outstanding_));
  ++counters_.read_bursts;
  std::uint64_t address = pins.m_araddr;
  const bool failing = failing_reads_.contains(address);
  edges_.clear();
  timing_.read({address, static_cast<std::uint32_t>(beats)}, edge, &edges_);
  for (int beat = 0; beat < beats; ++beat, address += static_cast<std::uint64_t>(axi_bytes_)) {
    reads_.push({edges_[static_cast<std::size_t>(beat)], address, beat + 1 == beats, failing});
  }
}

void AxiMemory::give_read(std::uint64_t edge, RtlPins& pins) {
  if (reads_.empty() || reads_.front().edge != edge) {
    pins.m_rvalid = 0;
    return;
  }
  const Beat& beat = reads_.front();
  pins.m_rvalid = 1;
  pins.m_rlast = beat.last;
  pins.m_rresp = beat.failing ? 2 : 0;
  std::memcpy(pins.m_rdata, bytes_.data() + (beat.address - origin_), static_cast<std::size_t>(axi_bytes_));
  if (beat.last) --outstanding_;
  ++counters_.read_beats;
  reads_.pop();
}

void AxiMemory::accept_write_address(const RtlPins& pins) {
  const int beats = pins.m_awlen + 1;
  check_burst("AW", pins.m_awaddr, beats, pins.m_awsize, pins.m_awburst);
  ++counters_.write_bursts;
  bursts_.push({pins.m_awaddr, beats, failing_writes_.contains(pins.m_awaddr)});
}

void AxiMemory::take_write(std::uint64_t edge, RtlPins& pins) {
  pins.m_wready = 0;
  if (pins.m_wvalid == 0) return;
  if (!offered_) {
    offered_ = true;
    accept_edge_ = timing_.offer(edge);
    waiting_.m_wstrb = pins.m_wstrb;
    waiting_.m_wlast = pins.m_wlast;
    std::memcpy(waiting_.m_wdata, pins.m_wdata, static_cast<std::size_t>(axi_bytes_));
  }
  if (accept_edge_ > edge) return;
  if (bursts_.empty()) {
    if (address_threshold_ == 0) broken("W comes before its AW");
    return;  // legal, but this memory waits for the address
  }
  pins.m_wready = 1;
  offered_ = false;
  write_beat(edge, pins);
}

void AxiMemory::write_beat(std::uint64_t edge, const RtlPins& pins) {
  Burst& burst = bursts_.front();
  const std::uint64_t address = burst.address + static_cast<std::uint64_t>(burst_beat_ * axi_bytes_);
  const bool last = burst_beat_ + 1 == burst.beats;
  if ((pins.m_wlast != 0) != last)
    broken(fmt::format("WLAST is {} in beat {} of {}", pins.m_wlast, burst_beat_ + 1, burst.beats));
  if (!burst.failing) {
    std::uint8_t* target = bytes_.data() + (address - origin_);
    for (int i = 0; i < axi_bytes_; ++i) {
      if ((pins.m_wstrb >> i & 1u) != 0) target[i] = pins.m_wdata[i];
    }
  }
  ++counters_.write_beats;
  const std::uint64_t response = timing_.take({address, last}, edge);
  ++burst_beat_;
  if (last) {
    responses_.push({response, burst.failing});
    bursts_.pop();
    burst_beat_ = 0;
  }
}

}  // namespace bitloom
