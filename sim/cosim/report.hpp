#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "sim/cosim/cosim.hpp"

namespace bitloom::cosim {

/// Makes the keys of `bitloom cosim --json`, which docs/counters.md defines.
nlohmann::ordered_json to_json(const CosimResult& result);

/// Makes the verdict, a short table in lines of at most `columns` characters (0: as long as they are): what was
/// compared and equal, cycles, their error, and the first differences.
std::string verdict_text(const CosimResult& result, int columns = 0);

/// Cycles by phase and by command class, and the tensors that no memory keeps.
std::string details_text(const CosimResult& result, int columns = 0);

/// Makes details and verdict, as tests print them.
std::string to_text(const CosimResult& result);

}  // namespace bitloom::cosim
