#include "testbench/rtl/machine_case.hpp"

#include <algorithm>
#include <cstring>

#include "model/io/traces.hpp"

namespace bitloom {

namespace {

DramTiming timing(const Hardware& hardware, int stall_percent, std::uint64_t seed) {
  return {hardware.dram_read_latency, hardware.dram_write_latency, stall_percent, seed};
}

}  // namespace

std::vector<std::string> all_hardware() { return {"tiny", "odd", "base"}; }

MachineCase::MachineCase(const std::string& hardware_name, int stall_percent, std::uint64_t seed)
    : hardware_(read_hardware(resolve_trace(TraceKind::kHardware, hardware_name))),
      stall_percent_(stall_percent),
      seed_(seed),
      random_(seed * 7919 + 13) {
  hardware_.dram_bytes = kBytes;
  use(rtl_library_path(hardware_name));
}

void MachineCase::use(const std::string& library) {
  machine_ = std::make_unique<RtlMachine>(library, hardware_, timing(hardware_, stall_percent_, seed_), seed_);
  machine_->set_watchdog(20'000);
  memory().assign(kBytes, 0xEE);
}

Command& MachineCase::add(Opcode opcode) {
  commands_.emplace_back(opcode);
  commands_.back().set(Field::INDEX, static_cast<int>(commands_.size()) - 1);
  return commands_.back();
}

Command& MachineCase::add_shaped(Opcode opcode, int rows, int cols) {
  return add(opcode)
      .set(Field::ROWS, rows)
      .set(Field::ROWS_LAST, rows)
      .set(Field::ROWS_DIM, 3)
      .set(Field::COLS, cols)
      .set(Field::COLS_LAST, cols)
      .set(Field::COLS_DIM, 3);
}

Command& MachineCase::load_vin(std::uint32_t address, int rows, int cols, int pitch, int word, int local_pitch) {
  return add_shaped(Opcode::LOAD, rows, cols)
      .set(Field::ADDR, address)
      .set(Field::PITCH, pitch)
      .set(Field::TARGET, static_cast<int>(LoadTarget::VIN))
      .set(Field::MEMORY_BITS, static_cast<int>(Width::BITS32))
      .set(Field::LOCAL_BITS, static_cast<int>(Width::BITS32))
      .set(Field::LOCAL_BASE, word)
      .set(Field::LOCAL_PITCH, local_pitch);
}

Command& MachineCase::copy(int words) {
  return add_shaped(Opcode::TILE, words, hardware_.lanes).set_flag(Flag::FROM_VIN).set_flag(Flag::RAW_OUT);
}

Command& MachineCase::store_vout(std::uint32_t address, int rows, int cols, int pitch, int word, int local_pitch) {
  return add_shaped(Opcode::STORE, rows, cols)
      .set(Field::ADDR, address)
      .set(Field::PITCH, pitch)
      .set(Field::MEMORY_BITS, static_cast<int>(Width::BITS32))
      .set(Field::LOCAL_BASE, word)
      .set(Field::LOCAL_PITCH, local_pitch);
}

Command& MachineCase::bytes(Command& load) {
  return load.set(Field::MEMORY_BITS, static_cast<int>(Width::BITS8))
      .set(Field::LOCAL_BITS, static_cast<int>(Width::BITS8));
}

Command& MachineCase::add_gemm(int bytes) {
  return add(Opcode::GEMM).set(Field::COLS, bytes).set(Field::COLS_LAST, bytes).set(Field::COLS_DIM, 3);
}

void MachineCase::fill_vout(std::uint32_t address, int words) {
  load_vin(address, 1, words * hardware_.lanes, 0, 0, 0).signal(make_token(kLoadQueue, kVectorQueue, 0));
  copy(words).wait(make_token(kLoadQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kStoreQueue, 0));
  add(Opcode::STORE_NOP).wait(make_token(kVectorQueue, kStoreQueue, 0));
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
