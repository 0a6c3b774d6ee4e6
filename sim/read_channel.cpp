#include "sim/read_channel.hpp"

#include <algorithm>

#include "sim/load_bursts.hpp"

namespace bitloom {
namespace {

constexpr std::uint64_t kFirstStep = 4;  ///< cycles from a LOAD's start to its first step, at the earliest

}  // namespace

ReadChannel::ReadChannel(const Hardware& hardware, const Memory& memory, bool remembers)
    : hardware_(hardware),
      state_(hardware, memory),
      before_load_(state_),
      word_(static_cast<std::uint32_t>(hardware.axi_bytes)),
      max_burst_(static_cast<std::uint32_t>(hardware.max_burst)),
      remembers_(remembers && memory.banked() == nullptr && Memory(memory).flat()->steady()) {
  if (memory.banked() != nullptr) ordered_.emplace(hardware, memory);
}

void ReadChannel::fetch_burst(const Fetch& fetch, std::uint32_t number, std::uint64_t grant_cycle) {
  last_fetch_grant_ = grant_cycle;
  const std::uint64_t address = fetch.first.address + std::uint64_t{number} * fetch.first.beats * word_;
  fetch_end_ = state_.arbiter(memo_).burst(grant_cycle, {address, fetch.first.beats}, nullptr);
}

void ReadChannel::fetch_now(const Fetch& fetch) {
  std::uint64_t ready = fetch.ready;
  for (std::uint32_t k = 0; k < fetch.bursts; ++k) {
    fetch_burst(fetch, k, state_.arbiter(memo_).grant(ready));
    ready = last_fetch_grant_ + 1;
  }
}

void ReadChannel::begin_load() {
  before_load_.copy(state_);
  during_load_.clear();
  unplanned_.reset();
  loading_ = true;
}

void ReadChannel::load(LoadPlan plan) {
  plan_ = std::move(plan);
  closed_ = plan_.opens == kUnknownCycle;
  if (ordered_) {
    load_beats_ = beats_of(plan_, word_);
    return ordered_->load(plan_);
  }
  begin_load();
  plan_again();
}

void ReadChannel::load(const Execution& e, const Instruction* shape, std::uint64_t start) {
  if (ordered_) {
    LoadPlan plan = load_plan(hardware_, e, shape, start);
    plan.opens = kUnknownCycle;
    return load(std::move(plan));
  }
  begin_load();
  closed_ = true;
  unplanned_ = Unplanned{e, shape, start};
}

void ReadChannel::open(std::uint64_t cycle) {
  closed_ = false;
  if (ordered_) return ordered_->open(cycle);
  if (!unplanned_) {  // it was planned without, for a fetch
    plan_.opens = cycle;
    state_.copy(before_load_);
    return plan_again();
  }
  const std::uint64_t start = unplanned_->start;
  unplanned_->opens = cycle;
  std::optional<LoadOrigin> origin;
  if (remembers_) origin = state_.origin(memo_, start);
  if (!origin) return plan_again();
  if (cycle >= start + kFirstStep) origin->fills = static_cast<std::uint32_t>(cycle + 1 - start);
  const LoadSignature signature = load_signature(unplanned_->execution, unplanned_->shape, word_);
  if (const LoadOutcome* like = memo_.find(signature, *origin)) return take(*like, start);
  plan_again();
  if (load_beats_ > 0) remember(signature, *origin, start);
}

/// Keeps what the LOAD that was planned last did. Whatever comes after it comes after its last grant.
void ReadChannel::remember(const LoadSignature& signature, const LoadOrigin& origin, std::uint64_t start) {
  const std::optional<std::uint32_t> rest = state_.name(memo_, last_load_grant_ + 1);
  if (!rest) return;
  memo_.keep(signature, origin, {load_asked_ - start, load_end_ - start, load_beats_, last_load_grant_ - start, *rest});
}

void ReadChannel::take(const LoadOutcome& outcome, std::uint64_t start) {
  load_asked_ = start + outcome.asked;
  load_end_ = start + outcome.end;
  load_beats_ = outcome.beats;
  last_load_grant_ = start + outcome.last_grant;
  state_.take(outcome.rest, last_load_grant_ + 1);
}

std::uint64_t ReadChannel::fetch(std::uint64_t ready, std::uint32_t bursts, const ReadBurst& first) {
  if (ordered_) return ordered_->fetch(ready, bursts, first);
  const Fetch fetch{ready, bursts, first};
  if (loading_ && (closed_ || last_load_grant_ >= ready)) {
    during_load_.push_back(fetch);
    state_.copy(before_load_);
    plan_again();
  } else {
    loading_ = false;
    fetch_now(fetch);
  }
  return fetch_end_;
}

/// Grants the fetch bursts that come before a LOAD's burst which is asked for in cycle `asked`.
void ReadChannel::fetches_until(Interruptions& at, ReadArbiter& arbiter, std::uint64_t asked) {
  while (at.next < during_load_.size() && arbiter.grant(at.ready) <= arbiter.grant(asked)) {
    const Fetch& fetch = during_load_[at.next];
    fetch_burst(fetch, at.burst, arbiter.grant(at.ready));
    at.ready = last_fetch_grant_ + 1;
    if (++at.burst < fetch.bursts) continue;
    at.burst = 0;
    if (++at.next < during_load_.size()) at.ready = std::max(at.ready, during_load_[at.next].ready);
  }
}

void ReadChannel::plan_again() {
  if (unplanned_) {
    plan_ = load_plan(hardware_, unplanned_->execution, unplanned_->shape, unplanned_->start);
    plan_.opens = unplanned_->opens;
  }
  unplanned_.reset();
  Interruptions fetches;
  if (!during_load_.empty()) fetches.ready = during_load_.front().ready;
  ReadArbiter& arbiter = state_.arbiter(memo_);
  LoadBursts bursts(plan_, word_, max_burst_, state_.loads(memo_));
  while (bursts.next() == LoadBursts::Next::kBurst) {
    fetches_until(fetches, arbiter, bursts.asked());
    last_load_grant_ = arbiter.grant(bursts.asked());
    arbiter.burst(last_load_grant_, bursts.burst(), &bursts.edges());
    bursts.granted(last_load_grant_);
  }
  fetches_until(fetches, arbiter, ~std::uint64_t{0} / 2);
  if (closed_) return;
  load_asked_ = bursts.asked_all();
  load_end_ = bursts.end();
  load_beats_ = bursts.beats();
  state_.loads(memo_) = bursts.rest(load_beats_ > 0 ? last_load_grant_ + 1 : plan_.start);
}

}  // namespace bitloom
