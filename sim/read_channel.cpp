#include "sim/read_channel.hpp"

#include <algorithm>

#include "sim/load_steps.hpp"
#include "sim/timing.hpp"

namespace bitloom {

ReadChannel::ReadChannel(const Hardware& hardware, int stall_percent, std::uint64_t seed)
    : state_{BurstTiming(hardware, stall_percent, seed), 0,
             std::vector<std::uint64_t>(static_cast<std::size_t>(hardware.max_outstanding)), 0},
      before_load_(state_),
      word_(static_cast<std::uint32_t>(hardware.axi_bytes)),
      max_burst_(static_cast<std::uint32_t>(hardware.max_burst)) {}

/// Returns the first cycle from `ready` on with room for one more burst.
std::uint64_t ReadChannel::grant(std::uint64_t ready) const {
  return std::max({ready, state_.next_grant, state_.last_beats[state_.oldest]});
}

std::uint64_t ReadChannel::burst(std::uint64_t grant_cycle, std::uint32_t beats, std::vector<std::uint64_t>* edges) {
  state_.next_grant = grant_cycle + 1;
  const std::uint64_t last = state_.timing.read(grant_cycle + timing::kGrantToAddress, beats, edges);
  state_.last_beats[state_.oldest] = last;  // there is room again from the cycle of this edge on
  state_.oldest = state_.oldest + 1 == state_.last_beats.size() ? 0 : state_.oldest + 1;
  return last;
}

void ReadChannel::fetch_now(const Fetch& fetch) {
  std::uint64_t ready = fetch.ready;
  for (std::uint32_t k = 0; k < fetch.bursts; ++k) {
    last_fetch_grant_ = grant(ready);
    ready = last_fetch_grant_ + 1;
    fetch_end_ = burst(last_fetch_grant_, fetch.beats, nullptr);
  }
}

std::uint64_t ReadChannel::load(LoadPlan plan) {
  plan_ = std::move(plan);
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

/// Grants the fetch bursts that come before a LOAD's burst which is asked for in cycle `asked`.
void ReadChannel::fetches_until(Interruptions& at, std::uint64_t asked) {
  while (at.next < during_load_.size() && grant(at.ready) <= grant(asked)) {
    const Fetch& fetch = during_load_[at.next];
    last_fetch_grant_ = grant(at.ready);
    fetch_end_ = burst(last_fetch_grant_, fetch.beats, nullptr);
    at.ready = last_fetch_grant_ + 1;
    if (++at.burst < fetch.bursts) continue;
    at.burst = 0;
    if (++at.next < during_load_.size()) at.ready = std::max(at.ready, during_load_[at.next].ready);
  }
}

/// The recurrences of docs/timing.md: taps, pieces, bursts, steps.
void ReadChannel::plan_again() {
  Interruptions fetches;
  if (!during_load_.empty()) fetches.ready = during_load_.front().ready;
  const std::uint64_t beat_fifo = std::max<std::uint64_t>(timing::kLoadBeats, 2 * std::uint64_t{max_burst_});
  LoadSteps steps(8 * word_, plan_.growth);
  std::uint64_t addressed = plan_.start + timing::kLoadSetup, granted = 0, beats = 0;
  for (std::size_t number = 0; number < plan_.pieces.size(); ++number) {
    const LoadPiece& piece = plan_.pieces[number];
    addressed += piece.walk - 1;  // its last tap
    std::uint64_t taken = std::max(addressed + 1, granted);
    if (number >= timing::kLoadPieces) taken = std::max(taken, steps.left(number - timing::kLoadPieces) + 1);
    steps.piece(piece, taken);
    if (!piece.padding) {
      std::uint64_t beat = piece.bit / (8 * word_);
      auto left = static_cast<std::uint32_t>((piece.bit + piece.bits - 1) / (8 * word_) - beat + 1);
      std::uint64_t asked = taken + 1;
      while (left > 0) {
        const auto boundary = static_cast<std::uint32_t>((4096 - beat * word_ % 4096) / word_);
        const std::uint32_t length = std::min({left, max_burst_, boundary});
        beats += length;
        if (beats > beat_fifo) asked = std::max(asked, steps.consumed(beats - beat_fifo - 1) + 1);
        fetches_until(fetches, asked);
        granted = last_load_grant_ = grant(asked);
        burst(granted, length, &steps.edges());
        asked = granted + 1;
        beat += length;
        left -= length;
      }
    }
    addressed = taken;  // the next piece's first tap
  }
  steps.left(plan_.pieces.size() - 1);
  load_end_ = steps.end();
  load_beats_ = beats;
  fetches_until(fetches, ~std::uint64_t{0} / 2);
}

}  // namespace bitloom
