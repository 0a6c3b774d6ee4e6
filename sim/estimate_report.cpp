#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/estimate.hpp"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

double joules(const Estimate& e) { return e.energy.total_pj * 1e-12; }
double seconds(const Estimate& e) { return e.time_ms() * 1e-3; }
double samples(const Estimate& e) { return static_cast<double>(e.batch) * e.options.steps; }

Json layers_json(const Estimate& e) {
  Json layers = Json::array();
  for (const EstimateLayer& layer : e.layers) {
    layers.push_back({{"node", layer.node},
                      {"name", layer.name},
                      {"phase", layer.phase},
                      {"cycles", layer.cycles},
                      {"energy_pj", layer.energy_pj},
                      {"macs", layer.macs},
                      {"macs_data", layer.macs_data},
                      {"macs_issued", layer.macs_issued},
                      {"utilisation", layer.utilisation}});
  }
  return layers;
}

Json blocks_json(const Estimate& e) {
  Json blocks = Json::object();
  for (const EstimateBlock& block : e.blocks) {
    Json stalled_on = Json::object();
    for (std::size_t id = 0; id < block.stalled_on.size(); ++id) {
      if (block.stalled_on[id] != 0) stalled_on[token_text({static_cast<int>(id), 0})] = block.stalled_on[id];
    }
    blocks[block.name] = {
        {"busy", block.busy}, {"stalled", block.stalled}, {"stalled_on", stalled_on}, {"energy_pj", block.energy_pj}};
  }
  return blocks;
}

Json actions_json(const Estimate& e) {
  Json actions = Json::object();
  for (std::size_t a = 0; a < kActions; ++a) {
    const auto action = static_cast<Action>(a);
    actions[action_name(action)] = {{"count", e.result.counts[action]}, {"energy_pj", e.energy.action_pj[a]}};
  }
  return actions;
}

Json table_json(const EnergyTable& table) {
  Json derived = Json::array();
  for (const EnergyRow& row : table.rows) {
    if (row.derived) derived.push_back(fmt::format("{} {}: {}", row.op, row.width, row.source));
  }
  return {
      {"name", table.name}, {"node_nm", table.node_nm}, {"set", table.set}, {"dram", table.dram}, {"derived", derived}};
}

std::string layer_label(const EstimateLayer& layer) {
  return layer.name.empty() ? layer.phase : layer.name + " " + layer.phase;
}

std::string layers_text(const Estimate& e) {
  std::size_t width = 20;
  for (const EstimateLayer& layer : e.layers) width = std::max(width, layer_label(layer).size());
  std::string text = fmt::format("{:<{}}{:>14}{:>8}{:>16}{:>14}\n", "layer, phase", width, "cycles", "%", "energy [uJ]",
                                 "use of array");
  for (const EstimateLayer& layer : e.layers) {
    const std::string use = layer.macs == 0 ? "" : fmt::format("{:.1f} %", 100 * layer.utilisation);
    text += fmt::format("{:<{}}{:>14}{:>8.1f}{:>16.3f}{:>14}\n", layer_label(layer), width, layer.cycles,
                        100.0 * static_cast<double>(layer.cycles) / static_cast<double>(e.result.cycles),
                        layer.energy_pj * 1e-6, use);
  }
  return text;
}

std::string blocks_text(const Estimate& e) {
  std::string text = fmt::format("{:<20}{:>14}{:>14}{:>16}  {}\n", "block", "busy [cycles]", "stalled", "energy [uJ]",
                                 "waits most for");
  for (const EstimateBlock& block : e.blocks) {
    const auto most = std::max_element(block.stalled_on.begin(), block.stalled_on.end());
    const int id = static_cast<int>(most - block.stalled_on.begin());
    text +=
        fmt::format("{:<20}{:>14}{:>14}{:>16.3f}  {}\n", block.name, block.busy, block.stalled, block.energy_pj * 1e-6,
                    *most == 0 ? "" : fmt::format("{} ({} cycles)", token_text({id, 0}), *most));
  }
  return text;
}

}  // namespace

Json to_json(const Estimate& e) {
  Json json{{"network", e.network},
            {"recipe", e.recipe},
            {"hardware", e.hardware.name},
            {"batch", e.batch},
            {"micro_batches", e.micro_batches},
            {"steps", e.options.steps},
            {"stall_percent", e.options.stall_percent},
            {"commands", e.commands},
            {"cycles", e.result.cycles},
            {"clock_mhz", e.hardware.clock_mhz},
            {"time_ms", e.time_ms()},
            {"samples_per_second", samples(e) / seconds(e)},
            {"utilisation", e.utilisation},
            {"energy_pj", e.energy.total_pj},
            {"power_w", joules(e) / seconds(e)}};
  if (joules(e) > 0) json["samples_per_joule"] = samples(e) / joules(e);  // infinite, and no number, where work is free
  json["energy_table"] = table_json(e.table);
  json["layers"] = layers_json(e);
  json["blocks"] = blocks_json(e);
  json["actions"] = actions_json(e);
  json["not_modelled"] = energy_not_modelled();
  return json;
}

std::string text_table(const Estimate& e) {
  std::string text = fmt::format("{}, {}, on {}: batch {}, {} step{}\n", e.network, e.recipe, e.hardware.name, e.batch,
                                 e.options.steps, e.options.steps == 1 ? "" : "s");
  if (e.micro_batches > 0) {
    text += fmt::format("  each the last of a step's {} micro-batches, the one that updates\n", e.micro_batches);
  }
  text += fmt::format("  {} cycles = {:.3f} ms at {} MHz, {:.0f} samples/s, {:.1f} % use of the array\n",
                      e.result.cycles, e.time_ms(), e.hardware.clock_mhz, samples(e) / seconds(e), 100 * e.utilisation);
  const std::string efficiency = joules(e) > 0 ? fmt::format(", {:.0f} samples/J", samples(e) / joules(e)) : "";
  text += fmt::format("  {:.3f} uJ with the {} table ({} DRAM), {:.3f} W{}\n\n", e.energy.total_pj * 1e-6, e.table.name,
                      e.table.dram, joules(e) / seconds(e), efficiency);
  text += layers_text(e) + "\n" + blocks_text(e);
  text += fmt::format("\nenergies: {}; see docs/energy.md\nnot modelled: {}\n", e.table.set,
                      fmt::join(energy_not_modelled(), ", "));
  return text;
}

}  // namespace bitloom
