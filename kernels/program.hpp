#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernels/command.hpp"
#include "kernels/hardware.hpp"
#include "kernels/names.hpp"
#include "model/golden/state_schema.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "model/network/step_config.hpp"
#include "model/numerics/gradient_buffer.hpp"

namespace bitloom {

/// What the bits of an element mean.
enum class Coding {
  kSigned,    ///< two's complement
  kUnsigned,  ///< masks, codes of ReLU results, group codes, log codes as bit patterns
  kSign,      ///< one bit: 1 is +1, 0 is −1
};

/// A tensor in memory: element (r, c) lies bits · c bits behind address + r · pitch, lowest bit first
/// (docs/commands.md). (r, c) is the canonical view (N4.4, N14.1), which golden's records use too.
struct TensorPlacement {
  std::string name;                      ///< in listings and messages
  std::optional<TensorHandle> golden{};  ///< the tensor of golden's record that it is; none: the accelerator's own
  MemoryKind kind = MemoryKind::kOther;  ///< in reports
  int bits = 32;                         ///< 1, 4, 8, 16 or 32
  Coding coding = Coding::kSigned;
  int rows = 0;
  int cols = 0;
  std::uint32_t pitch = 0;    ///< bytes between rows: those that a row needs
  std::uint64_t address = 0;  ///< from BASE, or from BATCH for in_batch; a multiple of 64
  std::uint32_t bytes = 0;    ///< rows · pitch, below 4 GiB
  bool in_batch = false;      ///< lies in the batch block, written by the host
  bool state = false;         ///< lives across steps
  std::vector<int> writers;   ///< indices of the commands that write it; empty: the host does
};

/// What a command is for, in reports and listings; it changes nothing that is computed.
struct CommandInfo {
  int node = -1;      ///< index in Network::nodes; −1: of none
  std::string phase;  ///< weights, forward, quantize, loss, dgrad, wgrad, update, norm, pool, add, tables
  std::string text;   ///< what it does, for listings
  /// GEMM of a layer's product: multiply-accumulates of one array element in a cycle, 1, 2 or 8. 0 in all other
  /// commands, also in sums by a constant one.
  int macs_a_cycle = 0;
};

/// Which order of a GEMM's loops the lowering takes (docs/schedule.md).
enum class Schedule {
  kAuto,         ///< that of the least predicted cost
  kOutputStays,  ///< "os": a tile's sums stay in the array while the reduction goes by
  kWeightsStay,  ///< "ws": weights stay for as many columns as fit; a weight gradient, which has none, is as kAuto
};

/// What a program depends on besides network, recipe and hardware.
struct LowerOptions {
  int batch = 0;           ///< samples, 1 … 65535
  std::uint32_t mu16 = 0;  ///< round(65536 · momentum), 0 … 65535
  int batch_slots = 1;     ///< batch blocks in memory, at least 1
  int epoch = 0;           ///< NITI: chooses gb (N24.3, gradient_bits_at()); another gb makes another program
  /// Of which micro-batches (N26.6); counts only for recipes that accumulate. The programs of all parts agree on where
  /// everything lies but the program itself, which is last.
  MicroBatch part{};
  Schedule schedule = Schedule::kAuto;
  bool forward_only = false;  ///< codes of weights and the forward pass, to the logits: no loss, gradient or update
};

/// Returns the options of steps of this configuration.
inline LowerOptions lower_options(const StepConfig& config, MicroBatch part = {}) {
  return {config.samples, config.mu16, 1, config.epoch, part};
}

/// A step as commands, and where everything lies. All addresses are bytes from BASE unless said otherwise.
struct Program {
  Network network;
  std::string recipe;
  Hardware hardware;
  int batch = 0;
  StateSchema state;              ///< what lives across steps, all of it in memory
  std::vector<int> state_places;  ///< of each of its tensors the index in `tensors`

  std::vector<Command> commands;
  std::vector<CommandInfo> info;         ///< one for each command
  std::vector<TensorPlacement> tensors;  ///< in address order, those of the batch block last
  /// Tensors of golden's record that lie nowhere in memory when the step ends: what stays on the chip, went straight
  /// into codes (N6.3) or was overwritten.
  std::set<TensorHandle> left_out;

  /// Index in table T of golden's scalars and of own ones. These entries live in the table page: loaded at the start of
  /// a step and stored at its end.
  std::map<EntryName, int> table;
  int table_entries = 0;                         ///< of the page, from T[0] on (a multiple of V)
  std::map<int, std::uint32_t> table_constants;  ///< entries that never change
  std::uint64_t table_address = 0;

  std::uint64_t program_address = 0;  ///< PROGRAM register = BASE + this
  std::uint64_t state_begin = 0;      ///< the table page and the tensors that live across steps
  std::uint64_t state_end = 0;
  std::uint64_t batch_address = 0;  ///< BATCH register = BASE + this + slot · batch_bytes
  std::uint64_t batch_bytes = 0;
  int batch_slots = 1;
  std::uint64_t total_bytes = 0;
};

/// Lowers a training step. Throws Error when the network or the recipe needs what the accelerator lacks, or the
/// hardware is too small, naming node, GEMM and memory. The result has passed verify().
Program lower(const Network& network, const Recipe& recipe, const Hardware& hardware, const LowerOptions& options);

/// Returns the placement of that name; nullptr when there is none.
const TensorPlacement* find_tensor(const Program& program, const std::string& name);

/// Returns the program as text, one command a line.
std::string listing(const Program& program);

}  // namespace bitloom
