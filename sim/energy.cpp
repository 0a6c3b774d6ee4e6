#include "sim/energy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/io/error.hpp"
#include "model/io/field_reader.hpp"
#include "sim/dram/energy.hpp"

namespace bitloom {
namespace {

EnergyRow read_row(const FieldReader& json) {
  EnergyRow row;
  row.op = json.get<std::string>("op");
  row.width = json.get<int>("width");
  if (row.op == "sram") row.bytes = json.get<std::uint64_t>("bytes");
  row.pj = json.get<double>("pJ");
  row.source = json.get<std::string>("source");
  row.derived = json.get<bool>("derived");
  return row;
}

void read_leakage(const FieldReader& json, EnergyTable& table) {
  for (const FieldReader& of : json.objects("leakage")) {
    LeakageRow row;
    row.block = of.get<std::string>("block");
    row.mw = of.get<double>("mW");
    row.source = of.get<std::string>("source");
    row.derived = of.get<bool>("derived");
    const auto same = [&](const LeakageRow& other) { return other.block == row.block; };
    if (std::any_of(table.leakage.begin(), table.leakage.end(), same)) of.fail("block", "this block has a row already");
    table.leakage.push_back(row);
  }
}

/// Rows that action_prices() asks for.
struct Needed {
  const char* op;
  int width;
};
constexpr Needed kNeeded[] = {{"add", 8},
                              {"add", 32},
                              {"add", 48},
                              {"add", 64},
                              {"multiply", 4},
                              {"multiply", 8},
                              {"multiply", 16},
                              {"multiply_by_16", 32},
                              {"multiply_by_16", 48},
                              {"xor", 32},
                              {"dram", 64}};

/// Additions of a Threefry-2x32 call (N4.1): one a round, two at the start, three an injection (its index included).
constexpr int threefry_additions(int rounds) { return 2 + rounds + 3 * (rounds / 4); }

std::uint64_t memory_bytes(int words, const Hardware& h) {
  return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(h.vector_word());
}

void price_memories(const EnergyTable& table, const Hardware& h, ActionPrices& prices) {
  const auto set = [&](std::initializer_list<Action> actions, std::uint64_t bytes) {
    for (const Action action : actions) prices[static_cast<std::size_t>(action)] = table.sram_pj(bytes) / 8.0;
  };
  using enum Action;
  // One bank is what one lane or one port sees; both buffers of a double buffer share it.
  set({spad_a_write_bytes, spad_a_read_bytes}, 2 * static_cast<std::uint64_t>(h.spad_a_bytes));
  set({spad_b_write_bytes, spad_b_read_bytes}, 2 * static_cast<std::uint64_t>(h.spad_b_bytes));
  if (h.line_buffer_bytes > 0) {
    set({line_write_bytes, line_read_bytes}, static_cast<std::uint64_t>(h.line_buffer_bytes));
  }
  set({acc_read_bytes, acc_write_bytes, acc_drain_bytes}, static_cast<std::uint64_t>(2 * h.rows * h.cols * 6));
  set({vin_write_bytes, vin_read_bytes}, memory_bytes(h.vin_words, h));
  set({vbias_write_bytes, vbias_read_bytes}, memory_bytes(h.vbias_words, h));
  set({vout_write_bytes, vout_read_bytes}, memory_bytes(h.vout_words, h));
  set({table_read_bytes, table_write_bytes}, 4 * static_cast<std::uint64_t>(h.table_words));
}

void price_dram(const EnergyTable& table, const std::optional<dram::Banks>& banks, ActionPrices& prices) {
  const auto set = [&](Action action, double pj) { prices[static_cast<std::size_t>(action)] = pj; };
  using enum Action;
  if (!banks) {
    for (const Action bytes : {command_fetch_bytes, dram_read_bytes, dram_write_bytes})
      set(bytes, table.pj("dram", 64) / 8);
    return;
  }
  const dram::Prices of = dram::prices_of(banks->device);
  const double ns = banks->device.timing.clock_ps * 1e-3;  // mW times ns is pJ
  set(dram_activates, of.activate_pj);
  set(dram_reads, of.read_pj);
  set(dram_writes, of.write_pj);
  set(dram_refreshes, of.refresh_pj);
  set(dram_active_cycles, of.active_mw * ns);
  set(dram_precharged_cycles, of.precharged_mw * ns);
}

}  // namespace

double EnergyTable::pj(const std::string& op, int width) const {
  for (const EnergyRow& row : rows) {
    if (row.op == op && row.width == width && row.op != "sram") return row.pj;
  }
  throw Error(fmt::format("energy table {}: expected a row for {} of width {}", name, op, width));
}

double EnergyTable::sram_pj(std::uint64_t bytes) const {
  std::vector<const EnergyRow*> sizes;
  for (const EnergyRow& row : rows) {
    if (row.op == "sram") sizes.push_back(&row);
  }
  if (sizes.size() < 2) throw Error(fmt::format("energy table {}: expected at least two sram rows", name));
  std::sort(sizes.begin(), sizes.end(), [](const auto* a, const auto* b) { return a->bytes < b->bytes; });
  std::size_t upper = 1;
  while (upper + 1 < sizes.size() && bytes > sizes[upper]->bytes) ++upper;
  const EnergyRow& a = *sizes[upper - 1];
  const EnergyRow& b = *sizes[upper];
  const auto size = static_cast<double>(bytes), size_a = static_cast<double>(a.bytes);
  const auto size_b = static_cast<double>(b.bytes);
  if (a.pj > 0 && b.pj > 0) {
    const double exponent = std::log(b.pj / a.pj) / std::log(size_b / size_a);
    return a.pj * std::pow(size / size_a, exponent);
  }
  const double between = std::clamp((size - size_a) / (size_b - size_a), 0.0, 1.0);
  return a.pj + between * (b.pj - a.pj);
}

EnergyTable read_energy_table(const std::string& file) { return read_energy_table(JsonObject::from_file(file)); }

EnergyTable read_energy_table(const JsonObject& object) {
  const FieldReader json(object, energy_fields());
  EnergyTable table;
  table.name = json.get<std::string>("name");
  table.node_nm = json.get<int>("node_nm");
  table.set = json.get<std::string>("set");
  table.dram = json.get<std::string>("dram");
  for (const FieldReader& row : json.objects("rows")) {
    table.rows.push_back(read_row(row));
    const EnergyRow& last = table.rows.back();
    const auto same = [&](const EnergyRow& other) {
      return other.op == last.op && other.width == last.width && other.bytes == last.bytes;
    };
    if (std::any_of(table.rows.begin(), table.rows.end() - 1, same)) row.fail("op", "this operation has a row already");
    if (last.op == "sram" && last.width != 64) row.fail("width", "expected 64 for sram");
  }
  for (const Needed& needed : kNeeded) {
    const auto matches = [&](const EnergyRow& row) { return row.op == needed.op && row.width == needed.width; };
    if (std::none_of(table.rows.begin(), table.rows.end(), matches)) {
      json.fail("rows", fmt::format("expected a row for {} of width {}", needed.op, needed.width));
    }
  }
  if (std::count_if(table.rows.begin(), table.rows.end(), [](const EnergyRow& r) { return r.op == "sram"; }) < 2) {
    json.fail("rows", "expected at least two sram rows");
  }
  if (json.has("leakage")) read_leakage(json, table);
  return table;
}

ActionPrices action_prices(const EnergyTable& table, const Hardware& hardware,
                           const std::optional<dram::Banks>& banks) {
  ActionPrices prices{};
  const auto set = [&](Action action, double pj) { prices[static_cast<std::size_t>(action)] = pj; };
  const double add8 = table.pj("add", 8), add32 = table.pj("add", 32), add48 = table.pj("add", 48);
  const double add64 = table.pj("add", 64), multiply16 = table.pj("multiply", 16), gates32 = table.pj("xor", 32);
  const double multiply32x16 = table.pj("multiply_by_16", 32), multiply48x16 = table.pj("multiply_by_16", 48);
  price_memories(table, hardware, prices);
  using enum Action;
  price_dram(table, banks, prices);
  set(mac8, table.pj("multiply", 8) + add32);
  set(mac4, table.pj("multiply", 4) + (add8 + add32) / 2);  // two products are added, then accumulated together
  set(mac_log, 2 * gates32 + (add8 + add32) / 2);           // a shift of a few bits, counted as two rows of gates
  set(mac1, (gates32 / 4 + 7 * add8 / 2 + add32) / 8);      // of eight: an xor, a popcount, one accumulation
  set(accumulator_add, add48);
  set(bias_add, add48);
  set(relu, gates32);
  set(mask_select, gates32);
  set(maximum, add32);
  set(raw_clamp, add48);
  set(requantize, multiply48x16 + add64 + add32);        // product, rounding, clamp
  set(log_code, 6 * add48 + multiply32x16 / 2 + add64);  // compares with the grid, word times cell
  set(polyline_code, 10 * add32 + multiply16 + add48);   // compares with the codebook, word times cell
  set(adam_root, 3 * multiply48x16 + 32 * add48);        // squares, their sum, one subtraction a bit
  set(adam_quotient, 48 * add32);                        // one subtraction a bit
  set(reduce_add, add64);
  set(reduce_product, multiply16);
  set(pool_step, add48);
  set(real_operation, multiply16 + 2 * add48);
  set(real_root, 69 * add48);  // one subtraction a bit of quotient and root
  set(select_compare, add32);
  set(fixed_product, multiply32x16 + add64);  // product, rounding
  set(momentum_product, multiply16);
  set(update_round, 2 * add48 + add32);  // sum, random word, clamp
  set(loss_exponential, 2 * multiply16 + 3 * add32);
  set(loss_probability, multiply32x16 + add64);
  set(loss_sample, 48 * add48 + multiply16 + 2 * add32);  // a reciprocal of 48 subtractions, a logarithm
  set(threefry13, threefry_additions(13) * add32 + 13 * gates32);
  set(threefry20, threefry_additions(20) * add32 + 20 * gates32);
  set(scale_product, multiply16 + add32);
  set(scale_quotient, 17 * add32);                 // one subtraction a quotient bit
  set(scale_maximum, multiply32x16 + 48 * add32);  // one subtraction a quotient bit
  return prices;                                   // draws are priced by the Threefry calls that make them
}

StaticPrices static_prices(const EnergyTable& table, const Hardware& hardware) {
  StaticPrices prices{};
  for (std::size_t b = 0; b < kBlocks; ++b) {
    for (const LeakageRow& row : table.leakage) {
      if (row.block == block_name(static_cast<Block>(b))) prices[b] = row.mw * 1e3 / hardware.clock_mhz;  // mW times ns
    }
  }
  return prices;
}

namespace {

constexpr std::int64_t kLargestPj = std::int64_t{1} << 53;

[[noreturn]] void too_large() {
  throw Error(
      fmt::format("energy: expected at most {} pJ in all, got more; the table's prices are too high or the "
                  "steps too many",
                  kLargestPj));
}

/// Rounds the energies of one row of counts and adds them; returns the row's sum.
std::int64_t add_row(const ActionCounts& counts, const ActionPrices& prices, Energy& e) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < kActions; ++i) {
    const double exact = static_cast<double>(counts.count[i]) * prices[i];
    if (exact > static_cast<double>(kLargestPj)) too_large();
    const auto pj = static_cast<std::int64_t>(std::llround(exact));
    e.action_pj[i] += pj;
    e.block_pj[static_cast<std::size_t>(action_block(static_cast<Action>(i)))] += pj;
    e.total_pj += pj;
    if (e.total_pj > kLargestPj) too_large();
    sum += pj;
  }
  return sum;
}

/// Rounds and adds what the blocks take in so many cycles, whatever they do.
void add_static(std::uint64_t cycles, const StaticPrices& prices, Energy& e) {
  for (std::size_t b = 0; b < kBlocks; ++b) {
    const double exact = static_cast<double>(cycles) * prices[b];
    if (exact > static_cast<double>(kLargestPj)) too_large();
    const auto pj = static_cast<std::int64_t>(std::llround(exact));
    e.static_block_pj[b] += pj;
    e.static_pj += pj;
    e.block_pj[b] += pj;
    e.total_pj += pj;
    if (e.total_pj > kLargestPj) too_large();
  }
}

/// Returns what no phase counts.
ActionCounts outside_phases(const SimResult& result) {
  ActionCounts rest = result.counts;
  for (const PhaseResult& phase : result.phases) {
    for (std::size_t i = 0; i < kActions; ++i) rest.count[i] -= phase.counts.count[i];
  }
  return rest;
}

}  // namespace

Energy& Energy::operator+=(const Energy& other) {
  total_pj += other.total_pj;
  if (total_pj > kLargestPj) too_large();
  for (std::size_t i = 0; i < kBlocks; ++i) block_pj[i] += other.block_pj[i];
  for (std::size_t i = 0; i < kBlocks; ++i) static_block_pj[i] += other.static_block_pj[i];
  static_pj += other.static_pj;
  for (std::size_t i = 0; i < kActions; ++i) action_pj[i] += other.action_pj[i];
  phase_pj.resize(std::max(phase_pj.size(), other.phase_pj.size()));
  for (std::size_t i = 0; i < other.phase_pj.size(); ++i) phase_pj[i] += other.phase_pj[i];
  fetch_pj += other.fetch_pj;
  standby_pj += other.standby_pj;
  return *this;
}

Energy energy(const SimResult& result, const ActionPrices& prices, const StaticPrices& statics) {
  Energy e;
  for (const PhaseResult& phase : result.phases) e.phase_pj.push_back(add_row(phase.counts, prices, e));
  ActionCounts fetch = outside_phases(result), standby;
  using enum Action;
  for (const Action action : {dram_refreshes, dram_active_cycles, dram_precharged_cycles}) {
    std::swap(fetch[action], standby[action]);
  }
  e.fetch_pj = add_row(fetch, prices, e);
  e.standby_pj = add_row(standby, prices, e);
  add_static(result.cycles, statics, e);
  return e;
}

std::vector<std::string> energy_not_modelled(bool banks, bool leakage) {
  std::vector<std::string> list;
  if (!leakage) list.emplace_back("leakage");
  for (const char* part : {"clock tree", "control logic and command decoding",
                           "wires, multiplexers and pipeline registers", "shifters and lookup tables"}) {
    list.emplace_back(part);
  }
  list.emplace_back(banks ? "termination and controller of the DRAM"
                          : "DRAM refresh, row activation and background power");
  list.emplace_back("the host");
  return list;
}

}  // namespace bitloom
