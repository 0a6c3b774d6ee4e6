#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/golden/state.hpp"
#include "model/io/checkpoint.hpp"

namespace bitloom {

/// Returns the state as the tensors of a checkpoint, and the parameters as real numbers that every checkpoint holds
/// ("<node>.weight", ".bias", ".gamma", ".beta", ".running_mean", ".running_variance").
std::map<std::string, NpyArray> state_tensors(const Network& network, const Recipe& recipe, const TrainState& state);

/// Fills `state` (of the same network and recipe) from a checkpoint of the recipe. Throws Error; then `state` may be
/// half filled.
void read_state_tensors(const Checkpoint& from, const std::string& file, const Network& network, const Recipe& recipe,
                        TrainState& state);

/// Reads the real parameters of a checkpoint of any recipe. Running values of a norm whose statistics are of another
/// form than `file` holds are left empty. Throws Error.
std::vector<NodeParameters> read_parameters(const Checkpoint& from, const std::string& file, const Network& network);

}  // namespace bitloom
