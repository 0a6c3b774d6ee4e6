#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "sim/cosim/cosim.hpp"

namespace bitloom::cosim {

/// `tensors_compared`, `elements_compared`, `mismatches`, `cycles.systemc`, `cycles.rtl`, `commands` and what else the
/// result holds.
nlohmann::ordered_json to_json(const CosimResult& result);

/// A table for people: what was compared, the first differences, cycles by phase and by command class. Cycles are clock
/// cycles.
std::string to_text(const CosimResult& result);

}  // namespace bitloom::cosim
