// `bitloom demo`: the whole thing once. Trains the MLP on images that the program draws, in FP32 and in integers, runs
// a whole training step on the smallest accelerator in golden model, SystemC and RTL, and says what came out.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/interrupt.hpp"
#include "model/output_file.hpp"
#include "sim/estimate.hpp"
#include "sim/program/cosim.hpp"
#include "sim/program/options.hpp"
#include "sim/program/program.hpp"
#include "sim/program/train.hpp"
#include "sim/program/workload.hpp"
#include "testbench/cosim/report.hpp"

namespace bitloom::program {
namespace {

constexpr const char* kNetwork = "mlp";
constexpr const char* kHardware = "tiny";

struct Trained {
  std::string recipe;
  TrainRun run;
};

struct Compared {
  std::string recipe;
  cosim::CosimResult result;
  Estimate estimate;  ///< of the same step: energy
};

std::string chain_text(const Network& network) {
  const std::vector<LinearLayer> chain = linear_chain(network);
  std::string text = std::to_string(chain.front().in);
  for (const LinearLayer& layer : chain) {
    text += fmt::format("-{}", layer.out);
  }
  return text;
}

Trained train_one(const std::string& recipe, const DemoCommand& command, const DataPair& data) {
  const Workload workload = load_workload(kNetwork, recipe, "hyper");
  TrainOptions options = train_options(workload.hyper);
  options.seed = command.seed;
  options.threads = command.threads;
  const std::unique_ptr<Trainer> trainer = make_trainer(workload, options);
  Trained trained{recipe, run_training(*trainer, data, options, "training " + recipe, !command.quiet, {})};
  if (trained.run.interrupted) {
    throw Interrupted{};
  }
  return trained;
}

Compared compare_one(const std::string& recipe, const DemoCommand& command) {
  const Workload workload = load_workload(kNetwork, recipe, "hyper");
  cosim::CosimOptions options;
  options.batch = batch_of(workload, 0);
  options.steps = 1;
  options.seed = command.seed;
  const Machine machine = load_machine(kHardware);
  Compared compared;
  compared.recipe = recipe;
  compared.result =
      run_cosimulation(workload, machine, "", options, fmt::format("co-simulating {},", recipe), !command.quiet);
  EstimateOptions estimate_options;
  estimate_options.hyper = workload.hyper;
  compared.estimate = estimate(workload.network, workload.recipe, machine.hardware, options.batch, estimate_options);
  if (interrupted()) {
    throw Interrupted{};
  }
  return compared;
}

std::string signed_percent(std::uint64_t model, std::uint64_t truth) {
  if (truth == 0) {
    return model == 0 ? "0.00 %" : "-";
  }
  return fmt::format("{:+.2f} %", 100.0 * (static_cast<double>(model) / static_cast<double>(truth) - 1.0));
}

std::string training_table(const std::vector<Trained>& trained) {
  Table table({"recipe", "test accuracy", "test loss", "training speed"});
  for (const Trained& t : trained) {
    table.row({t.recipe, percent(t.run.test.accuracy), fmt::format("{:.4f} nats", t.run.test.loss),
               grouped(static_cast<std::int64_t>(t.run.samples_per_second())) + " samples/s"});
  }
  return table.text();
}

std::string comparison_table(const std::vector<Compared>& compared) {
  Table table(
      {"recipe", "tensors", "elements", "bits", "SystemC cycles", "RTL cycles", "error", "array use", "energy"});
  for (const auto& [recipe, result, estimated] : compared) {
    table.row(
        {recipe, grouped(static_cast<std::int64_t>(result.comparison.tensors)),
         grouped(static_cast<std::int64_t>(result.comparison.elements)),
         result.equal() ? "all equal" : grouped(static_cast<std::int64_t>(result.comparison.mismatches)) + " differ",
         grouped(static_cast<std::int64_t>(result.fidelity.systemc)),
         grouped(static_cast<std::int64_t>(result.fidelity.rtl)),
         signed_percent(result.fidelity.systemc, result.fidelity.rtl), percent(result.array_utilisation, 1),
         fmt::format("{:.1f} uJ", estimated.energy.total_pj / 1e6)});
  }
  return table.text();
}

/// A kind of phase over all layers, in the order in which the first layer meets them.
std::vector<cosim::PhaseCycles> phases_of(const cosim::CosimResult& result) {
  std::vector<cosim::PhaseCycles> sums;
  for (const cosim::PhaseCycles& phase : result.fidelity.phases) {
    auto at = std::find_if(sums.begin(), sums.end(), [&](const auto& sum) { return sum.phase == phase.phase; });
    if (at == sums.end()) {
      sums.push_back({-1, phase.phase, 0, 0});
      at = sums.end() - 1;
    }
    at->systemc += phase.systemc;
    at->rtl += phase.rtl;
  }
  return sums;
}

std::string phase_table(const std::vector<Compared>& compared) {
  std::vector<std::string> head{"phase (cycles)"};
  std::vector<std::vector<cosim::PhaseCycles>> columns;
  for (const auto& [recipe, result, estimated] : compared) {
    head.insert(head.end(), {recipe + " SystemC", recipe + " RTL", "error"});
    columns.push_back(phases_of(result));
  }
  Table table(head);
  for (std::size_t row = 0; row < columns.front().size(); ++row) {
    std::vector<std::string> cells{columns.front()[row].phase};
    for (const std::vector<cosim::PhaseCycles>& column : columns) {
      const cosim::PhaseCycles& phase = column.at(row);
      cells.insert(cells.end(),
                   {grouped(static_cast<std::int64_t>(phase.systemc)), grouped(static_cast<std::int64_t>(phase.rtl)),
                    signed_percent(phase.systemc, phase.rtl)});
    }
    table.row(std::move(cells));
  }
  return table.text();
}

Json demo_report(const DemoCommand& command, const std::vector<Trained>& trained,
                 const std::vector<Compared>& compared) {
  Json report = report_head("demo", {{"network", kNetwork},
                                     {"hw", kHardware},
                                     {"data", "generated glyphs"},
                                     {"seed", command.seed},
                                     {"threads", command.threads}});
  bool equal = true;
  for (const Trained& t : trained) {
    report["training"][t.recipe] = {{"test_accuracy", t.run.test.accuracy},
                                    {"test_loss", t.run.test.loss},
                                    {"samples_per_second", t.run.samples_per_second()}};
  }
  for (const Compared& c : compared) {
    report["cosim"][c.recipe] = cosim::to_json(c.result);
    report["cosim"][c.recipe]["batch"] = c.result.program.batch;
    report["cosim"][c.recipe]["energy_pj"] = c.estimate.energy.total_pj;
    equal = equal && c.result.equal();
  }
  report["equal"] = equal;
  return report;
}

void print_tables(const DemoCommand& command, const DataPair& data, const std::vector<Trained>& trained,
                  const std::vector<Compared>& compared) {
  const Workload workload = load_workload(kNetwork, "int8", "hyper");
  fmt::print(
      "\nTraining {} ({}) on generated glyphs: {} images, {} epochs, batch {}, seed {}, {} thread(s); {} test "
      "images\n\n",
      kNetwork, chain_text(workload.network), grouped(data.train.size()), workload.hyper.epochs, workload.hyper.batch,
      command.seed, command.threads, grouped(data.test.size()));
  fmt::print("{}", training_table(trained));
  fmt::print("\nOne whole training step (batch {}) on hardware '{}': SystemC and RTL against the golden model\n\n",
             compared.front().result.program.batch, kHardware);
  fmt::print("{}", comparison_table(compared));
  const EnergyTable& energies = compared.front().estimate.table;
  fmt::print(
      "(energy: {} table with {} DRAM, without leakage and clock tree; bitloom run tells it by block and layer)\n",
      energies.name, energies.dram);
  for (const auto& [recipe, result, estimated] : compared) {
    for (const cosim::Difference& difference : result.comparison.first) {
      fmt::print("{}: {}\n", recipe, cosim::describe(result.program, difference));
    }
  }
  fmt::print("\n{}", phase_table(compared));
}

int demo(const DemoCommand& command) {
  const auto begin = std::chrono::steady_clock::now();
  if (!command.json.empty() && command.json != "-") {
    require_writable_target(command.json);
  }
  const DataPair data = load_images(load_workload(kNetwork, "fp32", "hyper").network, "", command.seed);
  std::vector<Trained> trained;
  for (const char* recipe : {"fp32", "int8", "int4"}) {
    trained.push_back(train_one(recipe, command, data));
  }
  std::vector<Compared> compared;
  for (const char* recipe : {"int8", "int4"}) {
    compared.push_back(compare_one(recipe, command));
  }
  const Json report = demo_report(command, trained, compared);
  write_report(command.json, report);
  if (prints_tables(command.json, command.quiet)) {
    print_tables(command, data, trained, compared);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    fmt::print("\n{} in {:.0f} s. Next: ./bitloom cosim mlp_odd --recipe int4 --hw odd --steps 3 --stall 25\n",
               report["equal"] ? "All bits equal" : "THE EXECUTORS DIFFER", seconds.count());
  }
  return report["equal"] ? kOk : kMismatch;
}

}  // namespace

void add_demo(CLI::App& app, Action& action) {
  const auto options = std::make_shared<DemoCommand>();
  CLI::App* sub = app.add_subcommand("demo", "train in FP32, INT8 and INT4, co-simulate a step, print what came out");
  sub->add_option("--seed", options->seed, "seed of everything")->check(is_seed())->capture_default_str();
  sub->add_option("--threads", options->threads, "training threads; the results do not depend on them")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("--json", options->json, "write the results as JSON (- for standard output)");
  sub->add_flag("--quiet,-q", options->quiet, "print nothing but errors");
  sub->footer("Example: bitloom demo --json demo.json\nExit code 1 where golden model, SystemC and RTL differ.");
  sub->callback([options, &action] { action = [options] { return demo(*options); }; });
}

}  // namespace bitloom::program
