#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>

#include "model/io/output_plan.hpp"
#include "model/io/traces.hpp"
#include "sim/estimate.hpp"
#include "sim/program/options.hpp"
#include "sim/program/program.hpp"
#include "sim/program/report.hpp"
#include "sim/program/terminal.hpp"
#include "sim/program/workload.hpp"
#include "sim/timeline.hpp"

namespace bitloom::program {
namespace {

Json configuration(const RunCommand& command, const Workload& workload, const Machine& machine,
                   const EstimateOptions& options, int batch) {
  Json config = workload_json(workload);
  config["hw"] = machine.hardware.name;
  config["hw_file"] = machine.file;
  config["batch"] = batch;
  config["steps"] = command.steps;
  config["stall_percent"] = command.stall;
  config["dram"] = dram_text(options.dram, machine);
  config["values"] = command.values;
  config["phases"] = command.phases;
  config["schedule"] = command.schedule;
  config["seed"] = command.seed;
  return config;
}

const std::map<std::string, Schedule> kSchedules{
    {"auto", Schedule::kAuto}, {"os", Schedule::kOutputStays}, {"ws", Schedule::kWeightsStay}};

int run(const RunCommand& command) {
  const Workload workload = load_workload(command.network, command.recipe, command.hyper);
  const Machine machine = load_machine(command.hw);
  const std::optional<dram::Banks> dram = load_dram(command.dram, machine);
  OutputPlan plan;
  plan_inputs(plan, workload, &machine);
  plan.reads("--energy", resolve_trace(TraceKind::kEnergy, command.energy));
  plan_dram(plan, command.dram, machine);
  plan.writes("--json", command.json);
  plan.writes_file("--timeline", command.timeline);
  EstimateOptions options;
  options.steps = command.steps;
  options.stall_percent = command.stall;
  options.seed = command.seed;
  options.dram = dram;
  options.values = command.values;
  options.energy = command.energy;
  options.forward_only = command.phases == "forward";
  options.schedule = kSchedules.at(command.schedule);
  options.hyper = workload.hyper;
  std::optional<Timeline> timeline;
  if (!command.timeline.empty()) options.timeline = &timeline.emplace(command.timeline, command.timeline_detail);
  const int batch = batch_of(workload, command.batch);

  ProgressLine line(!command.quiet);
  line.show(fmt::format("simulating {} {} on {}, batch {}", workload.network.name, workload.recipe.name,
                        machine.hardware.name, batch));
  options.progress = [&](int step, std::size_t position, std::size_t commands) {
    line.show(fmt::format("simulating {} {} on {}, batch {}: step {} of {}, command {} of {}", workload.network.name,
                          workload.recipe.name, machine.hardware.name, batch, step + 1, command.steps, position,
                          commands));
  };
  const Estimate result = naming_files(workload, &machine, [&] {
    return estimate(workload.network, workload.recipe, machine.hardware, batch, options);
  });
  line.clear();
  if (timeline) timeline->commit();

  const Json config = configuration(command, workload, machine, options, batch);
  Json report = report_head("run", config);
  report.update(to_json(result));
  write_report(command.json, report);
  if (prints_tables(command.json, command.quiet)) {
    if (options.dram) fmt::print("{}\n", config["dram"].get<std::string>());
    fmt::print("{}", text_table(result, terminal_columns(), command.details));
  }
  return kOk;
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  const auto options = std::make_shared<RunCommand>();
  CLI::App* sub = app.add_subcommand("run", "cycles and energy of a training step on the SystemC model");
  sub->add_option("NETWORK", options->network, "network: file or name (bitloom --help lists the names)")->required();
  sub->add_option("--recipe", options->recipe, "recipe: file or name")->capture_default_str();
  sub->add_option("--hw", options->hw, "hardware: file or name")->capture_default_str();
  sub->add_option("--batch", options->batch, "samples an optimizer step (default: as the network or --hyper says)")
      ->check(CLI::Range(1, 65535));
  sub->add_option("--steps", options->steps, "consecutive training steps; all numbers are their sums")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  sub->add_option("--stall", options->stall, "chance in percent that the memory idles before a beat")
      ->check(CLI::Range(0, 99))
      ->capture_default_str();
  sub->add_option("--dram", options->dram, kDramHelp);
  sub->add_option("--energy", options->energy, "energy table: file or name")->capture_default_str();
  sub->add_flag("--values", options->values, "compute the values too, not only time and counts");
  sub->add_option("--phases", options->phases, "all of a step, or forward: up to the logits, without loss and updates")
      ->check(CLI::IsMember({"all", "forward"}))
      ->capture_default_str();
  sub->add_option(
         "--schedule", options->schedule,
         "order of a GEMM's loops: os, sums stay in the array; ws, weights stay in their scratchpad; auto, the "
         "cheaper of all orders (docs/schedule.md)")
      ->check(CLI::IsMember({"os", "ws", "auto"}))
      ->capture_default_str();
  CLI::Option* timeline =
      sub->add_option("--timeline", options->timeline, "write what each engine does when, as a trace for Perfetto");
  sub->add_option("--timeline-detail", options->timeline_detail, "layer whose executions the trace has one by one")
      ->needs(timeline);
  sub->add_option("--seed", options->seed, "seed of stalls, and with --values of parameters, data and random words")
      ->check(is_seed())
      ->capture_default_str();
  sub->add_option("--hyper", options->hyper, "hyper-parameters: file or name")->capture_default_str();
  sub->add_option("--json", options->json, "write the results as JSON (- for standard output)");
  sub->add_flag("--details", options->details, "print every layer's phases too, and what each block waits for");
  sub->add_flag("--quiet,-q", options->quiet, "print nothing but errors");
  sub->footer(
      "Examples: bitloom run mlp --recipe int8 --hw base --batch 128 --json out.json\n"
      "          bitloom run lenet --recipe luq --hw base\n"
      "          bitloom run conv128 --recipe luq --schedule os\n"
      "JSON: totals, phases[], layers[] and blocks[] with cycles (clock cycles), energy_pj, macs and utilisation,\n"
      "actions, and what the numbers leave out; docs/counters.md defines every key.");
  sub->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace bitloom::program
