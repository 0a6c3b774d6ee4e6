// What a DRAM file (traces/dram/*.json) says of one channel of memory. docs/dram.md explains the figures.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/io/fields.hpp"
#include "model/io/json_reader.hpp"

namespace bitloom::dram {

/// Says how a channel is built. A column is as wide as the channel.
struct Organisation {
  int ranks = 1;  ///< a DRAM file describes one; a hardware file may ask for more
  int channel_bits = 0;
  int device_bits = 0;          ///< of one device; devices side by side make the channel
  int bank_groups = 0;          ///< in a rank; 1: the standard knows none
  int banks = 0;                ///< in a group
  int rows = 0;                 ///< in a bank
  int columns = 0;              ///< in a row
  int burst_length = 0;         ///< columns that one read or write moves
  int transfers_per_clock = 0;  ///< columns that the data bus moves in a cycle

  int devices() const { return channel_bits / device_bits; }  ///< in a rank
  int rank_banks() const { return bank_groups * banks; }
  int all_banks() const { return ranks * rank_banks(); }
  int burst_cycles() const { return burst_length / transfers_per_clock; }
  std::uint64_t burst_bytes() const { return static_cast<std::uint64_t>(channel_bits) / 8 * burst_length; }
  std::uint64_t bursts_in_row() const { return static_cast<std::uint64_t>(columns / burst_length); }
  std::uint64_t bytes() const { return burst_bytes() * bursts_in_row() * rows * all_banks(); }
};

/// Holds the timings of a standard, in cycles of `clock_ps` picoseconds. Names are JEDEC's; "_s" holds between bank
/// groups, "_l" within one.
struct Timing {
  int clock_ps = 0;
  int cl = 0, dqsck = 0;  ///< read to its first data: cl + dqsck
  int cwl = 0, dqss = 0;  ///< write to its first data: cwl + dqss
  int rcd_read = 0, rcd_write = 0;
  int rp = 0, rp_all = 0;  ///< of one bank, of all at once
  int ras = 0, rc = 0;
  int rrd_s = 0, rrd_l = 0, faw = 0;
  int ccd_s = 0, ccd_l = 0;
  int wtr_s = 0, wtr_l = 0;  ///< from the end of the data
  int rtw = 0, rtp = 0;
  int wr = 0;  ///< from the end of the data
  int ppd = 0;
  int rtrs = 0;  ///< between the data of two ranks
  int rfc = 0, refi = 0;
};

/// Holds a supply's voltage and the currents that one device takes from it, in mA.
struct Supply {
  std::string name;
  double volts = 0;
  double idd0 = 0;              ///< activate and precharge in turn, every rc
  double idd2n = 0;             ///< all banks precharged
  double idd3n = 0;             ///< banks active
  double idd4r = 0, idd4w = 0;  ///< reading, writing without a pause
  double idd5 = 0;              ///< during rfc
};

/// Says where figures come from.
struct Source {
  std::vector<std::string> figures;  ///< "timing.cl", or a whole section: "timing", "supplies.VDD"
  std::string text;
  bool guess = false;  ///< no document that the maker of the standard or of a chip published says it
};

/// Holds all that a DRAM file says.
struct Device {
  std::string name;
  Organisation organisation;
  Timing timing;
  std::vector<Supply> supplies;
  std::vector<Source> sources;
};

/// Describes a DRAM file.
const FileSection& device_fields();

/// Reads a DRAM file strictly. Throws Error naming file and key: also where figures contradict each other and where one
/// has no source.
Device read_device(const std::string& file);
Device read_device(const JsonObject& json);

/// Returns the same memory at a slower clock, in MHz: distances that are times are rounded up to the new cycles, those
/// that are cycles stay, and a burst takes the same charge (docs/dram.md). Throws Error for a faster clock.
Device at_clock(const Device& device, double mhz);

}  // namespace bitloom::dram
