#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/program.hpp"
#include "model/io/output_file.hpp"
#include "sim/simulator.hpp"

namespace bitloom {

/// Writes what the engines did as a trace that Perfetto and Chrome open (docs/counters.md, Timeline): a track a queue
/// and one for the fetch of commands, a slice a loop group, or an execution in one layer; and a track a DRAM channel, a
/// slice a time in which its data bus moves without a pause.
class Timeline {
 public:
  /// The file may be no larger than `limit` bytes. `detail` names the layer whose executions have slices of their own;
  /// empty: none. Throws Error where the file cannot be written.
  Timeline(const std::string& path, std::string detail, std::uint64_t limit = 200'000'000);

  /// Says which program the executions that follow are of. Throws Error where it has no layer of the name `detail`.
  /// `channels` is that of a memory with banks.
  void begin(const Program& program, int channels = 0);
  /// Takes an execution; those of one queue come in order. Throws Error where the file would become too large.
  void take(const ExecutionRecord& execution);
  /// Takes a burst of a DRAM channel; those of one come in order. Throws as take() does.
  void take_bus(const dram::BusSlice& slice);
  /// Ends a step of `cycles` cycles: the next one's executions come behind it, and behind what DRAM then still moves.
  void end_step(std::uint64_t cycles);
  /// Puts the file under its name. Without it there is none.
  void commit();

 private:
  struct Slice {
    std::uint32_t first = 0;  ///< position of the group's first command; with `detail` of the command
    std::uint64_t start = 0, end = 0, busy = 0, executions = 0;
  };
  struct Bus {
    dram::BusSlice slice;
    std::uint64_t bursts = 0;
  };

  void event(const std::string& json);
  void name_track(std::size_t track, const std::string& name);
  void write(std::size_t track, const Slice& slice);
  void write_bus(std::size_t channel, const Bus& bus);

  OutputFile file_;
  std::string path_, detail_;
  std::uint64_t limit_, written_ = 0;
  std::uint64_t before_ = 0;  ///< where the steps that have ended end
  const Program* program_ = nullptr;
  std::vector<std::uint32_t> group_;  ///< of each command, the first of its loop group; with `detail` itself
  std::vector<bool> single_;          ///< of each command: does each execution have a slice?
  std::array<std::optional<Slice>, kTracks> open_;
  std::vector<std::optional<Bus>> open_bus_;  ///< by channel
};

}  // namespace bitloom
