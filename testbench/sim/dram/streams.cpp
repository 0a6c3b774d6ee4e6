#include "testbench/sim/dram/streams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace bitloom::dram {

namespace {

using Random = std::mt19937_64;

int below(Random& random, int end) { return static_cast<int>(random() % static_cast<std::uint64_t>(end)); }

std::uint64_t any_address(const Figures& f, Random& random, int kind) {
  const int rows = kind == 2 ? 4096 : 2 + kind, banks = kind == 3 ? 1 : f.banks, groups = kind == 3 ? 1 : f.groups;
  return address_of(f, random() % static_cast<std::uint64_t>(rows), below(random, banks),
                    below(random, f.bursts_in_row), below(random, groups));
}

std::uint64_t any_pause(const Figures& f, Random& random) {
  switch (below(random, 40)) {
    case 0:
      return random() % static_cast<std::uint64_t>(3 * f.REFI);
    case 1:
    case 2:
    case 3:
      return random() % 200;
    default:
      return random() % 4 == 0 ? random() % 12 : 0;
  }
}

std::string at(const Request& r) {
  return fmt::format("{} of {} bytes from {}", r.write ? "write" : "read", r.bytes, r.address);
}

/// Compares the bursts of a request, and the cycles that it was answered with, with what its address asks for.
void check_request(const Figures& f, const Request& r, const DataSpan& span, const std::vector<Issued>& commands,
                   std::vector<std::string>& faults) {
  const auto size = static_cast<std::uint64_t>(f.burst_bytes);
  std::uint64_t n = r.address / size;
  std::vector<std::uint64_t> data;
  for (const Issued& c : commands) {
    if (c.command != Command::kRead && c.command != Command::kWrite) continue;
    const int bank = c.bank % f.banks, group = c.bank / f.banks;
    bool there = (c.command == Command::kWrite) == r.write && n <= (r.address + r.bytes - 1) / size;
    const auto column =
        static_cast<int>(n / static_cast<std::uint64_t>(f.groups) % static_cast<std::uint64_t>(f.bursts_in_row));
    there = there && address_of(f, c.row, bank, column, group) == n * size;
    if (!there) faults.push_back(fmt::format("{}: wrong burst at {}", at(r), c.cycle));
    data.push_back(c.cycle + static_cast<std::uint64_t>(r.write ? f.CWL + f.DQ_WR : f.CL + f.DQ_RD));
    ++n;
  }
  if (n != (r.address + r.bytes - 1) / size + 1) return faults.push_back(at(r) + ": bursts are missing");
  if (span.first != data.front() || span.last != data.back() + static_cast<std::uint64_t>(f.BL) - 1) {
    faults.push_back(
        fmt::format("{}: data from {} to {}, by its commands from {} on", at(r), span.first, span.last, data.front()));
  }
  if (data.front() < r.earliest) faults.push_back(at(r) + ": data before it arrived");
}

/// Counts once more, from the commands alone.
Counts recount(const Figures& f, std::vector<Issued> commands, std::uint64_t end) {
  std::ranges::sort(commands, {}, &Issued::cycle);
  Counts counts;
  std::uint64_t since = 0;
  bool active = false;
  const auto close = [&](std::uint64_t cycle) {
    if (active) counts.active_cycles += cycle - since;
    active = false;
  };
  for (const Issued& c : commands) {
    counts.activates += c.command == Command::kActivate;
    counts.reads += c.command == Command::kRead;
    counts.writes += c.command == Command::kWrite;
    counts.refreshes += c.command == Command::kRefresh;
    if (c.command == Command::kActivate && !active) since = c.cycle, active = true;
    if (c.command == Command::kPrechargeAll) close(c.cycle);
  }
  close(end);
  counts.read_bytes = counts.reads * static_cast<std::uint64_t>(f.burst_bytes);
  counts.write_bytes = counts.writes * static_cast<std::uint64_t>(f.burst_bytes);
  counts.busy_cycles = (counts.reads + counts.writes) * static_cast<std::uint64_t>(f.BL);
  counts.precharged_cycles = end - counts.active_cycles;
  return counts;
}

}  // namespace

std::vector<Request> random_requests(const Figures& f, std::uint64_t seed, int count) {
  Random random(seed);
  std::vector<Request> requests;
  std::uint64_t now = 0, run = 0;
  int kind = 0;
  const auto size = static_cast<std::uint64_t>(f.burst_bytes);
  for (int n = 0; n < count; ++n) {
    if (n % 50 == 0) kind = below(random, 4), run = any_address(f, random, kind);
    now += any_pause(f, random);
    Request r;
    r.address = (kind == 0 ? run : any_address(f, random, kind)) + random() % size;
    r.bytes = 1 + random() % (4 * size);
    r.write = below(random, 10) < 4;
    r.earliest = now - std::min<std::uint64_t>(now, random() % 8 == 0 ? 5 : 0);
    run += r.bytes;
    requests.push_back(r);
  }
  return requests;
}

std::vector<Request> sequential(std::uint64_t address, std::uint64_t bytes, std::uint64_t size, bool write) {
  std::vector<Request> requests;
  for (std::uint64_t at = 0; at < bytes; at += size) {
    requests.push_back({.address = address + at, .bytes = size, .write = write, .earliest = 0});
  }
  return requests;
}

double rate_of(const Figures& f, const Device& device, std::uint64_t bytes, bool write) {
  Channel channel(device);
  DataSpan all, span;
  for (const Request& request : sequential(0, bytes, 256, write)) {
    span = channel.request(request);
    if (request.address == 0) all.first = span.first;
  }
  return static_cast<double>(bytes) / (static_cast<double>(span.last + 1 - all.first) * f.ck_ps * 1e-3);
}

std::vector<std::string> stream_faults(const Figures& f, const Device& device, int window,
                                       const std::vector<Request>& requests) {
  Channel channel(device, window);
  std::vector<Issued> all;
  std::vector<std::string> faults;
  DataSpan span;
  for (const Request& r : requests) {
    std::vector<Issued> commands;
    const DataSpan before = span;
    span = channel.request(r, &commands);
    check_request(f, r, span, commands, faults);
    if (!all.empty() && span.first <= before.last) faults.push_back(at(r) + ": its data overtake");
    all.insert(all.end(), commands.begin(), commands.end());
  }
  for (const std::string& text : timing_faults(f, all)) faults.push_back(text);
  for (const std::string& text : state_faults(f, all)) faults.push_back(text);
  Counts counts = channel.counts(span.last + 1);
  const Counts expected = recount(f, all, span.last + 1);
  if (counts.refreshes != span.last / static_cast<std::uint64_t>(f.REFI)) faults.push_back("refreshes are missing");
  if (counts.refreshes == expected.refreshes && counts != expected)
    faults.push_back("the counts are not the commands'");
  counts.refreshes = expected.refreshes;  // those that fall due behind the last command change the standby too
  counts.active_cycles = expected.active_cycles;
  counts.precharged_cycles = expected.precharged_cycles;
  if (counts != expected) faults.push_back("the counts are not the commands'");
  return faults;
}

}  // namespace bitloom::dram
