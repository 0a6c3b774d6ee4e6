#include "model/numerics/codebook.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>

#include "sim/program/options.hpp"
#include "sim/program/program.hpp"
#include "sim/program/report.hpp"

namespace bitloom::program {
namespace {

constexpr Slopes kUniform{4096, 4096, 4096};

/// CLI::Range lets NaN through.
CLI::Validator is_sharpness() {
  const auto check = [](const std::string& text) -> std::string {
    double value = 0.0;
    const bool good = CLI::detail::lexical_cast(text, value) && value >= 0.0 && value <= 1000.0;
    return good ? "" : "expected a number from 0 to 1000, got " + text;
  };
  return {check, "FLOAT in [0 - 1000]", "sharpness"};
}

std::string slopes_text(const Slopes& slopes) { return fmt::format("{} {} {}", slopes[0], slopes[1], slopes[2]); }

Json row_json(double sharpness, const Breaks& real, const Codebook& best) {
  Json row;
  row["sharpness"] = sharpness;
  row["optimal_breaks"] = {real.y1, real.y2};
  row["slopes"] = best.slopes;
  row["cost"] = best.cost;
  row["cost_of_uniform"] = codebook_cost(kUniform, sharpness);
  return row;
}

int run(const CodebookCommand& command) {
  Json rows = Json::array();
  Table table({"sharpness", "optimal breaks", "slopes", "breaks of them", "cost/uniform", "better from sharpness"});
  Slopes before = kUniform;
  for (const double sharpness : command.sharpness) {
    const Breaks real = optimal_breaks(sharpness);
    const Codebook best = realizable_codebooks(sharpness).front();
    rows.push_back(row_json(sharpness, real, best));
    std::string from = "-";
    if (best.slopes != before && codebook_cost(before, 0.01) < codebook_cost(best.slopes, 0.01)) {
      const double equal = equal_cost_sharpness(before, best.slopes);
      rows.back()["better_from_sharpness"] = equal;
      from = fmt::format("{:.1f}", equal);
    }
    const auto& [a1, a2, a3] = best.slopes;
    table.row({fmt::format("{:.1f}", sharpness), fmt::format("{:.5f} {:.5f}", real.y1, real.y2),
               slopes_text(best.slopes), fmt::format("{:.5f} {:.5f}", a1 / 32768.0, (a1 + a2) / 32768.0),
               fmt::format("{:.4f}", best.cost / codebook_cost(kUniform, sharpness)), from});
    before = best.slopes;
  }
  Json config;
  config["sharpness"] = command.sharpness;
  Json report = report_head("codebook", config);
  report["importance"] = "exp(-(sharpness * u)^2), u = distance to the rounding boundary in integer steps (ours)";
  report["codebooks"] = rows;
  write_report(command.json, report);
  if (prints_tables(command.json, command.quiet)) fmt::print("{}", table.text());
  return kOk;
}

}  // namespace

void add_codebook(CLI::App& app, Action& action) {
  const auto options = std::make_shared<CodebookCommand>();
  CLI::App* sub =
      app.add_subcommand("codebook", "optimize LWQ's residual codebook; the defaults give the built-in levels");
  sub->add_option(
         "--sharpness", options->sharpness,
         "importance exp(-(sharpness·u)²) of a residual at distance u, in integer steps, from the boundary where the "
         "weight flips; sharpness = rho/2 for rho mean updates a step")
      ->check(is_sharpness())
      ->capture_default_str();
  sub->add_option("--json", options->json, "write the results as JSON (- for standard output)");
  sub->add_flag("--quiet,-q", options->quiet, "print nothing but errors");
  sub->footer(
      "Example: bitloom codebook --sharpness 5 10 20\n"
      "Slopes are those of codes 0-2, 2-4 and 4-8 in 2^-16 of an integer step, among those that shifts and one "
      "addition make;\n"
      "breaks are the residuals at codes 2 and 4 in steps. The importance function is ours (docs/lwq.md).");
  sub->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace bitloom::program
