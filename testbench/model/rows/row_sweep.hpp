#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "model/rows/kernels.hpp"
#include "testbench/model/numerics/differences.hpp"

namespace bitloom::testing {

// Here the row kernels that training runs (Kernels) meet the specifications in testbench/model/numerics/spec_*.hpp, all
// elements of an input space in one row. Every table of kernels that this machine runs is tried.

/// Says which random words each input meets: 0, the last that goes up, the first that does not and the largest; or all
/// (of 16 bits every 16th, another of the 16 for each of neighbouring inputs).
enum class Words { kDecisive, kAll };

/// What a row must give: element i is `above` for words below `threshold`, else `below`. A pair of codes is one number.
struct WantedRow {
  explicit WantedRow(std::size_t count) : below(count), above(count), clipped_below(count), clipped_above(count) {
    threshold.resize(count);
  }
  std::size_t size() const { return below.size(); }
  std::vector<std::int16_t> below, above;
  std::vector<std::int32_t> threshold;
  std::vector<std::uint8_t> clipped_below, clipped_above;  ///< 1 where the result counts a saturation
};

/// Runs a kernel on the row with a random word an element, fills `codes` and returns the saturations.
template <class Word>
using RunRow = std::function<std::uint64_t(const Kernels&, const std::vector<Word>&, std::vector<std::int16_t>&)>;

/// Returns the tables of all instruction sets that this machine has.
std::vector<const Kernels*> supported_kernels();

/// Compares for the given words on all tables; `label` names the case in a failure.
void compare_row8(const WantedRow& want, Words words, const RunRow<std::uint8_t>& run, std::uint64_t label,
                  Differences& differences);
void compare_row16(const WantedRow& want, Words words, const RunRow<std::uint16_t>& run, std::uint64_t label,
                   Differences& differences);
/// Compares a row without random words: `below` is what is wanted.
void compare_row(const WantedRow& want,
                 const std::function<std::uint64_t(const Kernels&, std::vector<std::int16_t>&)>& run,
                 std::uint64_t label, Differences& differences);

/// Returns all 16-bit values.
std::vector<std::int32_t> every_16_bit_value();

}  // namespace bitloom::testing
