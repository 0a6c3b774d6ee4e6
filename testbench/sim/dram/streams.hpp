// Streams of requests for a channel, and all that is wrong with its answers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "testbench/sim/dram/rules.hpp"

namespace bitloom::dram {

/// Makes requests of several kinds in turn: runs through rows, few rows of few banks, everywhere, one bank; with
/// pauses.
std::vector<Request> random_requests(const Figures& f, std::uint64_t seed, int count);

/// Makes reads or writes of `bytes` from `address` on that all arrive at cycle 0, `size` bytes each.
std::vector<Request> sequential(std::uint64_t address, std::uint64_t bytes, std::uint64_t size, bool write);

/// Returns 10^9 bytes a second from the first to the last data of such a stream in requests of 256 bytes.
double rate_of(const Figures& f, const Device& device, std::uint64_t bytes, bool write);

/// Runs requests and lists what the judge finds: commands against the rules and the banks' states, each burst against
/// its place, data against their commands, counts against commands.
std::vector<std::string> stream_faults(const Figures& f, const Device& device, int window,
                                       const std::vector<Request>& requests);

}  // namespace bitloom::dram
