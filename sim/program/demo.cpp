// `bitloom demo`: the whole thing once. Trains a convolutional network on images that the program draws, in FP32, in
// plain integers and by the four methods; runs whole training steps of smaller networks in golden model, SystemC and
// RTL; and says what came out.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "model/io/interrupt.hpp"
#include "model/io/output_plan.hpp"
#include "sim/cosim/report.hpp"
#include "sim/estimate.hpp"
#include "sim/program/cosim.hpp"
#include "sim/program/options.hpp"
#include "sim/program/program.hpp"
#include "sim/program/train.hpp"
#include "sim/program/workload.hpp"

namespace bitloom::program {
namespace {

/// A training run of the demo: one epoch. `before`: the recipe that it starts from, trained likewise; empty: none.
struct Training {
  const char* recipe;
  const char* before;
};

constexpr const char* kTrained = "lenet_bn";
constexpr Training kTrainings[] = {
    {"fp32", ""}, {"int8", ""}, {"int4", ""}, {"lwq", ""}, {"luq", ""}, {"maqd", ""}, {"fqt1", "fqt1_pretrain"}};

/// A step that is co-simulated, of the network's own batch or that of the default hyper-parameters.
struct Step {
  const char* network;
  const char* recipe;
  const char* hw;
};

constexpr Step kSteps[] = {{"mlp", "int8", "base"},        {"mlp", "int4", "base"},
                           {"conv_small", "lwq", "tiny"},  {"conv_small", "luq", "tiny"},
                           {"conv_small", "maqd", "tiny"}, {"conv_small", "fqt1", "tiny"}};
constexpr std::string_view kPhasesOf = "conv_small";

struct Trained {
  std::string recipe;
  TrainRun run;
};

struct Compared {
  Step step;
  cosim::CosimResult result;
  Estimate estimate;  ///< of the same step: energy
};

/// A file name in the folder for temporary files; the file is removed with it.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& name) : path_((std::filesystem::temp_directory_path() / name).string()) {}
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Trained train_one(const std::string& recipe, const std::string& hyper, const std::string& init, const std::string& save,
                  const DemoCommand& command, const DataPair& data) {
  const Workload workload = load_workload(kTrained, recipe, hyper);
  TrainOptions options = train_options(workload.hyper);
  options.epochs = 1;
  options.seed = command.seed;
  options.threads = command.threads;
  const std::unique_ptr<Trainer> trainer = make_trainer(workload, options);
  if (!init.empty()) trainer->init_from(init);
  Trained trained{recipe, run_training(*trainer, data, options, "training " + recipe, !command.quiet, {})};
  if (trained.run.interrupted) {
    throw Interrupted{};
  }
  if (!save.empty()) trainer->save(save);
  return trained;
}

/// A binarized network is fine-tuned, from one that was trained with gradients of 8 bits (docs/fqt1.md).
Trained train_one(const Training& training, const DemoCommand& command, const DataPair& data) {
  const std::string before = training.before;
  if (before.empty()) {
    return train_one(training.recipe, "default", "", "", command, data);
  }
  const ScratchFile start(fmt::format("bitloom-demo-{}.npz", getpid()));
  train_one(before, "sign", "", start.path(), command, data);
  return train_one(training.recipe, "default", start.path(), "", command, data);
}

Compared compare_one(const Step& step, const DemoCommand& command) {
  const Workload workload = load_workload(step.network, step.recipe, "default");
  cosim::CosimOptions options;
  options.batch = batch_of(workload, 0);
  options.steps = 1;
  options.seed = command.seed;
  const Machine machine = load_machine(step.hw);
  Compared compared;
  compared.step = step;
  compared.result = run_cosimulation(workload, machine, "", options,
                                     fmt::format("co-simulating {} {},", step.network, step.recipe), !command.quiet);
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
  Table table({"network, recipe, hardware", "batch", "tensors", "elements", "bits", "SystemC cycles", "RTL cycles",
               "error", "energy"});
  for (const auto& [step, result, estimated] : compared) {
    table.row(
        {fmt::format("{}, {}, {}", step.network, step.recipe, step.hw), std::to_string(result.program.batch),
         grouped(static_cast<std::int64_t>(result.comparison.tensors)),
         grouped(static_cast<std::int64_t>(result.comparison.elements)),
         result.equal() ? "all equal" : grouped(static_cast<std::int64_t>(result.comparison.mismatches)) + " differ",
         grouped(static_cast<std::int64_t>(result.fidelity.systemc)),
         grouped(static_cast<std::int64_t>(result.fidelity.rtl)),
         signed_percent(result.fidelity.systemc, result.fidelity.rtl),
         si(static_cast<double>(estimated.energy.total_pj) * 1e-12, "J")});
  }
  return table.text();
}

/// Writes RTL cycles by kind of phase, over all layers, a column for each compared recipe of kPhasesOf.
std::string phase_table(const std::vector<Compared>& compared) {
  std::vector<std::string> head{fmt::format("{}, RTL cycles", kPhasesOf)};
  std::vector<std::string> kinds;
  std::vector<const cosim::CosimResult*> columns;
  for (const Compared& c : compared) {
    if (c.step.network != kPhasesOf) continue;
    head.emplace_back(c.step.recipe);
    columns.push_back(&c.result);
    for (const cosim::PhaseCycles& phase : c.result.fidelity.phases) {
      if (std::find(kinds.begin(), kinds.end(), phase.phase) == kinds.end()) kinds.push_back(phase.phase);
    }
  }
  Table table(head);
  for (const std::string& kind : kinds) {
    std::vector<std::string> cells{kind};
    for (const cosim::CosimResult* column : columns) {
      std::uint64_t sum = 0;
      for (const cosim::PhaseCycles& phase : column->fidelity.phases) sum += phase.phase == kind ? phase.rtl : 0;
      cells.push_back(grouped(static_cast<std::int64_t>(sum)));
    }
    table.row(std::move(cells));
  }
  return table.text();
}

Json demo_report(const DemoCommand& command, const std::vector<Trained>& trained,
                 const std::vector<Compared>& compared) {
  Json report = report_head("demo", {{"network", kTrained},
                                     {"data", "generated glyphs"},
                                     {"epochs", 1},
                                     {"seed", command.seed},
                                     {"threads", command.threads}});
  bool equal = true;
  for (const Trained& t : trained) {
    report["training"][t.recipe] = {{"test_accuracy", t.run.test.accuracy},
                                    {"test_loss", t.run.test.loss},
                                    {"samples_per_second", t.run.samples_per_second()}};
  }
  for (const Compared& c : compared) {
    Json json = {{"network", c.step.network}, {"hw", c.step.hw}, {"batch", c.result.program.batch}};
    json.update(cosim::to_json(c.result));
    json["energy_pj"] = c.estimate.energy.total_pj;
    report["cosim"][c.step.recipe] = json;
    equal = equal && c.result.equal();
  }
  report["equal"] = equal;
  return report;
}

void print_tables(const DemoCommand& command, const DataPair& data, const std::vector<Trained>& trained,
                  const std::vector<Compared>& compared) {
  const Workload workload = load_workload(kTrained, "fp32", "default");
  fmt::print(
      "\nTraining {} (convolutions, batch norm) on generated glyphs: {} images, 1 epoch, batch {}, seed {}, {} "
      "thread(s); {} test images\n\n",
      kTrained, grouped(data.train.size()), workload.hyper.batch, command.seed, command.threads,
      grouped(data.test.size()));
  fmt::print("{}", training_table(trained));
  for (const Training& training : kTrainings) {
    if (*training.before != 0) {
      fmt::print("({}: after one epoch of {}, which it fine-tunes)\n", training.recipe, training.before);
    }
  }
  fmt::print("\nOne whole training step each: SystemC and RTL against the golden model\n\n");
  fmt::print("{}", comparison_table(compared));
  const EnergyTable& energies = compared.front().estimate.table;
  fmt::print(
      "(energy: {} table with {} DRAM, without leakage and clock tree; bitloom run tells it by block and layer)\n",
      energies.name, energies.dram);
  for (const Compared& c : compared) {
    for (const cosim::Difference& difference : c.result.comparison.first) {
      fmt::print("{} {}: {}\n", c.step.network, c.step.recipe, cosim::describe(c.result.program, difference));
    }
  }
  fmt::print("\n{}", phase_table(compared));
}

int demo(const DemoCommand& command) {
  const auto begin = std::chrono::steady_clock::now();
  OutputPlan().writes("--json", command.json);
  const DataPair data = load_images(load_workload(kTrained, "fp32", "default").network, "", command.seed);
  std::vector<Trained> trained;
  for (const Training& training : kTrainings) {
    trained.push_back(train_one(training, command, data));
  }
  std::vector<Compared> compared;
  for (const Step& step : kSteps) {
    compared.push_back(compare_one(step, command));
  }
  const Json report = demo_report(command, trained, compared);
  write_report(command.json, report);
  if (prints_tables(command.json, command.quiet)) {
    print_tables(command, data, trained, compared);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    fmt::print("\n{} in {:.0f} s. Next: ./bitloom cosim conv_small --recipe luq --hw odd --steps 2 --stall 25\n",
               report["equal"] ? "All bits equal" : "THE EXECUTORS DIFFER", seconds.count());
  }
  return report["equal"] ? kOk : kMismatch;
}

}  // namespace

void add_demo(CLI::App& app, Action& action) {
  const auto options = std::make_shared<DemoCommand>();
  CLI::App* sub = app.add_subcommand("demo", "train a network by every method, co-simulate steps, print what came out");
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
