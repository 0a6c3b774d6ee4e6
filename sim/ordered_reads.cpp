#include "sim/ordered_reads.hpp"

#include <algorithm>

#include "sim/dram_actions.hpp"

namespace bitloom {

void OrderedReads::load(const LoadPlan& plan) {
  bursts_.emplace(plan, word_, max_burst_, before_);
  open_ = plan.opens != kUnknownCycle;
  next_burst();
  until(0);
}

void OrderedReads::open(std::uint64_t cycle) {
  open_ = true;
  bursts_->open(cycle);
  if (state_ == LoadBursts::Next::kNone) return asked_all();
  if (state_ == LoadBursts::Next::kBlocked) next_burst();
  until(0);  // says when to ask again
}

void OrderedReads::next_burst() {
  state_ = bursts_->next();
  if (state_ == LoadBursts::Next::kNone && open_) asked_all();
}

void OrderedReads::asked_all() {
  load_asked_ = bursts_->asked_all();
  load_end_ = bursts_->end();
  before_ = bursts_->rest(load_asked_);
  bursts_.reset();
}

std::uint64_t OrderedReads::fetch(std::uint64_t ready, std::uint32_t bursts, const ReadBurst& first) {
  until(ready);
  fetches_.push_back({ready, bursts, first});
  until(ready);
  return next_;
}

void OrderedReads::grant_fetch(std::uint64_t cycle) {
  Fetch& fetch = fetches_.front();
  writes_(ReadArbiter::address_edge(cycle));
  const std::uint64_t last = arbiter_.burst(cycle, fetch.next, nullptr);
  memory().banked()->take_use();  // of no phase
  fetch.next.address += std::uint64_t{fetch.next.beats} * word_;
  fetch.ready = cycle + 1;
  if (--fetch.bursts > 0) return;
  fetch_ends_.push_back(last);
  fetches_.pop_front();
  if (!fetches_.empty()) fetches_.front().ready = std::max(fetches_.front().ready, cycle + 1);
}

void OrderedReads::grant_load(std::uint64_t cycle) {
  writes_(ReadArbiter::address_edge(cycle));
  arbiter_.burst(cycle, bursts_->burst(), &bursts_->edges());
  if (counts_ != nullptr) count_use(*memory().banked(), *counts_);
  bursts_->granted(cycle);
  next_burst();
}

void OrderedReads::until(std::uint64_t cycle) {
  constexpr std::uint64_t kNever = ~std::uint64_t{0} - 1;
  for (;;) {
    const std::uint64_t fetch = fetches_.empty() ? kNever : arbiter_.grant(fetches_.front().ready);
    const bool asks = bursts_ && state_ == LoadBursts::Next::kBurst;
    const std::uint64_t load = asks ? arbiter_.grant(bursts_->asked()) : kNever;
    next_ = std::min(fetch, load) + 1;
    if (next_ > cycle) return;
    fetch <= load ? grant_fetch(fetch) : grant_load(load);
  }
}

}  // namespace bitloom
