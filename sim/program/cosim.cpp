#include "sim/program/cosim.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "model/data/data_file.hpp"
#include "model/data/glyphs.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/memory.hpp"
#include "model/io/output_plan.hpp"
#include "model/train/training_memory.hpp"
#include "sim/cosim/report.hpp"
#include "sim/cosim/rtl/harness.hpp"
#include "sim/program/options.hpp"
#include "sim/program/program.hpp"
#include "sim/program/terminal.hpp"

namespace bitloom::program {

cosim::StepData cosim_samples(const Network& network, const std::string& data, std::int64_t count, std::uint64_t seed) {
  if (data.empty()) {
    const std::int64_t classes = std::min<std::int64_t>(element_count(network.nodes.back().shape), 10);
    Dataset images =
        generate_flat(count, static_cast<int>(element_count(network.input)), static_cast<int>(classes), seed);
    return {std::move(images.images), std::move(images.labels)};
  }
  const Dataset images = load_images(network, data, seed).train;
  if (images.size() < count) {
    throw Error(fmt::format("{}: {} images, the steps need {}", images.name, images.size(), count));
  }
  const auto labels = static_cast<std::ptrdiff_t>(count);
  const auto pixels = static_cast<std::ptrdiff_t>(count * images.pixels());
  return {{images.images.begin(), images.images.begin() + pixels},
          {images.labels.begin(), images.labels.begin() + labels}};
}

namespace {

/// What is said while a machine is built, which takes a minute: a line on a terminal that is rewritten, elsewhere one
/// line at the start.
LongTask building_line(ProgressLine& line, bool progress) {
  return [&line, progress, said = false](const std::string& what) mutable {
    line.show(what);
    if (progress && !said && isatty(STDERR_FILENO) == 0) fmt::print(stderr, "bitloom: {}\n", what);
    said = true;
  };
}

/// Golden's step and its samples. What the machines' memories take is known once the step is lowered (sim/cosim).
void require_memory_for(const Workload& workload, int batch, std::int64_t generated) {
  naming_files(workload, nullptr, [&] {
    std::vector<MemoryPart> parts = training_memory(workload.network, workload.recipe, batch);
    const double pixels = static_cast<double>(element_count(workload.network.input));
    parts.push_back({fmt::format("{} generated images", generated), static_cast<double>(generated) * pixels,
                     "fewer --steps or a smaller batch"});
    require_memory(fmt::format("network {}: co-simulation", workload.network.name), std::move(parts));
  });
}

}  // namespace

cosim::CosimResult run_cosimulation(const Workload& workload, const Machine& machine, const std::string& data,
                                    cosim::CosimOptions options, const std::string& label, bool progress) {
  const std::int64_t samples = std::int64_t{options.batch} * options.steps;
  require_memory_for(workload, options.batch, data.empty() ? samples : 0);
  const cosim::StepData step_data = cosim_samples(workload.network, data, samples, options.seed);
  ProgressLine line(progress);
  options.rtl_library = rtl_library(machine.hardware, building_line(line, progress));
  options.progress = [&](const std::string& what) { line.show(label + " " + what); };
  return naming_files(workload, &machine, [&] {
    return cosim::cosimulate(workload.network, workload.recipe, machine.hardware, workload.hyper, step_data, options);
  });
}

namespace {

Json configuration(const CosimCommand& command, const Workload& workload, const Machine& machine,
                   const cosim::CosimOptions& options) {
  Json json = workload_json(workload);
  json["hw"] = machine.hardware.name;
  json["hw_file"] = machine.file;
  json["data"] = command.data.empty() ? "generated glyphs" : command.data;
  json["batch"] = options.batch;
  json["steps"] = options.steps;
  json["stall_percent"] = options.stall;
  json["dram"] = dram_text(options.dram, machine);
  json["seed"] = options.seed;
  return json;
}

void require_outputs(const CosimCommand& command, const Workload& workload, const Machine& machine) {
  OutputPlan plan;
  plan_inputs(plan, workload, &machine);
  plan_dram(plan, command.dram, machine);
  plan.reads_folder("--data", command.data, is_image_file);
  plan.writes("--json", command.json);
  plan.writes_file("--waves", command.waves);
  plan.writes_dump("--dump", command.dump);
  if (!command.dump.empty()) require_dumpable_names(workload.network);
}

int run(const CosimCommand& command) {
  const Workload workload = load_workload(command.network, command.recipe, command.hyper);
  const Machine machine = load_machine(command.hw);
  cosim::CosimOptions options;
  options.batch = batch_of(workload, command.batch);
  options.steps = command.steps;
  options.stall = command.stall;
  options.dram = load_dram(command.dram, machine);
  options.seed = command.seed;
  options.waves = command.waves;
  options.dump = command.dump;
  require_outputs(command, workload, machine);
  const Json config = configuration(command, workload, machine, options);
  const cosim::CosimResult result =
      run_cosimulation(workload, machine, command.data, options, "co-simulating", !command.quiet);
  if (interrupted()) {
    throw Interrupted{};
  }
  Json report = report_head("cosim", config);
  report.update(cosim::to_json(result));
  report["equal"] = result.equal();
  write_report(command.json, report);
  if (prints_tables(command.json, command.quiet)) {
    const int columns = terminal_columns();
    const std::string title = fmt::format("{}, {}, on {}: batch {}, seed {}, {} % stalls", workload.network.name,
                                          workload.recipe.name, command.hw, options.batch, options.seed, options.stall);
    const std::string details = command.details ? cosim::details_text(result, columns) + "\n" : "";
    const std::string memory = options.dram ? wrapped(dram_text(options.dram, machine), columns, 2) : "";
    fmt::print("{}{}\n{}{}", wrapped(title, columns, 2), memory, details, cosim::verdict_text(result, columns));
  }
  return result.equal() ? kOk : kMismatch;
}

}  // namespace

void add_cosim(CLI::App& app, Action& action) {
  const auto options = std::make_shared<CosimCommand>();
  CLI::App* sub = app.add_subcommand("cosim", "run training steps in golden model, SystemC and RTL; compare all bits");
  sub->add_option("NETWORK", options->network, "network: file or name (bitloom --help lists the names)")->required();
  sub->add_option("--recipe", options->recipe, "recipe: file or name")->capture_default_str();
  sub->add_option("--hw", options->hw, "hardware: file or name")->capture_default_str();
  sub->add_option("--steps", options->steps, "consecutive training steps")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  sub->add_option("--stall", options->stall, "chance in percent that the memory idles before a beat")
      ->check(CLI::Range(0, 90))
      ->capture_default_str();
  sub->add_option("--dram", options->dram, kDramHelp);
  sub->add_option("--batch", options->batch, "samples an optimizer step (default: as the network or --hyper says)")
      ->check(CLI::Range(1, 65535));
  sub->add_option("--seed", options->seed, "seed of parameters, data, random words and stalls")
      ->check(is_seed())
      ->capture_default_str();
  sub->add_option("--data", options->data, "folder of IDX or CIFAR-10 files (default: generated glyphs)");
  sub->add_option("--hyper", options->hyper, "hyper-parameters: file or name")->capture_default_str();
  sub->add_option("--waves", options->waves,
                  "write RTL waves around the first difference, or where the RTL hangs, to this FST file");
  sub->add_option("--dump", options->dump, "write golden's tensors as .npy into this folder, one folder a step");
  sub->add_option("--json", options->json, "write the results as JSON (- for standard output)");
  sub->add_flag("--details", options->details, "print cycles by phase and by command class too");
  sub->add_flag("--quiet,-q", options->quiet, "print nothing but errors");
  sub->footer(
      "Examples: bitloom cosim mlp_odd --recipe int4 --hw odd --steps 3 --stall 25 --json out.json\n"
      "          bitloom cosim conv_small --recipe luq --hw tiny --steps 2\n"
      "JSON: tensors_compared, elements_compared, mismatches, differences[], cycles.systemc, cycles.rtl, commands,\n"
      "classes[], phases[], array_utilisation; docs/counters.md defines every key. Exit code 1 on any difference.");
  sub->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace bitloom::program
