#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "testbench/rtl_units/engine.hpp"

namespace bitloom::testing {

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
    std::array<std::uint64_t, 3> value{};
  };

  int tile(const Execution& e, Statistics& statistics);
  int update(const Execution& e, Statistics& statistics);
  int loss(const Execution& e, Statistics& statistics);
  int scalar(const Execution& e);
  int table_load(const Execution& e);
  int table_store(const Execution& e);
  std::uint32_t table_value(std::uint32_t index) const;
  void set_table(std::uint32_t index, std::uint32_t value);

  const Hardware hw_;
  Registers registers_;
  std::vector<std::int32_t> bias_;
  std::array<Statistics, 4> statistics_;  ///< of the commands of a loop group, by INDEX
};

/// An engine and its reference side by side, from the same poison in every memory.
class Pair {
 public:
  Pair(const Hardware& hw, int seed);

  void start(const Registers& registers);
  /// Sets entries of T from `first` on, through VIN and TABLE_LOAD.
  void load_table(std::uint32_t first, const std::vector<std::uint32_t>& values);
  /// The same change of VIN or ACC on both sides.
  void set_vin(std::size_t index, std::int32_t value);
  void set_vin_byte(std::size_t index, std::uint8_t value);
  void set_acc(std::size_t index, std::int64_t value);
  /// Runs both; adds a failure when cycles or any byte of a memory differ.
  void run(const Execution& execution);
  /// Compares all of T through TABLE_STORE.
  void compare_table();

  const Reference& reference() const { return reference_; }

 private:
  std::unique_ptr<Engine> engine_;
  Reference reference_;
};

}  // namespace bitloom::testing
