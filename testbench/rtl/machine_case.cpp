#include "testbench/rtl/machine_case.hpp"

#include <algorithm>
#include <cstring>

#include "model/traces.hpp"

namespace bitloom {

namespace {

DramTiming timing(const Hardware& hardware, int stall_percent, std::uint64_t seed) {
  return {hardware.dram_read_latency, hardware.dram_write_latency, stall_percent, seed};
}

}  // namespace

std::vector<std::string> all_hardware() { return {"tiny", "odd", "base"}; }

MachineCase::MachineCase(const std::string& hardware_name, int stall_percent, std::uint64_t seed)
    : hardware_(read_hardware(resolve_trace(TraceKind::kHardware, hardware_name))), random_(seed * 7919 + 13) {
  hardware_.dram_bytes = kBytes;
  machine_ = std::make_unique<RtlMachine>(rtl_library_path(hardware_name), hardware_,
                                          timing(hardware_, stall_percent, seed), seed);
  machine_->set_watchdog(20'000);
  memory().assign(kBytes, 0xEE);
}

Command& MachineCase::add(Opcode opcode) {
  commands_.emplace_back(opcode);
  commands_.back().set(Field::INDEX, static_cast<int>(commands_.size()) - 1);
  return commands_.back();
}

Command& MachineCase::load_vin(std::uint32_t address, int rows, int cols, int pitch, int word) {
  const int words = (cols + hardware_.axi_bytes - 1) / hardware_.axi_bytes;
  return add(Opcode::LOAD)
      .set(Field::ADDR, address)
      .set(Field::ROWS, rows)
      .set(Field::ROWS_LAST, rows)
      .set(Field::ROWS_DIM, 3)
      .set(Field::COLS, cols)
      .set(Field::COLS_LAST, cols)
      .set(Field::COLS_DIM, 3)
      .set(Field::PITCH, pitch)
      .set(Field::TARGET, static_cast<int>(LoadTarget::VIN))
      .set(Field::LOCAL_BASE, word)
      .set(Field::LOCAL_PITCH, words);
}

Command& MachineCase::copy(int rows, int words) {
  const int cols = words * hardware_.lanes();
  return add(Opcode::TILE)
      .set(Field::ROWS, rows)
      .set(Field::ROWS_LAST, rows)
      .set(Field::ROWS_DIM, 3)
      .set(Field::COLS, cols)
      .set(Field::COLS_LAST, cols)
      .set(Field::COLS_DIM, 3)
      .set_flag(Flag::FROM_VIN)
      .set_flag(Flag::RAW_OUT);
}

Command& MachineCase::store_raw(std::uint32_t address, int rows, int cols, int pitch, int local_pitch) {
  return add(Opcode::STORE)
      .set(Field::ADDR, address)
      .set(Field::ROWS, rows)
      .set(Field::ROWS_LAST, rows)
      .set(Field::ROWS_DIM, 3)
      .set(Field::COLS, cols)
      .set(Field::COLS_LAST, cols)
      .set(Field::COLS_DIM, 3)
      .set(Field::PITCH, pitch)
      .set(Field::TARGET, static_cast<int>(StoreSource::RAW))
      .set(Field::LOCAL_PITCH, local_pitch);
}

RtlResult MachineCase::run(std::uint64_t max_cycles) {
  add(Opcode::END);
  std::uint32_t address = kProgram;
  for (const Command& command : commands_) {
    const auto bytes = encode(command);
    std::copy(bytes.begin(), bytes.end(), memory().begin() + address);
    address += kCommandBytes;
  }
  machine_->write_register(Register::PROGRAM, kProgram);
  machine_->write_register(Register::PROGRAM_LENGTH, static_cast<std::uint32_t>(commands_.size()));
  return run_again(max_cycles);
}

RtlResult MachineCase::run_again(std::uint64_t max_cycles) { return machine_->run(max_cycles); }

std::int32_t MachineCase::word_at(std::uint32_t address) const {
  std::int32_t value = 0;
  std::memcpy(&value, machine_->memory().data() + address, 4);
  return value;
}

void MachineCase::put_word(std::uint32_t address, std::int32_t value) {
  std::memcpy(memory().data() + address, &value, 4);
}

void MachineCase::fill_random(std::uint32_t address, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) memory()[address + i] = static_cast<std::uint8_t>(random_());
}

}  // namespace bitloom
