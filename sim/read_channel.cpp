#include "sim/read_channel.hpp"

#include <algorithm>

#include "sim/timing.hpp"

namespace bitloom {

ReadChannel::ReadChannel(const Hardware& hardware, int stall_percent, std::uint64_t seed)
    : state_{BurstTiming(hardware, stall_percent, seed), 0,
             std::vector<std::uint64_t>(static_cast<std::size_t>(hardware.max_outstanding)), 0},
      before_load_(state_),
      word_(static_cast<std::uint32_t>(hardware.axi_bytes)),
      max_burst_(static_cast<std::uint32_t>(hardware.max_burst)) {}

/// First cycle from `ready` on with room for one more burst.
std::uint64_t ReadChannel::grant(std::uint64_t ready) const {
  return std::max({ready, state_.next_grant, state_.last_beats[state_.oldest]});
}

std::uint64_t ReadChannel::burst(std::uint64_t grant_cycle, std::uint32_t beats) {
  state_.next_grant = grant_cycle + 1;
  const BeatSpan span = state_.timing.read(grant_cycle + timing::kGrantToAddress, beats);
  state_.last_beats[state_.oldest] = span.last;  // there is room again from the cycle of this edge on
  state_.oldest = state_.oldest + 1 == state_.last_beats.size() ? 0 : state_.oldest + 1;
  return span.last;
}

void ReadChannel::fetch_now(const Fetch& fetch) {
  std::uint64_t ready = fetch.ready;
  for (std::uint32_t k = 0; k < fetch.bursts; ++k) {
    last_fetch_grant_ = grant(ready);
    ready = last_fetch_grant_ + 1;
    fetch_end_ = burst(last_fetch_grant_, fetch.beats);
  }
}

std::uint64_t ReadChannel::load(const ReadPlan& plan) {
  plan_ = plan;
  before_load_ = state_;
  during_load_.clear();
  loading_ = true;
  plan_again();
  return load_end_;
}

std::uint64_t ReadChannel::fetch(std::uint64_t ready, std::uint32_t bursts, std::uint32_t beats) {
  const Fetch fetch{ready, bursts, beats};
  if (loading_ && last_load_grant_ >= ready) {
    during_load_.push_back(fetch);
    state_ = before_load_;
    plan_again();
  } else {
    loading_ = false;
    fetch_now(fetch);
  }
  return fetch_end_;
}

void ReadChannel::plan_again() {
  std::size_t next_fetch = 0;
  std::uint32_t fetch_burst = 0;
  std::uint64_t fetch_ready = during_load_.empty() ? 0 : during_load_.front().ready;
  const auto fetches_until = [&](std::uint64_t cycle) {
    while (next_fetch < during_load_.size() && grant(fetch_ready) <= cycle) {
      const Fetch& fetch = during_load_[next_fetch];
      last_fetch_grant_ = grant(fetch_ready);
      fetch_end_ = burst(last_fetch_grant_, fetch.beats);
      fetch_ready = last_fetch_grant_ + 1;
      if (++fetch_burst == fetch.bursts) {
        fetch_burst = 0;
        if (++next_fetch < during_load_.size()) fetch_ready = std::max(fetch_ready, during_load_[next_fetch].ready);
      }
      cycle = std::max(cycle, grant(plan_.ready));
    }
  };
  for (std::uint32_t row = 0; row < plan_.rows; ++row) {
    std::uint32_t address = plan_.address + row * plan_.pitch;
    for (std::uint32_t left = plan_.beats; left > 0;) {
      const std::uint32_t beats = std::min({left, max_burst_, (4096 - (address & 4095)) / word_});
      fetches_until(grant(plan_.ready));
      last_load_grant_ = grant(plan_.ready);
      load_end_ = burst(last_load_grant_, beats);
      left -= beats;
      address += beats * word_;
    }
  }
  fetches_until(~std::uint64_t{0});
}

}  // namespace bitloom
