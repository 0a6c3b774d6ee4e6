#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/suggest.hpp"
#include "model/io/traces.hpp"
#include "model/io/version.hpp"
#include "sim/program/program.hpp"

namespace bitloom::program {

CLI::Validator is_seed() {
  const auto check = [](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = error == std::errc() && end == text.data() + text.size();
    return good ? "" : "expected a whole number from 0 to 2^64 - 1, got " + text;
  };
  return {check, "SEED", "seed"};
}

namespace {

constexpr const char* kDescription =
    "Bitloom: what a low-bitwidth training accelerator will do before it exists - the bits it computes, the accuracy\n"
    "they reach, the cycles and the energy of each training step - proved against RTL.";

/// Lists the names in traces/, so that this text cannot miss one. BITLOOM_TRACES's are among them.
std::string footer() {
  const auto names = [](const char* kind, TraceKind of) {
    std::string text = fmt::format("  {:<11}", kind);
    std::size_t width = text.size();
    for (const std::string& name : known_traces(of)) {
      if (width + name.size() + 1 > 110) {
        text += fmt::format("\n  {:<11}", "");
        width = 13;
      }
      text += " " + name;
      width += name.size() + 1;
    }
    return text + "\n";
  };
  return "Networks, recipes and hardware are file paths or names in traces/:\n" +
         names("networks", TraceKind::kNetwork) + names("recipes", TraceKind::kRecipe) +
         names("hardware", TraceKind::kHardware) + names("hyper", TraceKind::kHyper) +
         names("energy", TraceKind::kEnergy) + names("experiments", TraceKind::kExperiment) +
         "\n"
         "Examples:\n"
         "  bitloom demo\n"
         "  bitloom train lenet --recipe luq --data DIR --epochs 5 --seed 1 --json out.json\n"
         "  bitloom experiment fashion_mlp --data DIR --db results.db\n"
         "  bitloom run lenet --recipe luq --hw base\n"
         "  bitloom compare --networks resnet8 conv128 --recipes int8 luq fqt1 --hw base\n"
         "  bitloom cosim conv_small --recipe fqt1 --hw tiny --steps 2\n"
         "  bitloom cosim mlp_odd --recipe int4 --hw odd --steps 3 --stall 25\n"
         "  bitloom codebook\n"
         "  bitloom explain binades\n"
         "\n"
         "Exit codes: 0 ok, 1 a comparison or check failed, 2 bad input or usage, 3 internal error, 130 interrupted.\n"
         "Environment: BITLOOM_TRACES names a folder that is searched before the built-in traces/.";
}

void print_error(const std::string& message) { fmt::print(stderr, "bitloom: error: {}\n", message); }

/// An empty path or name is a mistake (a variable that is not set), never "not given".
void refuse_empty_values(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands({})) {
    for (CLI::Option* option : command->get_options()) {
      if (option->get_items_expected_max() == 0) continue;  // a flag
      option->check([](const std::string& value) { return value.empty() ? "expected a value, got an empty one" : ""; });
    }
  }
}

void register_commands(CLI::App& app, Action& action) {
  add_demo(app, action);
  add_train(app, action);
  add_experiment(app, action);
  add_run(app, action);
  add_compare(app, action);
  add_cosim(app, action);
  add_codebook(app, action);
  add_explain(app, action);
  refuse_empty_values(app);
  app.require_subcommand(0, 1);  // that there is one is checked after parsing, so that a misspelt one is named
}

std::string usage_hint(const CLI::App& app) {
  for (const CLI::App* chosen : app.get_subcommands()) {
    return fmt::format("; see bitloom {} --help", chosen->get_name());
  }
  return "; see bitloom --help";
}

/// Says what a misspelt command most likely means.
std::string command_suggestion(const CLI::App& app, const std::string& word) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == word) return "";
    commands.push_back(command->get_name());
  }
  return suggestion(word, commands);
}

int run_guarded(const Action& action) {
  try {
    return action();
  } catch (const Interrupted&) {
    print_error("interrupted");
    return kInterrupted;
  } catch (const Error& error) {
    print_error(error.what());
    return kBadInput;
  } catch (const std::filesystem::filesystem_error& error) {
    print_error(fmt::format("{}: {}", error.path1().string(), error.code().message()));
    return kBadInput;
  } catch (const std::bad_alloc&) {
    print_error("out of memory: take fewer images, a smaller batch or a smaller network");
    return kBadInput;
  } catch (const std::exception& error) {
    print_error(fmt::format("internal error: {}", error.what()));
    return kInternal;
  }
}

/// Results that do not reach standard output (a full disk behind a redirection) must not look like success.
int flush_output(int code) {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    print_error("cannot write to standard output");
    return code == kOk ? kBadInput : code;
  }
  return code;
}

/// A descriptor below 3 that is closed would be given to the next file that is opened, and what is printed would land
/// in it. It gets one that cannot be written.
void occupy_standard_descriptors() {
  while (true) {
    const int descriptor = open("/dev/null", O_RDONLY);
    if (descriptor > STDERR_FILENO) close(descriptor);
    if (descriptor < 0 || descriptor > STDERR_FILENO) return;
  }
}

int run_program(int argc, char** argv) {
  CLI::App app{kDescription, "bitloom"};
  app.footer(footer);
  app.set_version_flag("--version", version_line());
  Action action;
  register_commands(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help, --version
    return flush_output(app.exit(done));
  } catch (const CLI::ParseError& error) {
    print_error(error.what() + command_suggestion(app, argc > 1 ? argv[1] : "") + usage_hint(app));
    return kBadInput;
  }
  if (!action) {
    print_error("a command is needed" + usage_hint(app));
    return kBadInput;
  }
  install_handler();
  return flush_output(run_guarded(action));
}

}  // namespace
}  // namespace bitloom::program

int main(int argc, char** argv) {
  bitloom::program::occupy_standard_descriptors();
  try {
    return bitloom::program::run_program(argc, argv);
  } catch (const std::exception& error) {
    std::fputs("bitloom: error: internal error: ", stderr);
    std::fputs(error.what(), stderr);
    std::fputs("\n", stderr);
    return bitloom::program::kInternal;
  }
}
