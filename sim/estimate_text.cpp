// The estimate as text tables.
#include <fmt/format.h>

#include <algorithm>

#include "sim/estimate.hpp"
#include "sim/text_table.hpp"

namespace bitloom {
namespace {

constexpr std::size_t kLayersShown = 12;  ///< without details; the shorter ones are summed in a row

double joules(std::int64_t pj) { return static_cast<double>(pj) * 1e-12; }

template <class A, class B>
double share(A part, B whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void sort_longest_first(std::vector<EstimateLayer>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const EstimateLayer& a, const EstimateLayer& b) {
    return a.cycles != b.cycles ? a.cycles > b.cycles : a.energy_pj > b.energy_pj;
  });
}

std::string label(const EstimateLayer& row) {
  if (row.name.empty()) return row.phase;
  return row.phase.empty() ? row.name : row.name + " " + row.phase;
}

std::string bytes(std::uint64_t count) { return count == 0 ? "" : si(static_cast<double>(count), "B"); }

/// Returns how many times the compulsory bytes were moved; empty where nothing is compulsory.
std::string times_compulsory(const WorkSums& row) {
  return row.compulsory_bytes() == 0 ? "" : fmt::format("{:.2f}×", share(row.dram_bytes(), row.compulsory_bytes()));
}

/// Returns how many times the roofline's cycles it took; empty where there is no roofline.
std::string over_bound(const WorkSums& row) {
  return row.bound_cycles == 0 ? "" : fmt::format("{:.2f}×", share(row.cycles, row.bound_cycles));
}

void add_row(Table& table, const std::string& name, const WorkSums& row, const WorkSums& total) {
  const Busiest by = busiest(row.busy);
  const std::string second = *by.second == 0 ? "" : fmt::format("{} {:.0f} %", by.second, 100 * by.share);
  table.row({name, grouped(row.cycles), percent(share(row.cycles, total.cycles), 1), by.first,
             row.macs == 0 ? "" : percent(row.utilisation(), 1), bytes(row.dram_bytes()), times_compulsory(row),
             over_bound(row), si(joules(row.energy_pj), "J"), second,
             percent(share(row.energy_pj, total.energy_pj), 1)});
}

/// Writes the rows, longest first, and their sum; beyond `shown` rows one row for all that follow.
std::string work_table(const std::string& title, std::vector<EstimateLayer> rows, std::size_t shown, const Estimate& e,
                       int columns) {
  sort_longest_first(rows);
  Table table({title, "cycles", "", "busiest", "array", "DRAM", "×least", "×bound", "energy", "next", "of energy"}, 16);
  const bool cuts = rows.size() > shown + 1;
  const std::size_t first_rows = cuts ? shown : rows.size();
  for (std::size_t i = 0; i < first_rows; ++i) add_row(table, label(rows[i]), rows[i], e.totals);
  WorkSums others;
  for (std::size_t i = first_rows; i < rows.size(); ++i) others += rows[i];
  if (cuts) add_row(table, fmt::format("{} others", rows.size() - first_rows), others, e.totals);
  add_row(table, "all", e.totals, e.totals);
  return table.text(columns);
}

/// Says by kind of tensor what lies in memory, and what is moved beside what must be.
std::string kinds_table(const Estimate& e, int columns) {
  Table table({"tensors", "peak", "DRAM read", "written", "least read", "written"});
  const WorkSums& all = e.totals;
  for (std::size_t i = 0; i < kMemoryKinds; ++i) {
    std::string name = kMemoryKindWords[i];
    std::replace(name.begin(), name.end(), '_', ' ');
    table.row({name, bytes(e.peak.bytes[i]), bytes(all.dram_read.bytes[i]), bytes(all.dram_written.bytes[i]),
               bytes(all.compulsory_read.bytes[i]), bytes(all.compulsory_written.bytes[i])});
  }
  table.row({"all", bytes(e.peak.total()), bytes(all.dram_read.total()), bytes(all.dram_written.total()),
             bytes(all.compulsory_read.total()), bytes(all.compulsory_written.total())});
  return table.text(columns);
}

std::string blocks_table(const Estimate& e, int columns) {
  Table table({"block", "busy cycles", "", "waits", "energy", ""});
  for (const EstimateBlock& block : e.blocks) {
    table.row({block.name, grouped(block.busy_cycles), percent(share(block.busy_cycles, e.totals.cycles), 1),
               percent(share(block.stalled, e.totals.cycles), 1), si(joules(block.energy_pj), "J"),
               percent(share(block.energy_pj, e.totals.energy_pj), 1)});
  }
  return table.text(columns);
}

/// Returns the block of the queue whose letter a token's text begins with or ends in.
std::string block_of_queue(int queue) { return block_name(static_cast<Block>(queue & 3)); }

/// Says what the token counters that blocks wait at stand for, longest wait first.
std::string waits_table(const Estimate& e, int columns) {
  Table table({"block waits for", "cycles", ""});
  for (const EstimateBlock& block : e.blocks) {
    std::vector<std::pair<std::uint64_t, std::size_t>> waits;
    for (std::size_t id = 0; id < block.stalled_on.size(); ++id) {
      if (block.stalled_on[id] != 0) waits.emplace_back(block.stalled_on[id], id);
    }
    std::sort(waits.rbegin(), waits.rend());
    for (const auto& [cycles, id] : waits) {
      table.row({fmt::format("{} for {} ({})", block.name, block_of_queue(static_cast<int>(id >> 3)),
                             token_text({static_cast<int>(id), 0})),
                 grouped(cycles), percent(share(cycles, e.totals.cycles), 1)});
    }
  }
  return table.text(columns);
}

std::string head(const Estimate& e, int columns) {
  const double seconds = e.time_ms() * 1e-3, samples = static_cast<double>(e.batch) * e.options.steps;
  const double energy = joules(e.totals.energy_pj);
  std::string text = wrapped(fmt::format("{}, {}, on {}: batch {}, {} step{}{}", e.network, e.recipe, e.hardware.name,
                                         e.batch, e.options.steps, e.options.steps == 1 ? "" : "s",
                                         e.options.forward_only ? ", the forward part alone" : ""),
                             columns, 2);
  if (e.micro_batches > 0) {
    text += wrapped(fmt::format("each the last of a step's {} micro-batches, the one that updates", e.micro_batches),
                    columns, 2);
  }
  text +=
      wrapped(fmt::format("{} cycles = {} at {} MHz, {} samples/s, {} use of the array", grouped(e.totals.cycles),
                          si(seconds, "s"), e.hardware.clock_mhz,
                          grouped(static_cast<std::uint64_t>(samples / seconds)), percent(e.totals.utilisation(), 1)),
              columns, 2);
  const Busiest by = busiest(e.totals.busy);
  text += wrapped(fmt::format("{} the roofline's {} cycles; busiest: {}, then {}", over_bound(e.totals),
                              grouped(e.totals.bound_cycles), by.first, by.second),
                  columns, 2);
  text += wrapped(fmt::format("{} moved, {} the least; {} of DRAM reserved", bytes(e.totals.dram_bytes()),
                              times_compulsory(e.totals), bytes(e.peak.total())),
                  columns, 2);
  const std::string efficiency =
      energy > 0 ? fmt::format(", {} samples/J", grouped(static_cast<std::uint64_t>(samples / energy))) : "";
  text += wrapped(
      fmt::format("{} with the {} table ({} DRAM), {}{}", si(energy, "J"), e.table.name,
                  e.options.dram ? e.options.dram->device.name : e.table.dram, si(energy / seconds, "W"), efficiency),
      columns, 2);
  return text;
}

}  // namespace

std::string text_table(const Estimate& e, int columns, bool details) {
  std::string text = head(e, columns) + "\n";
  text += work_table("phase", by_phase(e), by_phase(e).size(), e, columns) + "\n";
  text += work_table("layer", by_layer(e), details ? e.layers.size() : kLayersShown, e, columns) + "\n";
  if (details) text += work_table("layer, phase", e.layers, e.layers.size(), e, columns) + "\n";
  text += kinds_table(e, columns) + "\n";
  text += blocks_table(e, columns) + "\n";
  if (details) {
    text += waits_table(e, columns) + "\n";
    text += wrapped(
        "In brackets: the counter of tokens, from queue > to queue, and its channel; L loads, A is the "
        "array, V the vector unit, S stores.",
        columns);
  }
  text += wrapped(fmt::format("energies: {}; see docs/energy.md", e.table.set), columns);
  text +=
      wrapped(fmt::format("not modelled: {}",
                          fmt::join(energy_not_modelled(e.options.dram.has_value(), !e.table.leakage.empty()), ", ")),
              columns);
  text += wrapped(
      "busiest, next: the engine with the most cycles in executions, and the second; ×least: of the bytes that the "
      "step must move; ×bound: of its roofline; see docs/counters.md",
      columns);
  if (!details) text += wrapped("--details prints every layer's phases and what the blocks wait for", columns);
  return text;
}

}  // namespace bitloom
