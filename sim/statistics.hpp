#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/command_set.hpp"

namespace bitloom {

/// What the model counts and an energy table prices. X(name, block): the block that spends the energy. Names that end
/// in
/// `_bytes` count bytes, the others count operations. docs/energy.md says what each one is.
#define BITLOOM_ACTIONS(X)          \
  X(command_fetch_bytes, kDram)     \
  X(dram_read_bytes, kDram)         \
  X(dram_write_bytes, kDram)        \
  X(dram_activates, kDram)          \
  X(dram_reads, kDram)              \
  X(dram_writes, kDram)             \
  X(dram_refreshes, kDram)          \
  X(dram_active_cycles, kDram)      \
  X(dram_precharged_cycles, kDram)  \
  X(line_write_bytes, kDmaLoad)     \
  X(line_read_bytes, kDmaLoad)      \
  X(spad_a_write_bytes, kDmaLoad)   \
  X(spad_b_write_bytes, kDmaLoad)   \
  X(vin_write_bytes, kDmaLoad)      \
  X(spad_a_read_bytes, kMacArray)   \
  X(spad_b_read_bytes, kMacArray)   \
  X(mac8, kMacArray)                \
  X(mac4, kMacArray)                \
  X(mac_log, kMacArray)             \
  X(mac1, kMacArray)                \
  X(accumulator_add, kMacArray)     \
  X(acc_read_bytes, kMacArray)      \
  X(acc_write_bytes, kMacArray)     \
  X(acc_drain_bytes, kVectorUnit)   \
  X(vin_read_bytes, kVectorUnit)    \
  X(vbias_read_bytes, kVectorUnit)  \
  X(vbias_write_bytes, kVectorUnit) \
  X(vout_write_bytes, kVectorUnit)  \
  X(table_read_bytes, kVectorUnit)  \
  X(table_write_bytes, kVectorUnit) \
  X(bias_add, kVectorUnit)          \
  X(relu, kVectorUnit)              \
  X(mask_select, kVectorUnit)       \
  X(maximum, kVectorUnit)           \
  X(raw_clamp, kVectorUnit)         \
  X(requantize, kVectorUnit)        \
  X(log_code, kVectorUnit)          \
  X(fixed_product, kVectorUnit)     \
  X(momentum_product, kVectorUnit)  \
  X(update_round, kVectorUnit)      \
  X(polyline_code, kVectorUnit)     \
  X(adam_root, kVectorUnit)         \
  X(adam_quotient, kVectorUnit)     \
  X(reduce_add, kVectorUnit)        \
  X(reduce_product, kVectorUnit)    \
  X(pool_step, kVectorUnit)         \
  X(loss_exponential, kVectorUnit)  \
  X(loss_probability, kVectorUnit)  \
  X(loss_sample, kVectorUnit)       \
  X(draw8, kVectorUnit)             \
  X(draw16, kVectorUnit)            \
  X(threefry13, kVectorUnit)        \
  X(threefry20, kVectorUnit)        \
  X(scale_product, kVectorUnit)     \
  X(scale_quotient, kVectorUnit)    \
  X(scale_maximum, kVectorUnit)     \
  X(scale_copy, kVectorUnit)        \
  X(real_operation, kVectorUnit)    \
  X(real_root, kVectorUnit)         \
  X(select_compare, kVectorUnit)    \
  X(vout_read_bytes, kDmaStore)

enum class Action : std::size_t {
#define BITLOOM_ACTION(name, block) name,
  BITLOOM_ACTIONS(BITLOOM_ACTION)
#undef BITLOOM_ACTION
      kCount
};
inline constexpr std::size_t kActions = static_cast<std::size_t>(Action::kCount);

/// Blocks of the accelerator, in the order of the queues that drive them, then the two that no queue drives.
enum class Block : std::size_t { kDmaLoad, kMacArray, kVectorUnit, kDmaStore, kCommandProcessor, kDram, kCount };
inline constexpr std::size_t kBlocks = static_cast<std::size_t>(Block::kCount);

const char* action_name(Action action);
const char* block_name(Block block);
Block action_block(Action action);

/// How often each action happened.
struct ActionCounts {
  std::array<std::uint64_t, kActions> count{};
  std::uint64_t& operator[](Action action) { return count[static_cast<std::size_t>(action)]; }
  std::uint64_t operator[](Action action) const { return count[static_cast<std::size_t>(action)]; }
  ActionCounts& operator+=(const ActionCounts& other) {
    for (std::size_t i = 0; i < kActions; ++i) count[i] += other.count[i];
    return *this;
  }
  bool operator==(const ActionCounts&) const = default;
};

/// Where a queue's cycles went; they add up to the program's cycles.
struct QueueStatistics {
  std::uint64_t executions = 0;
  std::uint64_t busy = 0;                                  ///< cycles in executions
  std::array<std::uint64_t, kTokenCounters> stalled_on{};  ///< cycles waiting for a token, by its id
  std::uint64_t starved = 0;                               ///< cycles without a command, at the start and the end too
  std::uint64_t overhead = 0;                              ///< cycles between executions that no wait explains
  std::uint64_t stalled() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t cycles : stalled_on) sum += cycles;
    return sum;
  }
  bool operator==(const QueueStatistics&) const = default;
};

}  // namespace bitloom
