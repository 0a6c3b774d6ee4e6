#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/hardware.hpp"
#include "model/io/fields.hpp"
#include "sim/dram/banks.hpp"
#include "sim/simulator.hpp"
#include "sim/statistics.hpp"

namespace bitloom {

/// One row of an energy table: the energy of one operation of a width. All energies are in pJ.
struct EnergyRow {
  std::string op;           ///< add, multiply, multiply_by_16, xor, sram or dram
  int width = 0;            ///< bits of the operands; of one access for sram and dram
  std::uint64_t bytes = 0;  ///< capacity, of sram rows only
  double pj = 0;
  std::string source;  ///< where the number stands, or the rule that derives it from the others
  bool derived = false;
};

/// The power that a block takes all the time, whatever it does.
struct LeakageRow {
  std::string block;  ///< block_name()
  double mw = 0;
  std::string source;
  bool derived = false;
};

/// A named set from one source. Sets are never mixed: an estimate uses one.
struct EnergyTable {
  std::string name;
  int node_nm = 0;
  std::string set;   ///< the publication
  std::string dram;  ///< kind of DRAM
  std::vector<EnergyRow> rows;
  std::vector<LeakageRow> leakage;  ///< at most one a block; empty: the set gives none

  /// Returns the energy of one operation; throws Error when the set has no such row.
  double pj(const std::string& op, int width) const;
  /// Returns the energy of one 64-bit access to an SRAM of `bytes`: a power law through the two nearest capacities of
  /// the set, also outside them (then the number is derived, not published). Zero is a price, and no power law goes
  /// through it: where one of the two is 0, a straight line lies between them, and outside them the nearer one's price
  /// holds.
  double sram_pj(std::uint64_t bytes) const;
};

/// Describes an energy table.
const FileSection& energy_fields();

/// Reads a table strictly; throws Error naming file and key. The set must have the rows that price() needs.
EnergyTable read_energy_table(const std::string& file);
EnergyTable read_energy_table(const class JsonObject& json);

/// Returns the pJ of one count of each action on a hardware. A memory with banks has prices of its own in the place of
/// the table's for a byte.
using ActionPrices = std::array<double, kActions>;
ActionPrices action_prices(const EnergyTable& table, const Hardware& hardware,
                           const std::optional<dram::Banks>& banks = std::nullopt);

/// Returns the pJ that each block takes in a cycle of a hardware's clock by the table's leakage.
using StaticPrices = std::array<double, kBlocks>;
StaticPrices static_prices(const EnergyTable& table, const Hardware& hardware);

/// Energies of one or several steps, in whole pJ. Each action of each phase of a step is counts × price, rounded once,
/// and each block's leakage of a step is cycles × price; all else is a sum of those, so every cut adds up to the total
/// exactly.
struct Energy {
  std::int64_t total_pj = 0;
  std::array<std::int64_t, kBlocks> block_pj{};
  std::vector<std::int64_t> phase_pj;  ///< by SimResult::phases
  std::int64_t fetch_pj = 0;           ///< of no phase: the fetch of commands
  std::int64_t standby_pj = 0;         ///< of no phase: standby and refreshes of a memory with banks
  std::array<std::int64_t, kActions> action_pj{};
  std::int64_t static_pj = 0;  ///< of no phase and no action: leakage, which total_pj and block_pj contain
  std::array<std::int64_t, kBlocks> static_block_pj{};

  /// Adds another step of the same program. Throws Error beyond 2^53 pJ (9 kJ), the last that JSON's numbers hold
  /// exactly.
  Energy& operator+=(const Energy& other);
  bool operator==(const Energy&) const = default;
};

/// Prices the counts of one step. Throws Error beyond 2^53 pJ.
Energy energy(const SimResult& result, const ActionPrices& prices, const StaticPrices& statics = {});

/// Lists what no number of an energy estimate contains, with a memory with banks or without, by a table with leakage or
/// without; to be printed beside it.
std::vector<std::string> energy_not_modelled(bool banks, bool leakage);

}  // namespace bitloom
