// The estimate as JSON, and its sums by phase and by layer.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/estimate.hpp"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

double joules(const Estimate& e) { return static_cast<double>(e.totals.energy_pj) * 1e-12; }
double seconds(const Estimate& e) { return e.time_ms() * 1e-3; }
/// Returns the samples that are computed at once in all steps: of each step's last micro-batch, where the recipe cuts
/// it.
double samples(const Estimate& e) {
  return static_cast<double>(e.batch) / std::max(1, e.micro_batches) * e.options.steps;
}

Json kinds_json(const KindBytes& bytes) {
  Json json;
  for (std::size_t i = 0; i < kMemoryKinds; ++i) json[kMemoryKindWords[i]] = bytes.bytes[i];
  return json;
}

/// Adds what was moved, or must be: the sum, its two directions, and the same by kind of tensor.
void add_bytes(Json& json, const std::string& what, const KindBytes& read, const KindBytes& written) {
  json[what + "_bytes"] = read.total() + written.total();
  json[what + "_read_bytes"] = read.total();
  json[what + "_written_bytes"] = written.total();
  KindBytes both = read;
  both += written;
  json[what + "_bytes_by_kind"] = kinds_json(both);
}

/// Adds what binds: the roofline, the engines' busy cycles, and the two that are busy longest.
void add_bound(Json& json, const WorkSums& sums) {
  json["bound_cycles"] = sums.bound_cycles;
  for (std::size_t i = 0; i < kEngines; ++i) json["busy_cycles"][kEngineWords[i]] = sums.busy[i];
  const Busiest by = busiest(sums.busy);
  json["bound_by"] = by.first;
  json["second_by"] = by.second;
  json["second_share"] = by.share;
}

Json peak_json(const KindBytes& peak) {
  Json json{{"total", peak.total()}};
  json.update(kinds_json(peak));
  return json;
}

void add_sums(Json& json, const WorkSums& sums) {
  json["cycles"] = sums.cycles;
  json["energy_pj"] = sums.energy_pj;
  json["macs"] = sums.macs;
  json["macs_data"] = sums.macs_data;
  json["macs_issued"] = sums.macs_issued;
  json["utilisation"] = sums.utilisation();
  add_bound(json, sums);
  add_bytes(json, "dram", sums.dram_read, sums.dram_written);
  add_bytes(json, "compulsory", sums.compulsory_read, sums.compulsory_written);
}

/// Rates of the whole; infinite ones, of what costs nothing, are no numbers and left out.
void add_rates(Json& json, const Estimate& e) {
  json["time_ms"] = e.time_ms();
  json["samples_per_second"] = samples(e) / seconds(e);
  json["power_w"] = joules(e) / seconds(e);
  if (joules(e) > 0) json["samples_per_joule"] = samples(e) / joules(e);
}

Json totals_json(const Estimate& e) {
  Json totals;
  add_sums(totals, e.totals);
  totals["static_energy_pj"] = e.energy.static_pj;
  add_rates(totals, e);
  return totals;
}

Json phases_json(const Estimate& e) {
  Json phases = Json::array();
  for (const EstimateLayer& phase : by_phase(e)) {
    phases.push_back({{"phase", phase.phase}});
    add_sums(phases.back(), phase);
  }
  return phases;
}

Json layers_json(const Estimate& e) {
  Json layers = Json::array();
  for (const EstimateLayer& layer : e.layers) {
    layers.push_back({{"node", layer.node}, {"name", layer.name}, {"phase", layer.phase}});
    add_sums(layers.back(), layer);
  }
  return layers;
}

Json blocks_json(const Estimate& e) {
  Json blocks = Json::array();
  for (const EstimateBlock& block : e.blocks) {
    Json stalled_on = Json::object();
    for (std::size_t id = 0; id < block.stalled_on.size(); ++id) {
      if (block.stalled_on[id] != 0) stalled_on[token_text({static_cast<int>(id), 0})] = block.stalled_on[id];
    }
    blocks.push_back({{"name", block.name},
                      {"busy_cycles", block.busy_cycles},
                      {"stalled", block.stalled},
                      {"stalled_on", stalled_on},
                      {"energy_pj", block.energy_pj},
                      {"static_energy_pj", block.static_energy_pj}});
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
  for (const LeakageRow& row : table.leakage) {
    if (row.derived) derived.push_back(fmt::format("leakage {}: {}", row.block, row.source));
  }
  return {
      {"name", table.name}, {"node_nm", table.node_nm}, {"set", table.set}, {"dram", table.dram}, {"derived", derived}};
}

/// Adds up the rows that agree in node, name and phase.
void add_to(std::vector<EstimateLayer>& sums, const EstimateLayer& key, const WorkSums& work) {
  auto found = std::find_if(sums.begin(), sums.end(), [&](const EstimateLayer& sum) {
    return sum.node == key.node && sum.name == key.name && sum.phase == key.phase;
  });
  if (found == sums.end()) found = sums.insert(sums.end(), key);
  *found += work;
}

}  // namespace

std::vector<EstimateLayer> by_phase(const Estimate& estimate) {
  std::vector<EstimateLayer> sums;
  for (const EstimateLayer& layer : estimate.layers) {
    EstimateLayer key;
    key.phase = layer.phase;
    add_to(sums, key, layer);
  }
  return sums;
}

std::vector<EstimateLayer> by_layer(const Estimate& estimate) {
  std::vector<EstimateLayer> sums;
  for (const EstimateLayer& layer : estimate.layers) {
    EstimateLayer key;
    key.node = layer.node;
    key.name = layer.node < 0 ? layer.phase : layer.name;  // tables, command fetch: of no layer, by their own names
    add_to(sums, key, layer);
  }
  return sums;
}

Json to_json(const Estimate& e) {
  Json json{{"network", e.network},
            {"recipe", e.recipe},
            {"hardware", e.hardware.name},
            {"batch", e.batch},
            {"micro_batches", e.micro_batches},
            {"steps", e.options.steps},
            {"stall_percent", e.options.stall_percent},
            {"commands", e.commands},
            {"cycles", e.totals.cycles},
            {"clock_mhz", e.hardware.clock_mhz},
            {"utilisation", e.totals.utilisation()},
            {"energy_pj", e.totals.energy_pj},
            {"bound_cycles", e.totals.bound_cycles},
            {"dram_bytes", e.totals.dram_bytes()},
            {"compulsory_bytes", e.totals.compulsory_bytes()},
            {"peak_bytes", peak_json(e.peak)}};
  add_rates(json, e);
  json["energy_table"] = table_json(e.table);
  json["totals"] = totals_json(e);
  json["phases"] = phases_json(e);
  json["layers"] = layers_json(e);
  json["blocks"] = blocks_json(e);
  json["actions"] = actions_json(e);
  json["not_modelled"] = energy_not_modelled(e.options.dram.has_value(), !e.table.leakage.empty());
  return json;
}

}  // namespace bitloom
