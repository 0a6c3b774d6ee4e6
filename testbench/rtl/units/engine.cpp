// Compiled once for each hardware, with the Verilated class of its engine.
#include "testbench/rtl/units/engine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include BITLOOM_UNIT_HEADER
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {

namespace {

using Model = BITLOOM_UNIT_CLASS;
constexpr int kMaxCycles = 200'000;

class VerilatedEngine : public Engine {
 public:
  VerilatedEngine(const Hardware& hw, int seed)
      : Engine(hw), unit_(seed), bytes_(static_cast<std::size_t>(hw.vector_word())) {
    unit_->start_i = 0;
    unit_->exec_valid_i = 0;
    unit_.reset();
  }

  void start(const Registers& registers) override {
    unit_->seed_i = registers.seed;
    unit_->step_i = registers.step;
    unit_->lr_i = registers.learning_rate;
    unit_->start_i = 1;
    cycle();
    unit_->start_i = 0;
  }

  int run(const Execution& e) override {
    for (int w = 0; w < kCommandWords; ++w) unit_->exec_cmd_i[w] = e.command.words()[static_cast<std::size_t>(w)];
    unit_->exec_rows_i = static_cast<std::uint16_t>(e.rows);
    unit_->exec_cols_i = static_cast<std::uint16_t>(e.cols);
    unit_->exec_row0_i = e.row0;
    unit_->exec_col0_i = e.col0;
    unit_->exec_i1_i = static_cast<std::uint16_t>(e.i1);
    unit_->exec_i2_i = static_cast<std::uint16_t>(e.i2);
    unit_->exec_par_i = static_cast<std::uint8_t>(e.parity);
    unit_->exec_first_i = e.first ? 1 : 0;
    unit_->exec_last_i = e.last ? 1 : 0;
    unit_->exec_valid_i = 1;
    int cycles = 1;
    while (!cycle()) {
      if (++cycles > kMaxCycles) {
        ADD_FAILURE() << "no done pulse: " << disassemble(e.command);
        break;
      }
    }
    unit_->exec_valid_i = 0;
    EXPECT_FALSE(cycle()) << "done without an execution";
    return cycles;
  }

 private:
  /// One clock cycle with the memories' answers; true when the engine says done in it.
  bool cycle() {
    unit_->clk_i = 0;
    unit_->eval();
    const bool done = unit_->exec_done_o != 0;
    const int groups = static_cast<int>(memories.acc.size()) / (2 * hardware().rows * hardware().lanes);
    const std::size_t acc = ((unit_->acc_tile_o * static_cast<std::size_t>(hardware().rows) + unit_->acc_row_o) *
                                 static_cast<std::size_t>(groups) +
                             unit_->acc_group_o) *
                            static_cast<std::size_t>(hardware().lanes);
    const std::size_t vin = unit_->vin_addr_o * bytes_;
    if (unit_->raw_we_o != 0) write(memories.vout, unit_->raw_addr_o, &unit_->raw_data_o);
    unit_->clk_i = 1;
    unit_->eval();
    for (int v = 0; v < hardware().lanes; ++v) {
      const std::size_t index = acc + static_cast<std::size_t>(v);
      set_accumulator(v, index < memories.acc.size() ? memories.acc[index] : 0);
    }
    if (vin + bytes_ <= memories.vin.size()) std::memcpy(&unit_->vin_data_i, &memories.vin[vin], bytes_);
    return done;
  }

  void set_accumulator(int lane, std::int64_t value) {
    const std::uint64_t bits = low_bits(value, 48);
    for (int half = 0; half < 3; ++half) {
      const int bit = lane * 48 + half * 16;
      std::uint32_t& word = unit_->acc_data_i[bit / 32];
      const auto part = static_cast<std::uint32_t>(bits >> (half * 16) & 0xffffu);
      word = (word & ~(0xffffu << (bit % 32))) | part << (bit % 32);
    }
  }

  void write(std::vector<std::uint8_t>& memory, std::size_t word, const void* data) {
    if ((word + 1) * bytes_ > memory.size()) {
      ADD_FAILURE() << "a write beyond a memory: word " << word;
      return;
    }
    std::memcpy(&memory[word * bytes_], data, bytes_);
  }

  Unit<Model> unit_;
  std::size_t bytes_;
};

}  // namespace

const Hardware& hardware() {
  static const Hardware hw = [] {
    const char* source = std::getenv("BITLOOM_SOURCE_DIR");
    return read_hardware(std::string(source != nullptr ? source : ".") + "/traces/hardware/" BITLOOM_UNIT_HARDWARE
                                                                         ".json");
  }();
  return hw;
}

std::unique_ptr<Engine> make_engine(int seed) { return std::make_unique<VerilatedEngine>(hardware(), seed); }

}  // namespace bitloom::testing
