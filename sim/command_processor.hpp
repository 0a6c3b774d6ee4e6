#pragma once
#include <array>
#include <exception>
#include <systemc>
#include <vector>

#include "sim/engines.hpp"
#include "sim/sequencer.hpp"

namespace bitloom {

/// Fetches the program ahead of the queues, dispatches each command to its queue in order, and ends the program.
class CommandProcessor : public sc_core::sc_module, public QueueListener {
 public:
  SC_HAS_PROCESS(CommandProcessor);
  explicit CommandProcessor(const sc_core::sc_module_name& name);

  void start(Run& run, std::uint64_t origin, const std::array<Sequencer*, kQueues>& queues);
  void stop();

  bool done() const { return done_; }
  /// Returns what the run failed with; else null.
  std::exception_ptr error() const { return error_; }

  void freed(std::uint64_t cycle) override;
  void failed(std::exception_ptr error) override;

 private:
  std::uint64_t now() const { return sc_core::sc_time_stamp().value() - origin_; }
  void wake_at(std::uint64_t cycle);
  void step();
  void react();
  void ask(std::uint64_t cycle);
  void dispatch();
  void end();

  sc_core::sc_event wake_;
  Run* run_ = nullptr;
  std::uint64_t origin_ = 0;
  std::array<Sequencer*, kQueues> queues_{};
  std::uint32_t bursts_ = 1, beats_ = 1;    ///< of a command
  std::size_t asked_ = 0, dispatched_ = 0;  ///< commands
  std::vector<std::uint64_t> here_;         ///< first cycle in which each command asked for is there
  std::uint64_t next_ask_ = 0, ready_ = 0;
  bool done_ = false;
  std::exception_ptr error_;
};

}  // namespace bitloom
