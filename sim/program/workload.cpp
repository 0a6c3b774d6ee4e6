#include "sim/program/workload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/data/cifar.hpp"
#include "model/data/glyphs.hpp"
#include "model/io/suggest.hpp"
#include "model/io/traces.hpp"
#include "sim/memory.hpp"

namespace bitloom::program {
namespace {

constexpr const char* kIdeal = "ideal";
constexpr int kGlyphPixels = 28 * 28;
constexpr int kGlyphClasses = 10;
constexpr std::uint64_t kTestSeedOffset = 0x7465737473657473;  // test images share no seed with training images

// Generated rows of values as images of the network's input shape, so that layers of images take them.
Dataset shaped(Dataset data, const Shape& input) {
  if (input.size() == 3) {
    data.channels = input[0];
    data.rows = input[1];
    data.cols = input[2];
  }
  return data;
}

int generated_train_images(int train_limit) {
  return train_limit > 0 ? std::min(train_limit, kGlyphTrainImages) : kGlyphTrainImages;
}

DataPair generated_images(const Network& network, std::uint64_t seed, int train_limit) {
  const std::int64_t features = element_count(network.input);
  const std::int64_t outputs = element_count(network.nodes.back().shape);
  const int images = generated_train_images(train_limit);
  const bool glyphs = network.input.size() == 3 ? network.input == Shape{1, 28, 28} : features == kGlyphPixels;
  if (glyphs && outputs >= kGlyphClasses) {
    return generate_glyph_pair(images, kGlyphTestImages, seed);
  }
  const int classes = static_cast<int>(std::min<std::int64_t>(outputs, kGlyphClasses));
  const auto flat = [&](int count, std::uint64_t of) {
    return shaped(generate_flat(count, static_cast<int>(features), classes, of), network.input);
  };
  return {flat(images, seed), flat(kGlyphTestImages, seed ^ kTestSeedOffset)};
}

}  // namespace

Workload load_workload(const std::string& network, const std::string& recipe, const std::string& hyper) {
  Workload workload;
  workload.network_file = resolve_trace(TraceKind::kNetwork, network);
  workload.recipe_file = resolve_trace(TraceKind::kRecipe, recipe);
  workload.hyper_file = resolve_trace(TraceKind::kHyper, hyper);
  workload.network = read_network(workload.network_file);
  workload.recipe = read_recipe(workload.recipe_file);
  workload.hyper = read_hyper(workload.hyper_file);
  return workload;
}

Machine load_machine(const std::string& path_or_name) {
  Machine machine;
  machine.file = resolve_trace(TraceKind::kHardware, path_or_name);
  machine.hardware = read_hardware(machine.file);
  return machine;
}

namespace {

/// Reads the DRAM file that `what` (an option or a key) names.
dram::Device read_standard(const std::string& what, const std::string& chosen) {
  std::string file;
  try {
    file = resolve_trace(TraceKind::kDram, chosen);
  } catch (const Error& error) {
    std::vector<std::string> known = known_traces(TraceKind::kDram);
    known.emplace_back(kIdeal);
    throw Error(fmt::format("{}: {}{}", what, error.what(), suggestion(chosen, known)));
  }
  return dram::read_device(file);
}

}  // namespace

std::optional<dram::Banks> load_dram(const std::string& chosen, const Machine& machine) {
  const std::optional<HardwareDram>& own = machine.hardware.dram;
  if (chosen == kIdeal && own) {
    throw Error(fmt::format(
        "--dram ideal: {}: expected dram_read_latency and dram_write_latency, got dram in their place", machine.file));
  }
  if (chosen == kIdeal || (chosen.empty() && !own)) return std::nullopt;
  const bool by_file = chosen.empty();
  dram::Banks banks;
  banks.device =
      by_file ? read_standard(machine.file + ": dram.standard", own->standard) : read_standard("--dram", chosen);
  if (by_file && own->width > 0) {
    const int device = banks.device.organisation.device_bits;
    if (own->width % device != 0) {
      throw Error(fmt::format("{}: dram.width: expected a multiple of the device_bits of {}, {}, got {}", machine.file,
                              banks.device.name, device, own->width));
    }
    banks.device.organisation.channel_bits = own->width;
  }
  if (by_file) {
    banks.device.organisation.ranks = own->ranks;
    try {
      if (own->clock_mhz > 0) banks.device = dram::at_clock(banks.device, own->clock_mhz);
    } catch (const Error& error) {
      throw Error(fmt::format("{}: dram.clock_mhz: {}", machine.file, error.what()));
    }
  }
  try {
    const int fewest = dram::channels_for(banks.device, memory_port(machine.hardware));
    banks.channels = by_file && own->channels > 0 ? own->channels : fewest;
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", machine.file, error.what()));
  }
  return banks;
}

void plan_dram(OutputPlan& plan, const std::string& chosen, const Machine& machine) {
  const std::string& name = chosen.empty() && machine.hardware.dram ? machine.hardware.dram->standard : chosen;
  if (!name.empty() && name != kIdeal) plan.reads("the DRAM's file", resolve_trace(TraceKind::kDram, name));
}

std::string dram_text(const std::optional<dram::Banks>& banks, const Machine& machine) {
  return banks ? dram::describe(*banks, memory_port(machine.hardware)) : kIdeal;
}

void plan_inputs(OutputPlan& plan, const Workload& workload, const Machine* machine) {
  plan.reads("the network's file", workload.network_file);
  plan.reads("the recipe's file", workload.recipe_file);
  plan.reads("the hyper-parameters' file", workload.hyper_file);
  if (machine != nullptr) plan.reads("the hardware's file", machine->file);
}

void require_dumpable_names(const Network& network) {
  for (const Node& node : network.nodes) {
    if (node.name.size() > kLongestDumpedName) {
      throw Error(
          fmt::format("network {}: layer {}: --dump names files after layers: expected a name of at most {} "
                      "bytes, got {}",
                      network.name, node.name, kLongestDumpedName, node.name.size()));
    }
  }
}

std::string with_file(const std::string& message, const Workload& workload, const Machine* machine) {
  if (machine != nullptr && message.starts_with("hardware ")) return machine->file + ": " + message;
  if (message.starts_with("recipe ")) return workload.recipe_file + ": " + message;
  if (message.starts_with("network ")) return workload.network_file + ": " + message;
  return message;
}

int batch_of(const Workload& workload, int asked) {
  if (asked > 0) {
    return asked;
  }
  return workload.network.batch > 0 ? workload.network.batch : workload.hyper.batch;
}

Json workload_json(const Workload& workload) {
  Json json;
  json["network"] = workload.network.name;
  json["network_file"] = workload.network_file;
  json["recipe"] = workload.recipe.name;
  json["recipe_file"] = workload.recipe_file;
  json["hyper_file"] = workload.hyper_file;
  return json;
}

void keep_first(Dataset& data, int count) {
  if (count > 0 && count < data.size()) {
    const auto images = static_cast<std::size_t>(count);
    data.images.resize(images * static_cast<std::size_t>(data.pixels()));
    data.labels.resize(images);
  }
}

std::vector<MemoryPart> image_memory(const Network& network, const std::string& data, int train_limit) {
  if (!data.empty()) return {};
  const int images = generated_train_images(train_limit) + kGlyphTestImages;
  return {{fmt::format("{} generated images", images), 1.0 * images * static_cast<double>(element_count(network.input)),
           "a smaller --train-limit"}};
}

DataPair load_images(const Network& network, const std::string& data, std::uint64_t seed, int train_limit) {
  DataPair pair = data.empty() ? generated_images(network, seed, train_limit) : read_image_folder(data);
  keep_first(pair.train, train_limit);
  require_fit(network, pair.train);
  require_fit(network, pair.test);
  return pair;
}

}  // namespace bitloom::program
