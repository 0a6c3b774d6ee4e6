#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/command.hpp"
#include "kernels/hardware.hpp"

namespace bitloom::testing {

/// The memories around the vector engine (docs/commands.md); words of VIN and VOUT as their bytes.
struct Memories {
  explicit Memories(const Hardware& hw);
  std::vector<std::int64_t> acc;  ///< [2][rows][groups * lanes]
  std::vector<std::uint8_t> vin, vout;

  std::int32_t vin_value(std::size_t index) const;  ///< of VIN as an array of int32
  void set_vin_value(std::size_t index, std::int32_t value);
  std::uint32_t vout_value(std::size_t index) const;
  void set_vout_value(std::size_t index, std::int32_t value);
};

/// One execution of a command: what the sequencer gives the engine.
struct Execution {
  explicit Execution(const Command& c);
  Command command;
  std::uint32_t rows, cols;  ///< effective; those of the command unless changed
  std::uint32_t row0 = 0, col0 = 0;
  std::uint32_t i1 = 0, i2 = 0;
  std::uint32_t parity = 0;  ///< bit L: of level L
  bool first = true, last = true;

  std::uint32_t parity0() const { return parity >> command.get(Field::PARITY0) & 1u; }
  std::uint32_t parity2() const { return parity >> 2 & 1u; }
  /// Says whether i1 and i2 are at their last.
  bool ends() const { return i1 + 1 == command.get(Field::N1) && i2 + 1 == command.get(Field::N2); }
};

struct Registers {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::uint32_t learning_rate = 0;
};

/// bl_vector between memories of C++.
class Engine {
 public:
  explicit Engine(const Hardware& hw) : memories(hw) {}
  virtual ~Engine() = default;
  /// Gives the pulse at the start of a program; the registers stay.
  virtual void start(const Registers& registers) = 0;
  /// Runs one execution and returns its cycles: those with exec_valid_i, up to the done pulse.
  virtual int run(const Execution& execution) = 0;

  Memories memories;
};

/// The hardware that this test program was built for.
const Hardware& hardware();
std::unique_ptr<Engine> make_engine(int seed);

}  // namespace bitloom::testing
