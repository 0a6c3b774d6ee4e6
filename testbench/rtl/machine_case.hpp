// For tests: small programs put together by hand, run on a Verilated machine, and what DRAM holds afterwards.
#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/command.hpp"
#include "sim/cosim/rtl/harness.hpp"

namespace bitloom {

/// A machine of a named hardware with 1 MiB of DRAM: the program at kProgram, data wherever the test likes.
class MachineCase {
 public:
  static constexpr std::uint32_t kProgram = 0xF0000;
  static constexpr std::size_t kBytes = 0x100000;

  explicit MachineCase(const std::string& hardware_name, int stall_percent = 0, std::uint64_t seed = 1);

  /// Takes another library of the same hardware; to be called before anything is written to memory.
  void use(const std::string& library);

  const Hardware& hardware() const { return hardware_; }
  RtlMachine& machine() { return *machine_; }
  std::vector<std::uint8_t>& memory() { return machine_->memory(); }
  std::mt19937_64& random() { return random_; }
  int uniform(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }

  /// Adds a command; gives it its INDEX.
  Command& add(Opcode opcode);
  /// Adds a command with effective rows and cols everywhere.
  Command& add_shaped(Opcode opcode, int rows, int cols);
  /// Adds a LOAD of rows × cols int32 (pitch in bytes) into VIN: row i to word `word` + i·local_pitch.
  Command& load_vin(std::uint32_t address, int rows, int cols, int pitch, int word, int local_pitch);
  /// TILE that copies words 0 … words − 1 of VIN to VOUT (−2^31 becomes −2^31 + 1).
  Command& copy(int words);
  /// Adds a STORE of rows × cols int32 of VOUT, the other way round.
  Command& store_vout(std::uint32_t address, int rows, int cols, int pitch, int word, int local_pitch);
  /// Makes a LOAD one of bytes: 8 bits in memory and in the scratchpad.
  static Command& bytes(Command& load);
  /// GEMM of one segment of `bytes` bytes of the reduction, on whatever the scratchpads hold.
  Command& add_gemm(int bytes);
  /// Adds the commands that fill VOUT from DRAM; what the store queue gets after them finds the words there.
  void fill_vout(std::uint32_t address, int words);

  /// Adds END, writes the program and runs it.
  RtlResult run(std::uint64_t max_cycles = 5'000'000);
  /// As run(), without adding END; the program stays, to be run again.
  RtlResult run_again(std::uint64_t max_cycles = 5'000'000);

  std::int32_t word_at(std::uint32_t address) const;
  void put_word(std::uint32_t address, std::int32_t value);
  void fill_random(std::uint32_t address, std::size_t bytes);

 private:
  Hardware hardware_;
  int stall_percent_;
  std::uint64_t seed_;
  std::unique_ptr<RtlMachine> machine_;
  std::mt19937_64 random_;
  std::vector<Command> commands_;
};

/// Names of the hardware that every test runs on.
std::vector<std::string> all_hardware();

}  // namespace bitloom
