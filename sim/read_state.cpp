#include "sim/read_state.hpp"

#include <algorithm>

namespace bitloom {
void ReadState::copy(const ReadState& other) {
  spelled_ = other.spelled_;
  name_ = other.name_;
  if (!spelled_) return;
  arbiter_ = other.arbiter_;
  loads_ = other.loads_;
}

void ReadState::take(std::uint32_t rest, std::uint64_t from) {
  spelled_ = false;
  name_ = {rest, from};
}

RestNumbers ReadState::numbers(std::uint64_t from) {
  const auto since = [&](std::uint64_t edge) { return static_cast<std::uint32_t>(edge - std::min(edge, from)); };
  RestNumbers all{since(loads_.next_step), since(arbiter_.next_grant), since(arbiter_.timing.flat()->last_read()), 0,
                  0};
  const auto add = [&](const std::vector<std::uint64_t>& cycles) {
    const auto first = std::lower_bound(cycles.begin(), cycles.end(), from);
    for (auto cycle = first; cycle != cycles.end(); ++cycle) all.push_back(since(*cycle));
    return static_cast<std::uint32_t>(cycles.end() - first);
  };
  all[kRestConsumed] = add(loads_.consumed);
  all[kRestLeft] = add(loads_.left);
  const std::vector<std::uint64_t>& last = arbiter_.last_beats;
  for (std::size_t k = 0; k < last.size(); ++k) {
    const std::uint64_t edge = last[(arbiter_.oldest + k) % last.size()];
    if (edge > from) all.push_back(since(edge));
  }
  return all;
}

std::optional<std::uint32_t> ReadState::name(LoadMemo& memo, std::uint64_t from) {
  name_.reset();
  const std::optional<std::uint32_t> number = memo.number(numbers(from));
  if (number) name_ = {*number, from};
  return number;
}

std::optional<LoadOrigin> ReadState::origin(LoadMemo& memo, std::uint64_t start) {
  if (!name_ && !name(memo, start)) return std::nullopt;
  if (name_->until == 0) {
    const RestNumbers& rest = memo.rest(name_->rest);
    name_->until = name_->from + std::max({rest[kRestNextStep], rest[kRestNextGrant], rest[kRestLastRead]});
  }
  if (start < name_->until) return LoadOrigin{name_->rest, 0, start - name_->from};
  return LoadOrigin{LoadMemo::kNothing, 0, 0};
}

void ReadState::spell(const LoadMemo& memo) {
  const RestNumbers& rest = memo.rest(name_->rest);
  const std::uint64_t from = name_->from;
  const auto cycles = [&](std::size_t first, std::size_t count) {
    std::vector<std::uint64_t> all;
    for (std::size_t k = first; k < first + count; ++k) all.push_back(from + rest[k]);
    return all;
  };
  loads_ = {cycles(kRestLists, rest[kRestConsumed]), cycles(kRestLists + rest[kRestConsumed], rest[kRestLeft]),
            from + rest[kRestNextStep]};
  arbiter_.next_grant = from + rest[kRestNextGrant];
  arbiter_.timing.flat()->last_read() = from + rest[kRestLastRead];
  const std::size_t lists = kRestLists + rest[kRestConsumed] + rest[kRestLeft], bursts = rest.size() - lists;
  std::fill(arbiter_.last_beats.begin(), arbiter_.last_beats.end(), from);
  for (std::size_t k = 0; k < bursts; ++k) {
    arbiter_.last_beats[arbiter_.last_beats.size() - bursts + k] = from + rest[lists + k];
  }
  arbiter_.oldest = 0;
  spelled_ = true;
}

ReadArbiter& ReadState::arbiter(const LoadMemo& memo) {
  if (!spelled_) spell(memo);
  name_.reset();
  return arbiter_;
}

LoadRest& ReadState::loads(const LoadMemo& memo) {
  if (!spelled_) spell(memo);
  name_.reset();
  return loads_;
}

}  // namespace bitloom
