#include "kernels/hardware.hpp"

#include <fmt/format.h>

#include <limits>
#include <string>

#include "model/io/json_reader.hpp"

namespace bitloom {

namespace {

/// Largest count that a 16-bit field of a command can hold.
constexpr int kFieldMax = 65535;

int power_of_two(const JsonObject& json, const char* key, int min, int max) {
  const int value = json.get<int>(key, min, max);
  if ((value & (value - 1)) != 0) json.fail(key, fmt::format("expected a power of two, got {}", value));
  return value;
}

int multiple(const JsonObject& json, const char* key, int unit, int max) {
  const int value = json.get<int>(key, unit, max);
  if (value % unit != 0) json.fail(key, fmt::format("expected a multiple of axi_bytes = {}, got {}", unit, value));
  return value;
}

std::string name_of(const JsonObject& json) {
  const auto name = json.get<std::string>("name");
  if (name.empty()) json.fail("name", "expected a name, got an empty string");
  return name;
}

double clock_of(const JsonObject& json) { return json.get<double>("clock_mhz", 1e-3, 1e6); }

}  // namespace

Hardware read_hardware(const std::filesystem::path& file) {
  const JsonObject json = JsonObject::from_file(file.string());
  Hardware hw;
  hw.name = name_of(json);
  hw.clock_mhz = clock_of(json);
  hw.axi_bytes = power_of_two(json, "axi_bytes", 8, 32);
  hw.rows = json.get<int>("rows", 1, hw.axi_bytes);
  hw.cols = json.get<int>("cols", hw.lanes(), hw.axi_bytes);
  hw.spad_a_bytes = multiple(json, "spad_a_bytes", hw.axi_bytes, kFieldMax);
  hw.spad_b_bytes = multiple(json, "spad_b_bytes", hw.axi_bytes, kFieldMax);
  hw.vin_words = json.get<int>("vin_words", 1, kFieldMax);
  hw.vout_words = json.get<int>("vout_words", 1, kFieldMax);
  hw.vbias_words = json.get<int>("vbias_words", 1, kFieldMax);
  hw.table_words = json.get<int>("table_words", 64, 4092);
  hw.queue_depth = json.get<int>("queue_depth", 4, 1024);
  hw.max_outstanding = json.get<int>("max_outstanding", 1, 64);
  hw.max_burst = power_of_two(json, "max_burst", 1, 256);
  hw.dram_read_latency = json.get<int>("dram_read_latency", 1, 1'000'000);
  hw.dram_write_latency = json.get<int>("dram_write_latency", 1, 1'000'000);
  hw.dram_bytes = json.get<std::uint64_t>("dram_bytes", 4096, std::uint64_t{1} << 32);
  json.finish();
  return hw;
}

std::vector<HardwareParameter> structural_parameters(const Hardware& hw) {
  const int words = hw.axi_bytes;
  return {{"ROWS", hw.rows},
          {"COLS", hw.cols},
          {"AXI_BYTES", hw.axi_bytes},
          {"LANES", hw.lanes()},
          {"SPAD_A_WORDS", hw.spad_a_bytes / words},
          {"SPAD_B_WORDS", hw.spad_b_bytes / words},
          {"VIN_WORDS", hw.vin_words},
          {"VOUT_WORDS", hw.vout_words},
          {"VBIAS_WORDS", hw.vbias_words},
          {"TABLE_WORDS", hw.table_words},
          {"QUEUE_DEPTH", hw.queue_depth},
          {"MAX_OUTSTANDING", hw.max_outstanding},
          {"MAX_BURST", hw.max_burst}};
}

std::uint32_t config_hash(const Hardware& hw) {
  std::uint32_t hash = 2166136261u;
  for (const HardwareParameter& parameter : structural_parameters(hw)) {
    for (const char c : fmt::format("{}={};", parameter.name, parameter.value)) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    }
  }
  return hash;
}

}  // namespace bitloom
