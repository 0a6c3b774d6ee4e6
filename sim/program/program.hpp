#pragma once
#include <CLI/CLI.hpp>
#include <functional>

namespace bitloom::program {

/// Exit codes of every command; scripts rely on them.
enum ExitCode : int {
  kOk = 0,
  kMismatch = 1,      ///< a comparison or check failed
  kBadInput = 2,      ///< usage, input files, output folder
  kInternal = 3,      ///< a fault of the program itself
  kInterrupted = 130  ///< Ctrl-C
};

/// The command that the arguments chose; run after parsing, outside CLI11, so that its errors get one treatment.
using Action = std::function<int()>;

/// Accepts whole numbers from 0 to 2^64 - 1; CLI11 itself would wrap or clamp others silently.
CLI::Validator is_seed();

void add_train(CLI::App& app, Action& action);
void add_experiment(CLI::App& app, Action& action);
void add_run(CLI::App& app, Action& action);
void add_compare(CLI::App& app, Action& action);
void add_cosim(CLI::App& app, Action& action);
void add_codebook(CLI::App& app, Action& action);
void add_explain(CLI::App& app, Action& action);
void add_demo(CLI::App& app, Action& action);

}  // namespace bitloom::program
