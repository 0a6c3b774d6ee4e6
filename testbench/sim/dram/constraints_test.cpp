// Each constraint by itself: after one command (four activates for tFAW) the model allows another exactly at the cycle
// at which the judge first finds no fault.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>

#include "sim/dram/command_times.hpp"
#include "testbench/sim/dram/rules.hpp"

namespace bitloom::dram {
namespace {

constexpr Command kAll[] = {Command::kActivate, Command::kPrecharge, Command::kPrechargeAll,
                            Command::kRead,     Command::kWrite,     Command::kRefresh};

bool of_one_bank(Command c) { return c != Command::kPrechargeAll && c != Command::kRefresh; }

/// Commands of the banks in `before`, `distance` cycles apart, and then another.
struct Case {
  Command from;
  std::vector<int> before;
  int distance;
  Command to;
  int bank;
};

std::vector<Case> cases_of(const Figures& f) {
  std::vector<int> others{0, 1};  // the same bank, another of its group, then one of another group
  if (f.groups > 1) others.push_back(f.banks);
  std::vector<Case> cases;
  for (const Command from : kAll) {
    for (const Command to : kAll) {
      for (const int bank : others) {
        if (bank == 0 || (of_one_bank(from) && of_one_bank(to))) cases.push_back({from, {0}, 0, to, bank});
      }
    }
  }
  const int next = f.groups > 1 ? f.banks : 1;  // a bank of the next group, where there is one
  const std::vector<int> four = {0, next, 2 * next, 3 * next};
  cases.push_back({Command::kActivate, four, f.groups > 1 ? f.RRDS : f.RRDL, Command::kActivate, f.groups > 1 ? 2 : 4});
  return cases;
}

/// Lists the cases in which the model's first allowed cycle is not the judge's: too early by the judge's rules, or
/// later than they ask for.
std::vector<std::string> differences(const Figures& f, const Device& device) {
  std::vector<std::string> found;
  for (const Case& c : cases_of(f)) {
    CommandTimes times(device.organisation, device.timing);
    std::vector<Issued> commands;
    for (const int bank : c.before) {
      const std::uint64_t cycle = 1000 + commands.size() * static_cast<std::uint64_t>(c.distance);
      times.issue(c.from, bank, cycle);
      commands.push_back({cycle, c.from, bank, 0});
    }
    const std::uint64_t last = commands.back().cycle;
    const std::uint64_t allowed = std::max(times.earliest(c.to, c.bank), last + 1);  // one command a cycle
    const auto legal = [&](std::uint64_t cycle) {
      std::vector<Issued> all = commands;
      all.push_back({cycle, c.to, c.bank, 0});
      return timing_faults(f, all).empty();
    };
    const std::string text = fmt::format("{}: {} to {}, bank {}: allowed at {}", f.name, static_cast<int>(c.from),
                                         static_cast<int>(c.to), c.bank, allowed);
    if (!legal(allowed)) found.push_back(text + ", which is illegal");
    if (allowed > last + 1 && legal(allowed - 1)) found.push_back(text + ", legal one cycle earlier");
  }
  return found;
}

class Standards : public testing::TestWithParam<int> {
 protected:
  const Figures& f = kFigures[GetParam()];
};

TEST_P(Standards, AllowEachCommandAtItsFirstLegalCycle) {
  for (const std::string& text : differences(f, shipped(f))) ADD_FAILURE() << text;
}

/// Is another figure, or the bus of one command a cycle, as strict, so that this one's error cannot be seen?
bool is_hidden(const Figures& f, const std::string& name, int error) {
  const int spacing = 4 * (f.groups > 1 ? f.RRDS : f.RRDL);
  if (name == "faw") return std::max(f.FAW, spacing) == std::max(f.FAW + error, spacing);
  if (error > 0) return false;
  if (name == "ppd") return f.PPD == 1;
  if (name == "rrd_l") return f.RRDL == f.RRDS;
  if (name == "ccd_l") return f.CCDL == f.CCDS;
  if (name == "wtr_l") return f.WTRL == f.WTRS;
  return f.groups == 1 && name.ends_with("_s");  // the same as its "_l", which holds in the only group
}

/// The judge can fail: a model with any one figure a cycle too short or too long is found out.
TEST_P(Standards, AnyFigureOneCycleOffIsFound) {
  for (const Member& member : kMembers) {
    if (!member.between_commands) continue;
    for (const int error : {-1, 1}) {
      Device device = shipped(f);
      device.timing.*member.figure += error;
      const bool hidden = is_hidden(f, member.name, error);
      EXPECT_EQ(differences(f, device).empty(), hidden) << f.name << " " << member.name << " " << error;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Standards, testing::Range(0, kStandards),
                         [](const auto& each) { return std::string(kFigures[each.param].name); });

}  // namespace
}  // namespace bitloom::dram
