#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/numerics/raw_view.hpp"
#include "testbench/rtl/units/engine.hpp"

namespace bitloom::testing {

/// Returns the raw view of x, behind its ReLU (N5.2, N5.5).
inline std::int64_t raw_view_of(const Command& c, std::int64_t x, std::uint64_t& saturations) {
  if (c.get(Field::RAW16) == 0) return saturate(x, kRawLimit, saturations);
  return narrow_view(x, static_cast<int>(c.get(Field::RAW_SHIFT)), saturations);
}

/// What docs/commands.md says that the vector queue's commands do, with the golden functions of model/ for every
/// element, and what docs/timing_vector.md says that they take.
class Reference {
 public:
  explicit Reference(const Hardware& hw);

  void start(const Registers& registers);
  /// Applies the execution to `memories` and the table; returns its cycles.
  int run(const Execution& execution);

  Memories memories;
  std::vector<std::uint32_t> table;

 private:
  struct Statistics {
    std::array<std::uint64_t, 4> value{};  ///< the last one has 64 bits
  };

  /// Returns the cycles of a pipeline of `stages`, group by group, without statistics and random words.
  int streamed(const Execution& e, int inputs, int vectors, int writes, int stages) const;
  int tile(const Execution& e, Statistics& statistics);
  std::int64_t tile_code(const Execution& e, std::int64_t a, std::uint32_t i, std::uint32_t j, std::uint32_t u,
                         std::uint64_t& saturations) const;
  int update(const Execution& e, Statistics& statistics);
  int update_lwq(const Execution& e, Statistics& statistics);
  /// Returns the cycles in which the four coefficient vectors are read.
  int adam_vectors(const Execution& e) const;
  int adam_moments(const Execution& e);
  int adam_codes(const Execution& e, Statistics& statistics);
  int affine(const Execution& e, Statistics& statistics);
  int pool(const Execution& e, Statistics& statistics);
  int reduce(const Execution& e);
  int loss(const Execution& e, Statistics& statistics);
  int scalar(const Execution& e);
  int table_load(const Execution& e);
  int table_store(const Execution& e);

  std::uint32_t table_value(std::uint32_t index) const;
  void set_table(std::uint32_t index, std::uint32_t value);
  std::uint32_t lanes() const { return static_cast<std::uint32_t>(hw_.lanes); }
  /// Returns the words of a row of a tile, from the full COLS.
  std::uint32_t groups(const Execution& e) const { return (e.command.get(Field::COLS) + lanes() - 1) / lanes(); }
  /// Returns element (i, j) of full-tile input k.
  std::int32_t input(const Execution& e, std::uint32_t k, std::uint32_t i, std::uint32_t j) const;
  /// Returns element j of coefficient vector k of a command with `full` full-tile inputs.
  std::int32_t coefficient(const Execution& e, std::uint32_t full, std::uint32_t k, std::uint32_t j) const;
  /// Sets element (i, j) of output k.
  void output(const Execution& e, std::uint32_t parity, std::uint32_t k, std::uint32_t i, std::uint32_t j,
              std::int64_t value);

  static bool has_partner(const Command& c);
  static bool has_packed_mask(const Command& c);
  /// Says whether full-tile input k, a mask, lets element (i, j) pass.
  bool passes(const Execution& e, std::uint32_t k, std::uint32_t i, std::uint32_t j) const;
  void begin_sums(const Execution& e);
  void sum_up(const Execution& e, std::uint32_t inputs, std::uint32_t i, std::uint32_t j, std::int64_t raw);

  const Hardware hw_;
  Registers registers_;
  std::vector<std::int32_t> bias_;
  std::vector<std::array<std::int64_t, 2>> sums_;    ///< of REDUCE and SUMS, by column
  std::vector<std::array<std::int64_t, 2>> pooled_;  ///< value and winner, by element
  std::array<Statistics, 5> statistics_;             ///< of the commands of a loop group by INDEX, then by STAT_SLOT
};

/// An engine and its reference side by side, from the same poison in every memory.
class Pair {
 public:
  Pair(const Hardware& hw, int seed);

  void start(const Registers& registers);
  /// Sets entries of T from `first` on, through VIN and TABLE_LOAD.
  void load_table(std::uint32_t first, const std::vector<std::uint32_t>& values);
  /// Changes a word of VIN or ACC on both sides.
  void set_vin(std::size_t index, std::int32_t value);
  void set_acc(std::size_t index, std::int64_t value);
  /// Runs both; adds a failure when cycles or any byte of a memory differ.
  void run(const Execution& execution);
  /// Compares the first and the last `ends` entries of T through TABLE_STORE: few tests write between them.
  void compare_table(std::int64_t ends = 500);

  const Reference& reference() const { return reference_; }

 private:
  std::unique_ptr<Engine> engine_;
  Reference reference_;
};

}  // namespace bitloom::testing
