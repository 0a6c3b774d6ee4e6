// Structural parameters of one accelerator (traces/hardware/*.json). The same file configures the SystemC model and
// elaborates the RTL.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/io/fields.hpp"

namespace bitloom {

inline constexpr int kTableWordsMax = 65532;  ///< multiple of 4 below kTableLearningRate, which no entry may have

/// The memory with banks that a hardware file names (docs/dram.md).
struct HardwareDram {
  std::string standard;  ///< name or path of a DRAM file
  int channels = 0;      ///< 0: the fewest whose peak reaches that of the memory bus
  int width = 0;         ///< bits of a channel's data bus; 0: as the DRAM file says
  int ranks = 1;         ///< of a channel
  double clock_mhz = 0;  ///< of the memory; 0: as the DRAM file says
};

/// The structural parameters of one accelerator, and the timing of its DRAM: what a hardware file says.
struct Hardware {
  std::string name;
  double clock_mhz = 0;              ///< turns cycles into seconds; no effect on cycles
  int rows = 0;                      ///< R, 1..64, at most axi_bytes
  int cols = 0;                      ///< C, V..64, at most axi_bytes
  int axi_bytes = 0;                 ///< W: 8, 16, 32 or 64
  int lanes = 0;                     ///< V: a quarter or half of axi_bytes
  int spad_a_bytes = 0;              ///< per lane and buffer, multiple of W
  int spad_b_bytes = 0;              ///< per lane and buffer, multiple of W
  int line_buffer_bytes = 0;         ///< of LOAD: 0, or a power of two that is a multiple of W
  int acc_tiles = 0;                 ///< tiles of R × C accumulators, 2..255
  int vin_words = 0;                 ///< words of V int32
  int vout_words = 0;                ///< words of V int32 (RAW memory)
  int vbias_words = 0;               ///< words of V int32
  int table_words = 0;               ///< 32-bit entries, 64..kTableWordsMax
  int queue_depth = 0;               ///< commands per queue FIFO, at least kGroupMax
  int max_outstanding = 0;           ///< read bursts in flight, 1..64
  int max_burst = 0;                 ///< beats, 1..256, power of two
  int dram_read_latency = 0;         ///< cycles from an accepted read address to its first beat; of a flat memory
  int dram_write_latency = 0;        ///< cycles from the last write beat to its response; of a flat memory
  std::optional<HardwareDram> dram;  ///< banks in the place of the flat memory
  uint64_t dram_bytes = 0;

  int vector_word() const { return 4 * lanes; }           ///< bytes of a word of VIN, VOUT and VBIAS
  int tile_cols() const { return cols / lanes * lanes; }  ///< largest Ct
};

/// Describes a hardware file.
const FileSection& hardware_fields();

/// Reads and checks a hardware file; an unknown, missing, mistyped or out-of-range key is an Error naming file and key.
Hardware read_hardware(const std::filesystem::path& file);

/// A parameter that the RTL is elaborated with.
struct HardwareParameter {
  const char* name;  ///< as in the package bl_pkg
  int value;
};
/// Lists what elaborates the RTL, in the order of the package; words, not bytes.
std::vector<HardwareParameter> structural_parameters(const Hardware& hw);
/// Returns the 32-bit FNV-1a hash of the structural parameters (`NAME=value;` …): CONFIG_HASH of the package and the
/// register ID.
std::uint32_t config_hash(const Hardware& hw);

}  // namespace bitloom
