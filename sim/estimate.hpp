#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kernels/hardware.hpp"
#include "model/golden/memory_kind.hpp"
#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "sim/energy.hpp"
#include "sim/roofline.hpp"
#include "sim/simulator.hpp"

namespace bitloom {

class Timeline;

/// What an estimate of steps does besides its network, recipe and hardware.
struct EstimateOptions {
  int steps = 1;                    ///< optimizer steps; all numbers of the estimate are their sums
  int stall_percent = 0;            ///< of DRAM beats, 0..99
  std::uint64_t seed = 1;           ///< of stalls; with values also of parameters, data and random words
  std::optional<dram::Banks> dram;  ///< a memory with banks in place of the flat one; then without stalls
  Schedule schedule = Schedule::kAuto;
  bool forward_only = false;     ///< of each step the forward part alone (LowerOptions)
  bool values = false;           ///< compute the steps' values too, on generated data; changes no cycle and no count
  std::string energy = "45nm";   ///< name or file of the energy table
  Hyper hyper;                   ///< momentum; with values also learning rate and input scaling
  Timeline* timeline = nullptr;  ///< takes every execution; nullptr: nobody does
  /// Is called now and then with the step and the position of a command in the program. May be empty.
  std::function<void(int step, std::size_t command, std::size_t commands)> progress;
};

/// What a part of the steps takes and needs. Parts that leave nothing out add up to the whole exactly.
struct WorkSums {
  std::uint64_t cycles = 0;
  std::int64_t energy_pj = 0;
  std::uint64_t macs = 0;         ///< multiply-accumulates as papers count (kernels/program_macs.hpp)
  std::uint64_t macs_data = 0;    ///< those that meet data, not padding
  std::uint64_t macs_issued = 0;  ///< those that the array makes, with all its cells; energy is counted by them
  double array_cycles = 0;        ///< cycles that macs_data need at full use of the array
  KindBytes dram_read;            ///< that the machine moves, in whole beats; the fetch of commands is kOther
  KindBytes dram_written;
  KindBytes compulsory_read;  ///< that any machine moves (kernels/compulsory.hpp)
  KindBytes compulsory_written;
  EngineCycles busy{};             ///< cycles in executions of the commands of each engine
  std::uint64_t bound_cycles = 0;  ///< the roofline: the sum over its operations

  WorkSums& operator+=(const WorkSums& other);
  /// Returns macs_data / (cycles × R × C × multiply-accumulates a cycle and cell).
  double utilisation() const { return cycles == 0 ? 0 : array_cycles / static_cast<double>(cycles); }
  std::uint64_t dram_bytes() const { return dram_read.total() + dram_written.total(); }
  std::uint64_t compulsory_bytes() const { return compulsory_read.total() + compulsory_written.total(); }
};

/// One layer's phase. Energy is that of the actions of its own commands; the fetch of commands has a row of its own.
struct EstimateLayer : WorkSums {
  int node = -1;      ///< of the network; -1: of none
  std::string name;   ///< of the node
  std::string phase;  ///< see CommandInfo; or kCommandFetch, kDramStandby, kLeakage
};

/// The row of what belongs to no phase. Fetching goes on beside all phases, so it takes energy and no cycles of its
/// own.
inline constexpr const char* kCommandFetch = "command fetch";
/// The row of standby and refreshes of a memory with banks, where there is one.
inline constexpr const char* kDramStandby = "DRAM standby";
/// The row of the blocks' leakage, where the energy table gives it.
inline constexpr const char* kLeakage = "leakage";

/// What one block of the machine did in all steps.
struct EstimateBlock {
  std::string name;
  std::uint64_t busy_cycles = 0;                           ///< blocks work at once: these do not add up to the cycles
  std::uint64_t stalled = 0;                               ///< cycles in which it waits for a token of another block
  std::array<std::uint64_t, kTokenCounters> stalled_on{};  ///< the same by token
  std::int64_t energy_pj = 0;
  std::int64_t static_energy_pj = 0;  ///< of it, leakage
};

/// Cycles and energy of training steps, by layer and phase and by block.
struct Estimate {
  std::string network, recipe;
  Hardware hardware;
  int batch = 0;          ///< samples of an optimizer step
  int micro_batches = 0;  ///< of a recipe that accumulates (N26); what is estimated is the last one, which updates
  EstimateOptions options;
  EnergyTable table;
  std::uint64_t commands = 0;
  SimResult result;
  Energy energy;
  WorkSums totals;
  KindBytes peak;  ///< what the program's layout reserves in DRAM, which is the most that a step ever needs
  std::vector<EstimateLayer> layers;  ///< by node and phase, in program order, and those of no phase
  std::vector<EstimateBlock> blocks;

  double time_ms() const { return static_cast<double>(result.cycles) / hardware.clock_mhz / 1e3; }
};

/// Lowers a training step and runs it on the model. Throws Interrupted soon after interrupted() is set, and Error
/// when the network, recipe, hardware or batch does not fit, or the recipe is no integer recipe.
Estimate estimate(const Network& network, const Recipe& recipe, const Hardware& hardware, int batch,
                  const EstimateOptions& options);

/// Sums the layers by phase, and by layer, each in the order of the first row; they have no node, or no phase.
std::vector<EstimateLayer> by_phase(const Estimate& estimate);
std::vector<EstimateLayer> by_layer(const Estimate& estimate);

/// Makes the keys of `bitloom run --json`, which docs/counters.md defines.
nlohmann::ordered_json to_json(const Estimate& estimate);

/// Makes text tables in lines of at most `columns` characters: sums by phase, by layer and by block, the longest first;
/// with `details` also every layer's phases and what each block waits for.
std::string text_table(const Estimate& estimate, int columns, bool details);

}  // namespace bitloom
