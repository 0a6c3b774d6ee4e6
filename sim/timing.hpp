#pragma once
#include <cstdint>

#include "model/numerics/numbers.hpp"
#include "sim/engine.hpp"

// Cycles of the blocks, as docs/timing.md and docs/timing_vector.md state them for the RTL: the only place where the
// model knows them. Nothing depends on a program. Cycle k lies between clock edges k and k + 1; an execution runs from
// its start edge to its end edge.
namespace bitloom::timing {

// Command processor: commands asked for and not yet dispatched, and cycles from a dispatch to the first in which the
// queue has the command. A command can be dispatched in the cycle of its last beat's edge. END in cycle c ends at edge
// c + 1.
constexpr std::uint64_t kFetchAhead = 4;
constexpr std::uint64_t kDispatch = 1;
constexpr std::uint64_t kEnd = 1;

// Sequencer: a cycle to take a command of a group from the queue, a cycle for a step of the loops that does not
// execute, and a cycle to check the waits of one that does.
constexpr std::uint64_t kTakeCommand = 1;
constexpr std::uint64_t kSkipStep = 1;
constexpr std::uint64_t kCheckWaits = 1;
constexpr std::uint64_t kNop = 1;

// LOAD: from the start edge to the cycle that addresses its first tap, and from a burst's grant to the edge that
// accepts its address; how many pieces and (at least) beats can wait. STORE: from the start edge to the first append,
// and from the append that completes a beat to the edge that the beat is offered to. Of either kAhead may have started
// and not ended; without any element it takes one cycle.
constexpr std::size_t kAhead = 4;
constexpr std::uint64_t kLoadSetup = 2;
constexpr std::uint64_t kGrantToAddress = 2;
constexpr std::uint64_t kLoadPieces = 128;
constexpr std::uint64_t kLoadBeats = 64;
constexpr std::uint64_t kStoreSetup = 4;
constexpr std::uint64_t kAppendToOffer = 2;
constexpr std::uint64_t kEmptyTransfer = 1;

/// Returns the cycles of a GEMM's products: one for the first scratchpad words, then one for each byte of the
/// reduction.
inline std::uint64_t gemm(const Execution& e) { return std::uint64_t{e.cols} + 1; }

/// Returns the cycles, from a GEMM's end on, in which its rows of sums are read. The next GEMM cannot end earlier.
inline std::uint64_t gemm_rows(const Hardware& h) { return static_cast<std::uint64_t>(h.rows); }

/// Returns the cycles of the vector queue's commands (docs/timing_vector.md).
std::uint64_t vector(const Hardware& h, const Execution& e);

}  // namespace bitloom::timing
