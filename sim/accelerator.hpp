#pragma once
#include <systemc>

#include "sim/command_processor.hpp"
#include "sim/sequencer.hpp"

namespace bitloom {

/// The top: command processor and four queues. Elaborated once in a process; every run gives it a program, a hardware
/// and a memory, so one elaboration serves all hardware.
class Accelerator : public sc_core::sc_module {
 public:
  explicit Accelerator(const sc_core::sc_module_name& name);

  /// Runs the program to its end. Throws what an engine threw, or Error for a deadlock.
  void run(Run& run);

 private:
  CommandProcessor commands_;
  Sequencer load_, array_, vector_, store_;
};

}  // namespace bitloom
