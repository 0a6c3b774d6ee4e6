#include "sim/dram/constraints.hpp"

#include <algorithm>

namespace bitloom::dram {

std::vector<Constraint> constraints_of(const Timing& t, int burst) {
  using enum Command;
  using enum Scope;
  const int read = t.cl + t.dqsck + burst;     // from a read to the end of its data
  const int written = t.cwl + t.dqss + burst;  // from a write to the end of its data
  return {
      {kActivate, kRead, kBank, t.rcd_read},
      {kActivate, kWrite, kBank, t.rcd_write},
      {kActivate, kPrecharge, kBank, t.ras},
      {kActivate, kActivate, kBank, t.rc},
      {kActivate, kActivate, kGroup, t.rrd_l},
      {kActivate, kActivate, kRank, t.rrd_s},
      {kActivate, kActivate, kRank, t.faw, 4},
      {kActivate, kPrechargeAll, kRank, t.ras},
      {kActivate, kRefresh, kRank, t.rc},
      {kPrecharge, kActivate, kBank, t.rp},
      {kPrecharge, kPrecharge, kRank, t.ppd},
      {kPrecharge, kPrechargeAll, kRank, t.ppd},
      {kPrecharge, kRefresh, kRank, t.rp},
      {kPrechargeAll, kActivate, kRank, t.rp_all},
      {kPrechargeAll, kPrecharge, kRank, t.ppd},
      {kPrechargeAll, kRefresh, kRank, t.rp_all},
      {kRead, kRead, kGroup, t.ccd_l},
      {kRead, kRead, kRank, t.ccd_s},
      {kRead, kWrite, kRank, t.rtw},
      {kRead, kPrecharge, kBank, t.rtp},
      {kRead, kPrechargeAll, kRank, t.rtp},
      {kWrite, kWrite, kGroup, t.ccd_l},
      {kWrite, kWrite, kRank, t.ccd_s},
      {kWrite, kRead, kGroup, written + t.wtr_l},
      {kWrite, kRead, kRank, written + t.wtr_s},
      {kWrite, kPrecharge, kBank, written + t.wr},
      {kWrite, kPrechargeAll, kRank, written + t.wr},
      {kRefresh, kActivate, kRank, t.rfc},
      {kRefresh, kRefresh, kRank, t.rfc},
      // Ranks share nothing but the buses: their data keep rtrs between them.
      {kRead, kRead, kOtherRank, burst + t.rtrs},
      {kWrite, kWrite, kOtherRank, burst + t.rtrs},
      {kRead, kWrite, kOtherRank, std::max(read - written + burst + t.rtrs, 0)},
      {kWrite, kRead, kOtherRank, std::max(written - read + burst + t.rtrs, 0)},
  };
}

}  // namespace bitloom::dram
