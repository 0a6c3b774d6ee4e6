#include "kernels/hardware.hpp"

#include <fmt/format.h>

#include <bit>
#include <string>

#include "model/io/field_reader.hpp"

namespace bitloom {

namespace {

int multiple(const FieldReader& json, const char* key, int unit) {
  const int value = json.get<int>(key);
  if (value % unit != 0) json.fail(key, fmt::format("expected a multiple of axi_bytes = {}, got {}", unit, value));
  return value;
}

int read_line_buffer(const FieldReader& json, int axi_bytes) {
  const int bytes = json.get<int>("line_buffer_bytes");
  if (bytes == 0 || (std::has_single_bit(static_cast<unsigned>(bytes)) && bytes >= 2 * axi_bytes)) return bytes;
  json.fail("line_buffer_bytes",
            fmt::format("expected 0 or a power of two from 2 * axi_bytes = {} on, got {}", 2 * axi_bytes, bytes));
}

std::string name_of(const FieldReader& json) {
  auto name = json.get<std::string>("name");
  if (name.empty()) json.fail("name", "expected a name, got an empty string");
  return name;
}

HardwareDram read_dram(const FieldReader& json) {
  HardwareDram dram;
  dram.standard = json.get<std::string>("standard");
  if (dram.standard.empty()) json.fail("standard", "expected a name or a path, got an empty string");
  if (json.has("channels")) dram.channels = json.get<int>("channels");
  if (json.has("width")) dram.width = json.get<int>("width");
  dram.ranks = json.get<int>("ranks");
  if (json.has("clock_mhz")) dram.clock_mhz = json.get<double>("clock_mhz");
  return dram;
}

int read_lanes(const FieldReader& json, int axi_bytes) {
  if (!json.has("lanes")) return axi_bytes / 4;
  const int lanes = json.get<int>("lanes");
  if (lanes != axi_bytes / 4 && lanes != axi_bytes / 2) {
    json.fail("lanes", fmt::format("expected axi_bytes / 4 = {} or axi_bytes / 2 = {}, got {}", axi_bytes / 4,
                                   axi_bytes / 2, lanes));
  }
  return lanes;
}

/// Reads two latencies or a memory with banks.
void read_memory(const FieldReader& json, Hardware& hw) {
  const bool banks = json.has("dram");
  for (const char* key : {"dram_read_latency", "dram_write_latency"}) {
    if (banks && json.has(key)) json.fail(key, "it has no effect beside dram, whose banks decide; expected only one");
    if (!banks && !json.has(key)) json.fail(key, "required key is missing; expected it, or dram in its place");
  }
  if (banks) {
    hw.dram = read_dram(json.object("dram"));
    return;
  }
  hw.dram_read_latency = json.get<int>("dram_read_latency");
  hw.dram_write_latency = json.get<int>("dram_write_latency");
}

}  // namespace

Hardware read_hardware(const std::filesystem::path& file) {
  const FieldReader json(JsonObject::from_file(file.string()), hardware_fields());
  Hardware hw;
  hw.name = name_of(json);
  hw.clock_mhz = json.get<double>("clock_mhz");
  hw.axi_bytes = json.get<int>("axi_bytes");
  hw.lanes = read_lanes(json, hw.axi_bytes);
  hw.rows = json.get<int>("rows", 1, hw.axi_bytes);
  hw.cols = json.get<int>("cols", hw.lanes, hw.axi_bytes);
  hw.spad_a_bytes = multiple(json, "spad_a_bytes", hw.axi_bytes);
  hw.spad_b_bytes = multiple(json, "spad_b_bytes", hw.axi_bytes);
  hw.line_buffer_bytes = read_line_buffer(json, hw.axi_bytes);
  hw.acc_tiles = json.get<int>("acc_tiles");
  hw.vin_words = json.get<int>("vin_words");
  hw.vout_words = json.get<int>("vout_words");
  hw.vbias_words = json.get<int>("vbias_words");
  hw.table_words = json.get<int>("table_words");
  hw.queue_depth = json.get<int>("queue_depth");
  hw.max_outstanding = json.get<int>("max_outstanding");
  hw.max_burst = json.get<int>("max_burst");
  read_memory(json, hw);
  hw.dram_bytes = json.get<std::uint64_t>("dram_bytes");
  return hw;
}

std::vector<HardwareParameter> structural_parameters(const Hardware& hw) {
  const int words = hw.axi_bytes;
  return {{"ROWS", hw.rows},
          {"COLS", hw.cols},
          {"AXI_BYTES", hw.axi_bytes},
          {"LANES", hw.lanes},
          {"SPAD_A_WORDS", hw.spad_a_bytes / words},
          {"SPAD_B_WORDS", hw.spad_b_bytes / words},
          {"LINE_BEATS", hw.line_buffer_bytes / words},
          {"ACC_TILES", hw.acc_tiles},
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
