#include "sim/tokens.hpp"

#include <algorithm>

namespace bitloom {

void TokenCounters::reset() {
  for (Counter& counter : counters_) counter.first = counter.count = 0;
}

bool TokenCounters::signal(std::uint32_t id, std::uint64_t edge) {
  Counter& counter = counters_[id];
  if (counter.count == kTokenMax) return false;
  counter.edges[(counter.first + counter.count) & kTokenMax] = edge;
  ++counter.count;
  return true;
}

TokenCounters::Waits TokenCounters::check(const std::array<TokenField, 3>& fields,
                                          const std::array<bool, 3>& applies) const {
  Waits waits;
  for (std::size_t k = 0; k < fields.size(); ++k) {
    if (!applies[k]) continue;
    std::uint32_t need = 1;
    for (std::size_t other = 0; other < k; ++other) need += applies[other] && fields[other].id == fields[k].id ? 1 : 0;
    const Counter& counter = counters_[fields[k].id];
    if (counter.count < need) return {false, 0, fields[k].id};
    if (counter.edge(need - 1) >= waits.edge) waits = {true, counter.edge(need - 1), fields[k].id};
  }
  return waits;
}

void TokenCounters::take(const std::array<TokenField, 3>& fields, const std::array<bool, 3>& applies) {
  for (std::size_t k = 0; k < fields.size(); ++k) {
    if (!applies[k]) continue;
    Counter& counter = counters_[fields[k].id];
    counter.first = (counter.first + 1) & kTokenMax;
    --counter.count;
  }
}

bool TokenCounters::all_zero() const {
  return std::all_of(counters_.begin(), counters_.end(), [](const Counter& counter) { return counter.count == 0; });
}

}  // namespace bitloom
