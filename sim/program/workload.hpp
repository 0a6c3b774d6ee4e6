#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/hardware.hpp"
#include "model/data/dataset.hpp"
#include "model/io/error.hpp"
#include "model/io/memory.hpp"
#include "model/io/output_plan.hpp"
#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "sim/dram/banks.hpp"
#include "sim/program/report.hpp"

namespace bitloom::program {

/// Images of the generated set, where no --data is given.
inline constexpr int kGlyphTrainImages = 12800;
inline constexpr int kGlyphTestImages = 2000;

/// A network with what says how to train it, read from files or names.
struct Workload {
  std::string network_file;
  std::string recipe_file;
  std::string hyper_file;
  Network network;
  Recipe recipe;
  Hyper hyper;
};

/// Resolves and reads the three files. Throws Error.
Workload load_workload(const std::string& network, const std::string& recipe, const std::string& hyper);

/// A hardware file, read; `file` is kept for messages.
struct Machine {
  std::string file;
  Hardware hardware;
};

/// Resolves and reads a hardware file or name. Throws Error.
Machine load_machine(const std::string& path_or_name);

/// Returns the memory with banks that `--dram` names, with the fewest channels whose peak reaches that of the machine's
/// port, or none for "ideal"; for an empty text what the hardware file says. Throws Error naming the option or the
/// file.
std::optional<dram::Banks> load_dram(const std::string& chosen, const Machine& machine);
/// Names the DRAM file as an input that no output may overwrite.
void plan_dram(OutputPlan& plan, const std::string& chosen, const Machine& machine);
/// Says in words which memory that is, with the peaks of channels and port.
std::string dram_text(const std::optional<dram::Banks>& banks, const Machine& machine);
/// Says what `--dram` takes, for the help.
inline constexpr const char* kDramHelp =
    "memory: ideal (the latencies of the hardware file), or a DRAM file or name (default: as the hardware file says)";

/// Names the workload's files, and the machine's where it is given, as inputs that no output may overwrite.
void plan_inputs(OutputPlan& plan, const Workload& workload, const Machine* machine = nullptr);

/// Throws Error, as a dump's files are named after layers, where a layer's name is longer than kLongestDumpedName
/// bytes.
void require_dumpable_names(const Network& network);
inline constexpr std::size_t kLongestDumpedName = 200;

/// A message that begins with a hardware, recipe or network gets its file in front, as a name inside a file does not
/// tell which file it was. `machine` may be null.
std::string with_file(const std::string& message, const Workload& workload, const Machine* machine);

/// Calls the function; what it says about the workload or the machine gets the file's name in front.
template <class Function>
auto naming_files(const Workload& workload, const Machine* machine, const Function& function) {
  try {
    return function();
  } catch (const Error& error) {
    throw Error(with_file(error.what(), workload, machine));
  }
}

/// Returns the samples of a step: what the command asks for, else the network's own, else the hyper-parameter file's.
int batch_of(const Workload& workload, int asked);

/// Returns the part of a report's configuration that says which workload it was.
Json workload_json(const Workload& workload);

/// Loads training and test images: the IDX or CIFAR-10 files of the folder `data`, or, where it is empty, generated
/// images of the network's input size. Only the first `train_limit` training images where that is not 0. Throws Error,
/// also where they do not fit the network.
DataPair load_images(const Network& network, const std::string& data, std::uint64_t seed, int train_limit = 0);

/// Says how much memory the generated images take that load_images() gives with these arguments; nothing for a folder.
std::vector<MemoryPart> image_memory(const Network& network, const std::string& data, int train_limit);

/// Drops all but the first `count` images; 0 keeps all.
void keep_first(Dataset& data, int count);

}  // namespace bitloom::program
