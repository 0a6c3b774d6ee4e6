#include "kernels/table_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "kernels/tiling.hpp"
#include "model/io/error.hpp"

namespace bitloom {

TablePlan::TablePlan(const Hardware& hardware, const Network& network)
    : hardware_(hardware), network_(network), words_(hardware.table_words), lanes_(hardware.lanes) {
  add(1);  // T[0] stays 0
  names_[ScalarHandle{kWholeStep, StepScalar::kScaleSat}] = add(1);
}

Entry TablePlan::add(int count) {
  const Entry first = page_;
  page_ += count;
  next_temporary_ = std::max(next_temporary_, page_);
  note_largest();
  return first;
}

void TablePlan::note_largest() {
  if (next_temporary_ <= largest_) return;
  largest_ = next_temporary_;
  largest_at_ = where_;
}

void TablePlan::too_small() const {
  throw Error(
      fmt::format("hardware {}: {}: the table is too small: needs {} entries at once or more, has {} "
                  "(table_words, at most {})",
                  hardware_.name, largest_at_.empty() ? "network " + network_.name : largest_at_, largest_, words_,
                  kTableWordsMax));
}

Entry TablePlan::named(const EntryName& name) {
  const auto found = names_.find(name);
  if (found != names_.end()) return found->second;
  if (frozen_) throw Error("table: a second lowering needs a new entry " + text_of(name, network_));
  return names_[name] = add(1);
}

Entry TablePlan::statistics(const std::vector<EntryName>& names) {
  const auto found = groups_.find(names);
  if (found != groups_.end()) return found->second;
  if (frozen_)
    throw Error("table: a second lowering needs new statistics, the first of them " + text_of(names.front(), network_));
  const Entry first = add(static_cast<int>(names.size()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == kUnread) continue;
    if (names_.contains(names[i])) throw Error("table: two statistics are called " + text_of(names[i], network_));
    names_[names[i]] = first + static_cast<Entry>(i);
  }
  return groups_[names] = first;
}

Entry TablePlan::constant(std::uint32_t word) {
  if (word == 0) return kTableZero;
  const auto found = constants_.find(word);
  if (found != constants_.end()) return found->second;
  if (frozen_) throw Error(fmt::format("table: a second lowering needs a new constant 0x{:08x}", word));
  return constants_[word] = add(1);
}

Entry TablePlan::temporary(int count) {
  const Entry first = next_temporary_;
  next_temporary_ += count;
  note_largest();
  if (largest_ > kTableWordsMax) too_small();  // no command reaches further
  return first;
}

void TablePlan::freeze() {
  page_ = static_cast<int>(round_up(page_, lanes_));
  next_temporary_ = page_;
  largest_ = page_;
  largest_at_.clear();
  frozen_ = true;
}

void TablePlan::require_fits() const {
  if (largest_ > words_) too_small();
}

std::map<Entry, std::uint32_t> TablePlan::constants() const {
  std::map<Entry, std::uint32_t> result;
  for (const auto& [word, entry] : constants_) result[entry] = word;
  return result;
}

}  // namespace bitloom
