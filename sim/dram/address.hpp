#pragma once
#include <cstdint>

#include "sim/dram/device.hpp"

namespace bitloom::dram {

/// Says where a burst lies.
struct Place {
  int bank = 0;  ///< numbered rank by rank, and in it group by group
  std::uint64_t row = 0;
  std::uint64_t column = 0;  ///< in bursts
};

/// Finds the place of the burst that holds a byte. From the lowest digit of the address: byte of the burst, bank group,
/// column, bank of the group, rank, row. So neighbouring bursts lie in different bank groups, as ccd_s asks for, and a
/// stream stays in one row of each group until the rows are used up, and changes ranks seldom.
inline Place place_of(std::uint64_t address, const Organisation& o) {
  const auto groups = static_cast<std::uint64_t>(o.bank_groups), banks = static_cast<std::uint64_t>(o.banks);
  std::uint64_t rest = address / o.burst_bytes();
  const std::uint64_t group = rest % groups;
  rest /= groups;
  const std::uint64_t column = rest % o.bursts_in_row();
  rest /= o.bursts_in_row();
  const std::uint64_t bank = rest % banks;
  rest /= banks;
  const auto ranks = static_cast<std::uint64_t>(o.ranks);
  return {static_cast<int>((rest % ranks * groups + group) * banks + bank), rest / ranks, column};
}

}  // namespace bitloom::dram
