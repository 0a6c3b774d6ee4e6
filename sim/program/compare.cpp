// `bitloom compare`: a training step of each network by each recipe on each machine, as a table.
#include <fmt/format.h>

#include <cstdio>
#include <list>
#include <memory>
#include <new>
#include <vector>

#include "model/io/interrupt.hpp"
#include "model/io/output_file.hpp"
#include "model/io/output_plan.hpp"
#include "model/io/traces.hpp"
#include "sim/estimate.hpp"
#include "sim/program/compare_table.hpp"
#include "sim/program/options.hpp"
#include "sim/program/processes.hpp"
#include "sim/program/program.hpp"
#include "sim/program/workload.hpp"

namespace bitloom::program {
namespace {

/// What a row of the table estimates.
struct Case {
  Workload workload;
  const Machine* machine;
  EstimateOptions options;
  int batch;

  std::string name() const {
    return fmt::format("{} {} on {}", workload.network.name, workload.recipe.name, machine->hardware.name);
  }
  Json names() const {
    return {{"network", workload.network.name},
            {"batch", batch},
            {"hardware", machine->hardware.name},
            {"recipe", workload.recipe.name}};
  }
};

/// Makes the row of a case. Where the accelerator does not take it, the reason stands in the place of numbers.
Json row_of(const Case& each) {
  Json row = each.names();
  try {
    const Workload& of = each.workload;
    return compare_row(estimate(of.network, of.recipe, each.machine->hardware, each.batch, each.options));
  } catch (const Error& error) {
    row["excluded"] = error.what();
  } catch (const std::bad_alloc&) {
    row["excluded"] = "this computer's memory is too small";
  }
  return row;
}

/// The cases of the command, in the order of the rows, and the rows that have been made.
class Comparison {
 public:
  explicit Comparison(const CompareCommand& command)
      : command_(command), tables_(prints_tables(command.json, command.quiet)) {
    read_energy_table(resolve_trace(TraceKind::kEnergy, command.energy));  // a mistake in it excludes no row
    for (const std::string& hw : command.hw) machines_.push_back(load_machine(hw));
    for (const std::string& network : command.networks) {
      for (const Machine& machine : machines_) {
        for (const std::string& recipe : command.recipes) add(network, recipe, machine);
      }
    }
    rows_.resize(cases_.size());
  }

  /// Makes the rows; prints each when those before it are there, and writes all that are there to --json. Returns
  /// whether none was lost.
  bool make() {
    if (tables_) fmt::print("{}", table_.head());
    ProgressLine line(!command_.quiet);
    ProcessWork work;
    work.make = [&](std::size_t i) { return row_of(cases_[i]).dump(-1, ' ', false, Json::error_handler_t::replace); };
    work.started = [&](std::size_t i) {
      line.show(fmt::format("{} of {} rows; simulating {}", made_, rows_.size(), cases_[i].name()));
    };
    work.take = [&](std::size_t i, const std::string& text) {
      line.clear();
      take(i, text);
    };
    in_processes(cases_.size(), command_.jobs, work);
    return !lost_;
  }

  void write(bool finished) const {
    Json report = report_head("compare", configuration());
    report["finished"] = finished;
    report["interrupted"] = interrupted();
    report["rows"] = Json::array();
    for (const Json& row : rows_) {
      if (!row.is_null()) report["rows"].push_back(row);
    }
    write_report(command_.json, report);
  }

  void plan(OutputPlan& plan) const {
    for (const Case& each : cases_) {
      plan_inputs(plan, each.workload, each.machine);
      plan_dram(plan, command_.dram, *each.machine);
    }
    plan.reads("--energy", resolve_trace(TraceKind::kEnergy, command_.energy));
    plan.writes("--json", command_.json);
  }

 private:
  void take(std::size_t i, const std::string& text) {
    if (text.empty()) {
      lost_ = true;
      rows_[i] = cases_[i].names();
      rows_[i]["excluded"] = "its process ended without a result";
      fmt::print(stderr, "bitloom: error: {}: its process ended without a result\n", cases_[i].name());
    } else {
      rows_[i] = Json::parse(text);
    }
    ++made_;
    if (command_.json != "-" && !is_stream(command_.json)) write(false);
    for (; printed_ < rows_.size() && !rows_[printed_].is_null(); ++printed_) {
      if (tables_) fmt::print("{}", table_.row(rows_[printed_]));
    }
    std::fflush(stdout);
  }

  void add(const std::string& network, const std::string& recipe, const Machine& machine) {
    Case& each = cases_.emplace_back(Case{load_workload(network, recipe, command_.hyper), &machine, {}, 0});
    each.options.energy = command_.energy;
    each.options.dram = load_dram(command_.dram, machine);
    each.options.hyper = each.workload.hyper;
    each.batch = batch_of(each.workload, command_.batch);
    table_.widen(each.names());
  }

  Json configuration() const {
    return {{"networks", command_.networks}, {"recipes", command_.recipes}, {"hw", command_.hw},
            {"energy", command_.energy},     {"dram", command_.dram},       {"hyper", command_.hyper},
            {"jobs", command_.jobs}};
  }

  const CompareCommand& command_;
  std::list<Machine> machines_;  ///< a list, as cases point to them
  std::vector<Case> cases_;
  std::vector<Json> rows_;  ///< null: not yet
  CompareTable table_;
  bool tables_;
  std::size_t made_ = 0, printed_ = 0;
  bool lost_ = false;
};

int run(const CompareCommand& command) {
  Comparison comparison(command);
  OutputPlan plan;
  comparison.plan(plan);
  try {
    const bool whole = comparison.make();
    comparison.write(true);
    return whole ? kOk : kInternal;
  } catch (const Interrupted&) {
    comparison.write(false);
    throw;
  }
}

}  // namespace

void add_compare(CLI::App& app, Action& action) {
  const auto options = std::make_shared<CompareCommand>();
  CLI::App* sub = app.add_subcommand("compare", "networks by recipes on machines, each a training step, as one table");
  const auto list = [&](const char* name, std::vector<std::string>& of, const char* help) {
    sub->add_option(name, of, help)->capture_default_str();
  };
  list("--networks", options->networks, "networks: files or names (bitloom --help lists the names)");
  list("--recipes", options->recipes, "recipes: files or names");
  list("--hw", options->hw, "hardware: files or names");
  sub->add_option("--batch", options->batch, "samples an optimizer step (default: as each network or --hyper says)")
      ->check(CLI::Range(1, 65535));
  sub->add_option("--dram", options->dram, kDramHelp);
  sub->add_option("--energy", options->energy, "energy table: file or name")->capture_default_str();
  sub->add_option("--hyper", options->hyper, "hyper-parameters: file or name")->capture_default_str();
  sub->add_option("--jobs,-j", options->jobs, "rows that are made at once, a process each")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("--json", options->json, "write the results as JSON, after each row (- for standard output)");
  sub->add_flag("--quiet,-q", options->quiet, "print nothing but errors");
  sub->footer(
      "Examples: bitloom compare --jobs 2 --json table.json\n"
      "          bitloom compare --networks resnet8 conv128 --recipes int8 luq fqt1 --hw base mine.json\n"
      "          bitloom compare --networks resnet50 --batch 8 --dram hbm2\n"
      "A combination that the accelerator does not take is a row with its reason.\n"
      "JSON: rows[] with the keys of bitloom run; docs/counters.md defines every key. docs/compare.md has the table "
      "of\n"
      "base. Ctrl-C keeps in --json the rows that are made.");
  sub->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace bitloom::program
