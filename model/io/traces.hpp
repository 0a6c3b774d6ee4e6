#pragma once
#include <string>
#include <vector>

namespace bitloom {

/// The kinds of named files; each is a folder of traces/.
enum class TraceKind { kNetwork, kRecipe, kHardware, kHyper, kEnergy, kExperiment, kDram };

/// Returns the folder of a kind below traces/: "networks", "recipes", "hardware", "hyper", "energy", "experiments" or
/// "dram".
std::string folder_of(TraceKind kind);

/// Finds the path of what the user gave: an existing file path as it is, or the name of a file in traces/ ("mlp" finds
/// networks/mlp.json). Looked up in $BITLOOM_TRACES, in the source tree that was built, then in the installed share
/// folder; the first that has the name wins. A hyper-parameter file is also found by its former name ("hyper" for
/// "default", "hyper_sign" for "sign"). Throws Error that lists the known names.
std::string resolve_trace(TraceKind kind, const std::string& path_or_name);

/// Returns the known names of a kind over all those folders, sorted, each once.
std::vector<std::string> known_traces(TraceKind kind);

/// Finds a page of docs/, for example "units.md" or a folder, "numerics", beside those folders. Empty when an
/// installation has none.
std::string find_page(const std::string& name);

}  // namespace bitloom
