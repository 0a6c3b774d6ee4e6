#include "testbench/cosim/cycle_record.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "model/io/error.hpp"
#include "model/network/hyper.hpp"
#include "sim/simulator.hpp"

namespace bitloom::cosim {
namespace {

std::string record_file() {
  const char* source = std::getenv("BITLOOM_SOURCE_DIR");
  if (source == nullptr) throw Error("BITLOOM_SOURCE_DIR is not set; expected the folder of the source tree");
  return std::string(source) + "/testbench/cosim/cycles.json";
}

std::string change(const std::string& name, std::uint64_t recorded, std::uint64_t now) {
  return recorded == now ? "" : fmt::format("  {}: {} cycles recorded, {} now\n", name, recorded, now);
}

std::uint64_t cycles_of(const CaseCycles& cycles, const std::string& name) {
  const auto found = cycles.commands.find(name);
  return found == cycles.commands.end() ? 0 : found->second;
}

}  // namespace

CaseCycles systemc_cycles(const CosimCase& chosen) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, chosen.network));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, chosen.recipe));
  const Hardware hardware = read_hardware(resolve_trace(TraceKind::kHardware, chosen.hardware));
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  std::map<std::pair<bool, bool>, CaseCycles> parts;  // a recipe that accumulates has three programs
  CaseCycles sum;
  for (int step = 0; step < chosen.steps; ++step) {
    const MicroBatch now = micro_batch(static_cast<std::uint32_t>(step), recipe.update.micro_batches);
    auto [part, is_new] = parts.try_emplace({now.first, now.last});
    if (is_new) {
      const Program program = lower(network, recipe, hardware, {chosen.batch, momentum16(hyper), 1, 0, now});
      StepRegisters registers;
      registers.batch = batch_offset(program, 0);
      SimOptions options;
      options.stall_percent = chosen.stall;
      options.stall_seed = chosen.seed;
      const SimResult result = simulate(program, hardware, nullptr, registers, options);
      part->second.total = result.cycles;
      for (std::size_t c = 0; c < program.commands.size(); ++c) {
        part->second.commands[command_class(program.commands[c])] += result.command_cycles[c];
      }
    }
    sum.total += part->second.total;
    for (const auto& [name, cycles] : part->second.commands) sum.commands[name] += cycles;
  }
  return sum;
}

CaseCycles rtl_cycles(const CosimResult& result) {
  CaseCycles cycles;
  cycles.total = result.fidelity.rtl;
  for (const ClassCycles& commands : result.fidelity.classes) cycles.commands[commands.name] = commands.rtl;
  return cycles;
}

CycleRecord committed_cycles() {
  const std::string file = record_file();
  std::ifstream stream(file);
  if (!stream) throw Error(fmt::format("{}: cannot be read", file));
  const nlohmann::json cases = nlohmann::json::parse(stream);
  CycleRecord record;
  for (const auto& [name, of_case] : cases.items()) {
    of_case.at("cycles").get_to(record[name].total);
    of_case.at("commands").get_to(record[name].commands);
  }
  return record;
}

std::string to_text(const CycleRecord& record) {
  std::string text;
  for (const auto& [name, cycles] : record) {
    const nlohmann::json of_case = {{"cycles", cycles.total}, {"commands", cycles.commands}};
    text += fmt::format("{}{}: {}", text.empty() ? "{\n" : ",\n", nlohmann::json(name).dump(), of_case.dump());
  }
  return text + "\n}\n";
}

std::string moved(const CaseCycles& recorded, const CaseCycles& now) {
  std::string text = change("total", recorded.total, now.total);
  std::set<std::string> names;
  for (const CaseCycles* cycles : {&recorded, &now}) {
    for (const auto& [name, count] : cycles->commands) names.insert(name);
  }
  for (const std::string& name : names) text += change(name, cycles_of(recorded, name), cycles_of(now, name));
  return text;
}

}  // namespace bitloom::cosim
