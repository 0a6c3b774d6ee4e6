// For tests: small programs put together by hand, run on a Verilated machine, and what DRAM holds afterwards.
#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/command.hpp"
#include "testbench/rtl/harness.hpp"

namespace bitloom {

/// A machine of a named hardware with 1 MiB of DRAM: the program at kProgram, data wherever the test likes.
class MachineCase {
 public:
  static constexpr std::uint32_t kProgram = 0xF0000;
  static constexpr std::size_t kBytes = 0x100000;

  explicit MachineCase(const std::string& hardware_name, int stall_percent = 0, std::uint64_t seed = 1);

  const Hardware& hardware() const { return hardware_; }
  RtlMachine& machine() { return *machine_; }
  std::vector<std::uint8_t>& memory() { return machine_->memory(); }
  std::mt19937_64& random() { return random_; }
  int uniform(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }

  /// Adds a command; gives it its INDEX.
  Command& add(Opcode opcode);
  /// LOAD of rows × cols bytes into VIN from word `word`, one row after the other.
  Command& load_vin(std::uint32_t address, int rows, int cols, int pitch, int word);
  /// TILE that copies rows × words words from VIN to VOUT.RAW, both from word 0.
  Command& copy(int rows, int words);
  Command& store_raw(std::uint32_t address, int rows, int cols, int pitch, int local_pitch);

  /// Adds END, writes the program and runs it.
  RtlResult run(std::uint64_t max_cycles = 5'000'000);
  /// As run(), without adding END; the program stays, to be run again.
  RtlResult run_again(std::uint64_t max_cycles = 5'000'000);

  std::int32_t word_at(std::uint32_t address) const;
  void put_word(std::uint32_t address, std::int32_t value);
  void fill_random(std::uint32_t address, std::size_t bytes);

 private:
  Hardware hardware_;
  std::unique_ptr<RtlMachine> machine_;
  std::mt19937_64 random_;
  std::vector<Command> commands_;
};

/// Names of the hardware that every test runs on.
std::vector<std::string> all_hardware();

}  // namespace bitloom
