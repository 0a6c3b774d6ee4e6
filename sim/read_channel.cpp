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
      lines_(static_cast<std::uint64_t>(hardware.line_buffer_bytes / hardware.axi_bytes)),
      lines_before_(lines_),
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
  lines_before_ = lines_;
  during_load_.clear();
  unplanned_.reset();
  loading_ = true;
}

void ReadChannel::load(LoadPlan plan) {
  plan_ = std::move(plan);
  closed_ = plan_.opens == kUnknownCycle;
  load_beats_ = find_beats(plan_, word_, lines_);
  if (ordered_) return ordered_->load(plan_);
  begin_load();
  plan_again();
}

void ReadChannel::load(const Execution& e, const Instruction* shape, std::uint64_t start) {
  if (ordered_) {
    plan_ = load_plan(hardware_, e, shape, start);
    plan_.opens = kUnknownCycle;
    load_beats_ = find_beats(plan_, word_, lines_);
    return ordered_->load(plan_);
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
  const LoadSignature signature = load_signature(unplanned_->execution, unplanned_->shape, word_, lines_);
  if (const LoadOutcome* like = memo_.find(signature, *origin)) return take(*like);
  const Unplanned load = *unplanned_;
  plan_again();
  if (last_load_grant_ >= start) remember(signature, *origin, load);
}

/// Keeps what the LOAD that was planned last did. Whatever comes after it comes after its last grant.
void ReadChannel::remember(const LoadSignature& signature, const LoadOrigin& origin, const Unplanned& load) {
  const std::optional<std::uint32_t> rest = state_.name(memo_, last_load_grant_ + 1);
  if (!rest) return;
  LoadOutcome outcome{
      load_asked_ - load.start, load_end_ - load.start, last_load_grant_ - load.start, load_beats_, {}, *rest};
  if (plan_.lines) outcome.lines = lines_.change(base_beat(load.execution, *load.shape, word_));
  memo_.keep(signature, origin, outcome);
}

void ReadChannel::take(const LoadOutcome& outcome) {
  const std::uint64_t start = unplanned_->start;
  load_asked_ = start + outcome.asked;
  load_end_ = start + outcome.end;
  load_beats_ = outcome.beats;
  last_load_grant_ = start + outcome.last_grant;
  state_.take(outcome.rest, last_load_grant_ + 1);
  if (outcome.lines.moved) {
    lines_.apply(outcome.lines, base_beat(unplanned_->execution, *unplanned_->shape, word_));
  }
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
    lines_ = lines_before_;
    lines_.mark();
    load_beats_ = find_beats(plan_, word_, lines_);
  }
  unplanned_.reset();
  Interruptions fetches;
  if (!during_load_.empty()) fetches.ready = during_load_.front().ready;
  ReadArbiter& arbiter = state_.arbiter(memo_);
  LoadBursts bursts(plan_, word_, max_burst_, state_.loads(memo_));
  if (load_beats_.asked == 0) last_load_grant_ = plan_.start;  // as good as any: it grants nothing
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
  state_.loads(memo_) = bursts.rest(last_load_grant_ + 1);
}

}  // namespace bitloom
