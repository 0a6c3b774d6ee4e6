#include "sim/read_channel.hpp"

#include <algorithm>

#include "sim/load_bursts.hpp"

namespace bitloom {

ReadChannel::ReadChannel(const Hardware& hardware, const Memory& memory, bool remembers)
    : hardware_(hardware),
      state_(hardware, memory),
      before_load_(state_),
      word_(static_cast<std::uint32_t>(hardware.axi_bytes)),
      max_burst_(static_cast<std::uint32_t>(hardware.max_burst)),
      remembers_(remembers && memory.banked() == nullptr && flat().steady()) {
  if (memory.banked() != nullptr) ordered_.emplace(hardware, memory);
}

void ReadChannel::fetch_burst(const Fetch& fetch, std::uint32_t number, std::uint64_t grant_cycle) {
  last_fetch_grant_ = grant_cycle;
  const std::uint64_t address = fetch.first.address + std::uint64_t{number} * fetch.first.beats * word_;
  fetch_end_ = state_.burst(grant_cycle, {address, fetch.first.beats}, nullptr);
}

void ReadChannel::fetch_now(const Fetch& fetch) {
  std::uint64_t ready = fetch.ready;
  for (std::uint32_t k = 0; k < fetch.bursts; ++k) {
    fetch_burst(fetch, k, state_.grant(ready));
    ready = last_fetch_grant_ + 1;
  }
}

void ReadChannel::begin_load() {
  before_load_ = state_;
  during_load_.clear();
  loading_ = true;
}

std::uint64_t ReadChannel::load(LoadPlan plan) {
  plan_ = std::move(plan);
  if (ordered_) {
    load_beats_ = beats_of(plan_, word_);
    ordered_->load(plan_);
    return load_end();
  }
  begin_load();
  unplanned_.reset();
  plan_again();
  return load_end_;
}

std::uint64_t ReadChannel::load(const Execution& e, const Instruction* shape, std::uint64_t start) {
  if (ordered_) return load(load_plan(hardware_, e, shape, start));
  begin_load();
  unplanned_ = Unplanned{e, shape, start};
  if (!remembers_ || !at_rest(start)) {
    plan_again();
    return load_end_;
  }
  const LoadSignature signature = load_signature(e, shape, word_);
  if (const LoadOutcome* like = memo_.find(signature)) {
    take(*like, start);
  } else {
    plan_again();
    memo_.keep(signature, outcome(start));
  }
  return load_end_;
}

/// Says whether nothing before an edge can hold up what asks from then on.
bool ReadChannel::at_rest(std::uint64_t edge) {
  const auto before = [&](std::uint64_t other) { return other <= edge; };
  return before(state_.next_grant) && before(flat().last_read()) &&
         std::all_of(state_.last_beats.begin(), state_.last_beats.end(), before);
}

/// Returns what the LOAD that was planned last did; what was over at its start counts as its start.
LoadOutcome ReadChannel::outcome(std::uint64_t start) {
  const auto since = [&](std::uint64_t edge) { return edge - std::min(edge, start); };
  LoadOutcome o{since(load_end_),          load_beats_, since(last_load_grant_), since(state_.next_grant),
                since(flat().last_read()), {}};
  for (std::size_t k = 0; k < state_.last_beats.size(); ++k) {
    o.last_beats.push_back(since(state_.last_beats[(state_.oldest + k) % state_.last_beats.size()]));
  }
  return o;
}

void ReadChannel::take(const LoadOutcome& outcome, std::uint64_t start) {
  load_end_ = start + outcome.end;
  load_beats_ = outcome.beats;
  if (outcome.beats == 0) return;
  last_load_grant_ = start + outcome.last_grant;
  state_.next_grant = start + outcome.next_grant;
  flat().last_read() = start + outcome.last_read;
  state_.oldest = 0;
  for (std::size_t k = 0; k < state_.last_beats.size(); ++k) state_.last_beats[k] = start + outcome.last_beats[k];
}

std::uint64_t ReadChannel::fetch(std::uint64_t ready, std::uint32_t bursts, const ReadBurst& first) {
  if (ordered_) return ordered_->fetch(ready, bursts, first);
  const Fetch fetch{ready, bursts, first};
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
  while (at.next < during_load_.size() && state_.grant(at.ready) <= state_.grant(asked)) {
    const Fetch& fetch = during_load_[at.next];
    fetch_burst(fetch, at.burst, state_.grant(at.ready));
    at.ready = last_fetch_grant_ + 1;
    if (++at.burst < fetch.bursts) continue;
    at.burst = 0;
    if (++at.next < during_load_.size()) at.ready = std::max(at.ready, during_load_[at.next].ready);
  }
}

void ReadChannel::plan_again() {
  if (unplanned_) plan_ = load_plan(hardware_, unplanned_->execution, unplanned_->shape, unplanned_->start);
  unplanned_.reset();
  Interruptions fetches;
  if (!during_load_.empty()) fetches.ready = during_load_.front().ready;
  LoadBursts bursts(plan_, word_, max_burst_);
  while (bursts.next()) {
    fetches_until(fetches, bursts.asked());
    last_load_grant_ = state_.grant(bursts.asked());
    state_.burst(last_load_grant_, bursts.burst(), &bursts.edges());
    bursts.granted(last_load_grant_);
  }
  load_end_ = bursts.end();
  load_beats_ = bursts.beats();
  fetches_until(fetches, ~std::uint64_t{0} / 2);
}

}  // namespace bitloom
