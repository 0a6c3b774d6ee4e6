#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/program.hpp"

namespace bitloom {

/// The commands of one phase, without tokens. All loops are set; the builder adds waits, signals, GROUP and INDEX.
struct PhaseCommands {
  struct Write {
    int tensor;  ///< index in Program::tensors
    int store;   ///< index in `stores`
  };
  CommandInfo info;
  std::vector<Command> load_shapes;   ///< descriptors of the loads
  std::vector<Command> store_shapes;  ///< and of the stores
  std::vector<Command> loads;         ///< in body order
  std::optional<Command> gemm;        ///< reads spad A and B
  SumLoop sums = SumLoop::INNER;      ///< of the GEMM; OUTER: its two loads are a group of their own
  std::optional<Command> vector;      ///< reads ACC and/or VIN
  std::vector<Command> stores;        ///< of what `vector` makes
  int out_level = 0;                  ///< level at which `vector` fills VOUT: 2 for REDUCE and POOL
  std::vector<int> reads;             ///< indices in Program::tensors
  std::vector<Write> writes;
};

/// Appends phases to a program and wires them with tokens.
///
/// Every double-buffered resource has a channel of credits: who frees it primes two at the start of a phase that uses
/// it, and who fills it takes two back before its next use (or the program's end), because buffer parity starts anew in
/// each phase. Loads of a phase wait until the phases that store what they read are complete.
class Builder {
 public:
  explicit Builder(Program& program);

  /// Adds a command of the vector queue that runs before the vector command of the next phase.
  void scalar(const Command& command, CommandInfo info);
  void phase(PhaseCommands commands);
  /// Takes all tokens back and appends END.
  void finish();

 private:
  struct Channel {
    int from, to, channel;
    bool primed = false;  ///< two credits are out
  };
  using Channels = std::vector<Channel*>;

  int append(Command command, const CommandInfo& info);
  void append_group(std::vector<Command>& group, const CommandInfo& info);
  void prime(Opcode nop, const Channels& channels, const CommandInfo& info);
  void take_back(Opcode nop, const Channels& channels, const CommandInfo& info);
  void wait_for_stores(const std::vector<int>& reads, const CommandInfo& info);
  void take_completions(int count, const CommandInfo& info);
  void flush_scalars();
  void add_loads(PhaseCommands& commands);
  void add_gemm(PhaseCommands& commands);
  void add_vector(PhaseCommands& commands);
  void add_stores(PhaseCommands& commands);

  Program& program_;
  std::vector<std::pair<Command, CommandInfo>> scalars_;
  std::map<int, int> ready_;  ///< of each tensor: completed store phases that its content needs
  int stored_ = 0;            ///< store phases so far
  int taken_ = 0;             ///< of their tokens taken by the load queue
  Channel a_free_, b_free_, vin_free_, acc_free_, out_free_;
};

}  // namespace bitloom
