#pragma once
#include "kernels/program.hpp"

namespace bitloom {

/// Proves a program consistent before anything runs it. Throws Error naming the command and the rule that it breaks:
///  - flow: an abstract run over the four queues with FIFOs of the hardware's depth ends with every token counter at
///    zero, and no order of execution lifts a counter above 255;
///  - order: no LOAD reads a tensor before the STOREs that precede it in the program have completed, in any order of
///    execution; one with LINES none before the LOAD_SHAPE in front of it;
///  - places: every access of DRAM stays in one tensor, every local address in its memory, LOADs are W-aligned.
void verify(const Program& program);

/// Each of them checks a part of what verify() checks, for tests.
void verify_flow(const Program& program);
void verify_places(const Program& program);

}  // namespace bitloom
