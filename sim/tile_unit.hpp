#pragma once
#include <array>
#include <vector>

#include "model/random.hpp"
#include "sim/engine.hpp"

namespace bitloom {

/// TILE: accumulators or raw words to raw views, masks, codes or a bias in accumulator units.
class TileUnit {
 public:
  explicit TileUnit(const Machine& machine) : machine_(machine) {}
  void count(const Execution& e, ActionCounts& counts) const;
  void compute(const Execution& e);

 private:
  void read_row(const Execution& e, std::uint32_t i);
  void before_rounding(const Execution& e, std::uint32_t i);
  void raw_view(const Execution& e, std::uint32_t i);
  void codes(const Execution& e, std::uint32_t i, const Stream& stream);
  void bias_view(const Execution& e, std::uint32_t i);
  std::size_t vin_word(const Execution& e) const;

  const Machine& machine_;
  std::vector<std::int64_t> z_;  ///< one row
  struct Statistics {
    std::uint64_t maximum = 0, codes = 0, raw = 0;
  };
  std::array<Statistics, kGroupMax> of_command_;  ///< commands of one loop group take turns
  Statistics* statistics_ = nullptr;
};

}  // namespace bitloom
