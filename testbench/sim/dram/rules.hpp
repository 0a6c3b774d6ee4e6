// An independent judge of command sequences: the figures of each standard written down by hand, the distances that
// JEDEC's standards ask for between commands, and a checker that compares each command with all before it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/dram/channel.hpp"
#include "sim/dram/device.hpp"

namespace bitloom::dram {

/// The figures of a standard in cycles, by JEDEC's names; DQ is what the data of a read (write) come later than CL
/// (CWL).
struct Figures {
  const char* name;
  int ck_ps, groups, banks, burst_bytes, bursts_in_row;
  int CL, DQ_RD, CWL, DQ_WR, BL;
  int RCDRD, RCDWR, RP, RPAB, RAS, RC, RRDS, RRDL, FAW, PPD;
  int CCDS, CCDL, WTRS, WTRL, RTW, RTP, WR, RFC, REFI;
  double peak_gb;  ///< 10^9 bytes a second, from the rate of a pin and the number of pins
};
inline constexpr int kStandards = 5;
extern const Figures kFigures[kStandards];

/// A timing of a file, for tests that spoil one after the other.
struct Member {
  const char* name;
  int Timing::*figure;
  bool between_commands = true;  ///< else only of data, or of when a refresh is due
};
inline constexpr Member kMembers[] = {
    {"cl", &Timing::cl, false},
    {"dqsck", &Timing::dqsck, false},
    {"refi", &Timing::refi, false},
    {"cwl", &Timing::cwl},
    {"dqss", &Timing::dqss},
    {"rcd_read", &Timing::rcd_read},
    {"rp", &Timing::rp},
    {"rp_all", &Timing::rp_all},
    {"rcd_write", &Timing::rcd_write},
    {"ras", &Timing::ras},
    {"rc", &Timing::rc},
    {"rrd_s", &Timing::rrd_s},
    {"rrd_l", &Timing::rrd_l},
    {"faw", &Timing::faw},
    {"ccd_s", &Timing::ccd_s},
    {"ccd_l", &Timing::ccd_l},
    {"wtr_s", &Timing::wtr_s},
    {"wtr_l", &Timing::wtr_l},
    {"rtw", &Timing::rtw},
    {"rtp", &Timing::rtp},
    {"wr", &Timing::wr},
    {"ppd", &Timing::ppd},
    {"rfc", &Timing::rfc},
};

/// Which banks a rule is for.
enum class Reach { kSameBank, kSameGroup, kAnyBank };

struct Rule {
  const char* name;
  Command from, to;
  Reach reach;
  int cycles;
  int nth = 1;  ///< counts back among the commands that the rule is for
};
std::vector<Rule> rules_of(const Figures& f);

/// Lists what the distances between commands violate; the commands may come in any order.
std::vector<std::string> timing_faults(const Figures& f, std::vector<Issued> commands);
/// Lists commands to banks in the wrong state: activates of open banks, reads and writes of rows that are not open,
/// precharges of closed banks, refreshes of open ones; and refreshes that are not in time.
std::vector<std::string> state_faults(const Figures& f, std::vector<Issued> commands);

/// Reads the file of a standard in traces/dram.
Device shipped(const Figures& f);
/// The same without refreshes, as far as a test can see.
Device without_refresh(const Figures& f);

/// Returns the address of a burst: row, bank of the group, column, group, byte, from the highest digit to the lowest.
std::uint64_t address_of(const Figures& f, std::uint64_t row, int bank_in_group, int column, int group);

}  // namespace bitloom::dram
