#include "testbench/sim/dram/rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bitloom::dram {

std::vector<Rule> rules_of(const Figures& f) {
  using enum Command;
  using enum Reach;
  return {
      // Opening: a row is read tRCD after its activate; activates keep tRRD, four of them tFAW, those of a bank tRC.
      {"tRCDRD", kActivate, kRead, kSameBank, f.RCDRD},
      {"tRCDWR", kActivate, kWrite, kSameBank, f.RCDWR},
      {"tRRD_S", kActivate, kActivate, kAnyBank, f.RRDS},
      {"tRRD_L", kActivate, kActivate, kSameGroup, f.RRDL},
      {"tRC", kActivate, kActivate, kSameBank, f.RC},
      {"tFAW", kActivate, kActivate, kAnyBank, f.FAW, 4},
      // Closing: not before tRAS, tRTP behind a read, tWR behind the last data of a write; then tRP until the next use.
      {"tRAS", kActivate, kPrecharge, kSameBank, f.RAS},
      {"tRAS, all banks", kActivate, kPrechargeAll, kAnyBank, f.RAS},
      {"tRTP", kRead, kPrecharge, kSameBank, f.RTP},
      {"tRTP, all banks", kRead, kPrechargeAll, kAnyBank, f.RTP},
      {"tWR", kWrite, kPrecharge, kSameBank, f.CWL + f.DQ_WR + f.BL + f.WR},
      {"tWR, all banks", kWrite, kPrechargeAll, kAnyBank, f.CWL + f.DQ_WR + f.BL + f.WR},
      {"tRP", kPrecharge, kActivate, kSameBank, f.RP},
      {"tRPab", kPrechargeAll, kActivate, kAnyBank, f.RPAB},
      {"tPPD", kPrecharge, kPrecharge, kAnyBank, f.PPD},
      {"tPPD, one then all", kPrecharge, kPrechargeAll, kAnyBank, f.PPD},
      {"tPPD, all then one", kPrechargeAll, kPrecharge, kAnyBank, f.PPD},
      // Columns: bursts keep tCCD; the bus turns round by tRTW and by tWTR behind the last data of a write.
      {"tCCD_S, reads", kRead, kRead, kAnyBank, f.CCDS},
      {"tCCD_L, reads", kRead, kRead, kSameGroup, f.CCDL},
      {"tCCD_S, writes", kWrite, kWrite, kAnyBank, f.CCDS},
      {"tCCD_L, writes", kWrite, kWrite, kSameGroup, f.CCDL},
      {"tRTW", kRead, kWrite, kAnyBank, f.RTW},
      {"tWTR_S", kWrite, kRead, kAnyBank, f.CWL + f.DQ_WR + f.BL + f.WTRS},
      {"tWTR_L", kWrite, kRead, kSameGroup, f.CWL + f.DQ_WR + f.BL + f.WTRL},
      // Refresh: all banks are idle since tRP, and stay so for tRFC.
      {"tRP before a refresh", kPrecharge, kRefresh, kAnyBank, f.RP},
      {"tRPab before a refresh", kPrechargeAll, kRefresh, kAnyBank, f.RPAB},
      {"tRC before a refresh", kActivate, kRefresh, kAnyBank, f.RC},
      {"tRFC", kRefresh, kActivate, kAnyBank, f.RFC},
      {"tRFC, refreshes", kRefresh, kRefresh, kAnyBank, f.RFC},
  };
}

namespace {

void sort(std::vector<Issued>& commands) { std::ranges::stable_sort(commands, {}, &Issued::cycle); }

bool reaches(const Figures& f, Reach reach, int from, int to) {
  if (reach == Reach::kSameBank) return from == to;
  return reach == Reach::kAnyBank || from / f.banks == to / f.banks;
}

/// Finds the nth last command before number `at` that the rule is for, by looking at each; null: there is none.
const Issued* before(const Figures& f, const Rule& rule, const std::vector<Issued>& commands, std::size_t at) {
  int left = rule.nth;
  for (std::size_t i = at; i-- > 0 && commands[i].cycle + 2000 > commands[at].cycle;) {
    if (commands[i].command != rule.from || !reaches(f, rule.reach, commands[i].bank, commands[at].bank)) continue;
    if (--left == 0) return &commands[i];
  }
  return nullptr;
}

void check_data(const Figures& f, const Issued& command, std::uint64_t& bus_free, std::vector<std::string>& faults) {
  const bool write = command.command == Command::kWrite;
  if (!write && command.command != Command::kRead) return;
  const std::uint64_t data = command.cycle + static_cast<std::uint64_t>(write ? f.CWL + f.DQ_WR : f.CL + f.DQ_RD);
  if (data < bus_free) faults.push_back(fmt::format("data of two bursts meet at {}", data));
  bus_free = data + static_cast<std::uint64_t>(f.BL);
}

}  // namespace

std::vector<std::string> timing_faults(const Figures& f, std::vector<Issued> commands) {
  sort(commands);
  const std::vector<Rule> rules = rules_of(f);
  std::vector<std::string> faults;
  std::uint64_t bus_free = 0;
  for (std::size_t at = 0; at < commands.size(); ++at) {
    if (at > 0 && commands[at].cycle == commands[at - 1].cycle) {
      faults.push_back(fmt::format("two commands at {}", commands[at].cycle));
    }
    for (const Rule& rule : rules) {
      if (rule.to != commands[at].command) continue;
      const Issued* first = before(f, rule, commands, at);
      if (first == nullptr || commands[at].cycle >= first->cycle + static_cast<std::uint64_t>(rule.cycles)) continue;
      faults.push_back(fmt::format("{}: {} cycles from {} to {}, expected {}", rule.name,
                                   commands[at].cycle - first->cycle, first->cycle, commands[at].cycle, rule.cycles));
    }
    check_data(f, commands[at], bus_free, faults);
  }
  return faults;
}

std::vector<std::string> state_faults(const Figures& f, std::vector<Issued> commands) {
  sort(commands);
  std::vector<std::string> faults;
  std::vector<std::int64_t> open(static_cast<std::size_t>(f.groups * f.banks), -1);
  std::uint64_t refreshes = 0;
  // A burst that is under way is finished first: its bank is closed and opened, it waits for the bus, and is written.
  const int written = f.CWL + f.DQ_WR + f.BL;
  const auto late = static_cast<std::uint64_t>(2 * (written + f.WR) + f.RC + f.FAW + f.RCDRD + f.WTRL + f.RPAB + 32);
  for (const Issued& c : commands) {
    std::int64_t& row = open[static_cast<std::size_t>(c.bank)];
    const bool closed = std::ranges::all_of(open, [](std::int64_t r) { return r < 0; });
    const auto fault = [&](const char* text) {
      faults.push_back(fmt::format("{} at {}, bank {}", text, c.cycle, c.bank));
    };
    switch (c.command) {
      case Command::kActivate:
        if (row >= 0) fault("activate of an open bank");
        row = static_cast<std::int64_t>(c.row);
        break;
      case Command::kPrecharge:
        if (row < 0) fault("precharge of a closed bank");
        row = -1;
        break;
      case Command::kPrechargeAll:
        if (closed) fault("precharge of all banks, which are closed");
        std::ranges::fill(open, -1);
        break;
      case Command::kRead:
      case Command::kWrite:
        if (row != static_cast<std::int64_t>(c.row)) fault("row not open");
        break;
      case Command::kRefresh: {
        const std::uint64_t due = ++refreshes * static_cast<std::uint64_t>(f.REFI);
        if (!closed) fault("refresh with open banks");
        if (c.cycle < due) fault("refresh too early");
        if (c.cycle > due + late) fault("refresh too late");
      }
    }
  }
  return faults;
}

}  // namespace bitloom::dram
