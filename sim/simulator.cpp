#include "sim/simulator.hpp"

#include <systemc>

#include "sim/accelerator.hpp"
#include "sim/engines.hpp"

/// The SystemC library refers to it; programs of ours have a main of their own.
int sc_main(int, char**) { return 0; }

namespace bitloom {
namespace {

Accelerator& accelerator() {
  static Accelerator top("accelerator");
  return top;
}

}  // namespace

SimResult simulate(const Program& program, const Hardware& hardware, MemoryImage* image, const StepRegisters& registers,
                   const SimOptions& options) {
  Run run(program, hardware, image, registers, options);
  accelerator().run(run);
  return std::move(run.result);
}

}  // namespace bitloom
