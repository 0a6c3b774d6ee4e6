#include "sim/estimate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "kernels/compulsory.hpp"
#include "kernels/image.hpp"
#include "kernels/program_bytes.hpp"
#include "kernels/program_macs.hpp"
#include "model/data/glyphs.hpp"
#include "model/golden/step.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "sim/memory.hpp"
#include "sim/timeline.hpp"

namespace bitloom {
namespace {

/// State, data and memory of steps with values.
class Values {
 public:
  Values(const Program& program, const Recipe& recipe, const StepConfig& config, const EstimateOptions& options)
      : program_(program), config_(config), options_(options) {
    const Network& network = program.network;
    TrainState state = initial_state(network, recipe, initial_parameters(network, options.seed));
    const Batch first = batch(0);
    calibrate(network, recipe, state, first, step_context(config, options.seed, 0), 1);
    image_ = initial_image(program, state, recipe, first.scale);
  }

  MemoryImage* image(int step) {
    write_batch(program_, image_.bytes, 0, batch(step));
    return &image_;
  }

 private:
  /// Samples of one step, made for it alone, so that any number of steps fits memory.
  Batch batch(int step) const {
    const Network& network = program_.network;
    const int classes = static_cast<int>(element_count(network.nodes.back().shape));
    const Dataset data = generate_flat(program_.batch, static_cast<int>(element_count(network.input)),
                                       std::min(classes, 10), options_.seed + static_cast<std::uint64_t>(step));
    const auto table = input_code_table(options_.hyper.input, config_.input.largest_code);
    Batch result;
    result.M = program_.batch;
    result.scale = config_.input.scale;
    for (const std::uint8_t pixel : data.images) result.X.push_back(table[pixel]);
    result.labels = data.labels;
    return result;
  }

  const Program& program_;
  const StepConfig& config_;
  const EstimateOptions& options_;
  MemoryImage image_;
};

void add(SimResult& sum, const SimResult& step) {
  if (sum.cycles == 0) {
    sum = step;
    return;
  }
  sum.cycles += step.cycles;
  sum.fetch_busy += step.fetch_busy;
  sum.counts += step.counts;
  for (std::size_t c = 0; c < step.command_cycles.size(); ++c) {
    sum.command_cycles[c] += step.command_cycles[c];
    sum.command_bytes[c] += step.command_bytes[c];
    sum.command_executions[c] += step.command_executions[c];
  }
  for (std::size_t p = 0; p < step.phases.size(); ++p) {
    sum.phases[p].cycles += step.phases[p].cycles;
    sum.phases[p].counts += step.phases[p].counts;
    for (std::size_t q = 0; q < step.queues.size(); ++q) sum.phases[p].busy[q] += step.phases[p].busy[q];
  }
  for (std::size_t q = 0; q < step.queues.size(); ++q) {
    QueueStatistics& to = sum.queues[q];
    const QueueStatistics& from = step.queues[q];
    to.executions += from.executions;
    to.busy += from.busy;
    to.starved += from.starved;
    to.overhead += from.overhead;
    for (std::size_t id = 0; id < from.stalled_on.size(); ++id) to.stalled_on[id] += from.stalled_on[id];
  }
}

SimResult run_steps(const Program& program, const Hardware& hardware, const Recipe& recipe, const StepConfig& config,
                    const EstimateOptions& options, const ActionPrices& prices, const StaticPrices& statics,
                    Energy& energy_of_all) {
  std::optional<Values> values;
  if (options.values) values.emplace(program, recipe, config, options);
  if (options.timeline != nullptr) options.timeline->begin(program, options.dram ? options.dram->channels : 0);
  SimResult sum;
  for (int step = 0; step < options.steps; ++step) {
    StepRegisters registers;
    registers.seed = options.seed;
    registers.step = static_cast<std::uint32_t>(step);
    registers.batch = batch_offset(program, 0);
    SimOptions sim;
    sim.values = options.values;
    sim.stall_percent = options.stall_percent;
    sim.stall_seed = options.seed;
    sim.dram = options.dram;
    sim.progress = [&, executions = 0u](std::uint32_t command) mutable {
      if (++executions % 256 != 0) return;  // each would cost more than it tells
      if (interrupted()) throw Interrupted{};
      if (options.progress) options.progress(step, command, program.commands.size());
    };
    if (options.timeline != nullptr) {
      sim.executed = [&](const ExecutionRecord& execution) { options.timeline->take(execution); };
      if (options.dram) sim.bus_moved = [&](const dram::BusSlice& slice) { options.timeline->take_bus(slice); };
    }
    if (values) registers.learning_rate = word(step_context(config, options.seed, registers.step).lr);
    const SimResult result = simulate(program, hardware, values ? values->image(step) : nullptr, registers, sim);
    if (options.timeline != nullptr) options.timeline->end_step(result.cycles);
    energy_of_all += energy(result, prices, statics);
    add(sum, result);
  }
  return sum;
}

std::uint64_t issued(const ActionCounts& counts) {
  return counts[Action::mac8] + counts[Action::mac4] + counts[Action::mac_log] + counts[Action::mac1];
}

EstimateLayer layer_row(const Program& program, const Estimate& e, std::size_t p) {
  const PhaseResult& phase = e.result.phases[p];
  const PhaseMacs needs = phase_macs(program, phase.node, phase.phase);
  const auto steps = static_cast<std::uint64_t>(e.options.steps);
  EstimateLayer row;
  row.node = phase.node;
  if (phase.node >= 0) row.name = program.network.nodes[static_cast<std::size_t>(phase.node)].name;
  row.phase = phase.phase;
  row.cycles = phase.cycles;
  row.busy = {phase.busy[kLoadQueue], phase.busy[kArrayQueue], phase.busy[kVectorQueue], 0, phase.busy[kStoreQueue]};
  row.energy_pj = e.energy.phase_pj[p];
  row.macs = needs.macs * steps;
  row.macs_data = needs.macs_data * steps;
  row.macs_issued = issued(phase.counts);
  row.array_cycles = needs.array_cycles * e.options.steps;
  return row;
}

EstimateLayer& row_of(Estimate& e, int node, const std::string& phase) {
  const auto same = [&](const EstimateLayer& row) { return row.node == node && row.phase == phase; };
  const auto found = std::find_if(e.layers.begin(), e.layers.end(), same);
  if (found == e.layers.end()) throw Error(fmt::format("estimate: node {} has no commands of {}", node, phase));
  return *found;
}

/// Adds the bytes that the commands moved, to the kinds of their tensors.
void add_moved(const Program& program, Estimate& e) {
  const std::vector<MemoryKind> kinds = transfer_kinds(program);
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    const std::uint64_t bytes = e.result.command_bytes[c];
    if (bytes == 0) continue;
    EstimateLayer& row = row_of(e, program.info[c].node, program.info[c].phase);
    (program.commands[c].opcode() == Opcode::LOAD ? row.dram_read : row.dram_written)[kinds[c]] += bytes;
  }
}

/// Tells the vector queue's scalars from its other commands.
void split_scalars(const Program& program, Estimate& e) {
  for (std::size_t c = 0; c < program.commands.size(); ++c) {
    if (program.commands[c].opcode() != Opcode::SCALAR) continue;
    EngineCycles& busy = row_of(e, program.info[c].node, program.info[c].phase).busy;
    busy[static_cast<std::size_t>(Engine::kVector)] -= e.result.command_cycles[c];
    busy[static_cast<std::size_t>(Engine::kScalar)] += e.result.command_cycles[c];
  }
}

/// Adds what the operations need whatever executes them, and what they take at least on this hardware.
void add_compulsory(const Network& network, const Recipe& recipe, int samples, Estimate& e) {
  const auto steps = static_cast<std::uint64_t>(e.options.steps);
  for (const OperationBytes& operation : compulsory_bytes(network, recipe, samples, e.options.forward_only)) {
    EstimateLayer& row = row_of(e, operation.node, operation.phase);
    row.compulsory_read = operation.read.times(steps);
    row.compulsory_written = operation.written.times(steps);
    row.bound_cycles = steps * bound_cycles(operation, row.array_cycles / e.options.steps, e.hardware);
  }
}

void add_layers(const Program& program, const Recipe& recipe, Estimate& e) {
  for (std::size_t p = 0; p < e.result.phases.size(); ++p) e.layers.push_back(layer_row(program, e, p));
  split_scalars(program, e);
  add_moved(program, e);
  add_compulsory(program.network, recipe, program.batch, e);
  for (const EstimateLayer& row : e.layers) e.totals += row;
  EstimateLayer fetch;
  fetch.phase = kCommandFetch;
  fetch.dram_read[MemoryKind::kOther] = e.result.counts[Action::command_fetch_bytes];
  fetch.cycles = e.result.cycles - e.totals.cycles;
  fetch.energy_pj = e.energy.fetch_pj;
  e.layers.push_back(fetch);
  e.totals += fetch;
  const auto add_energy = [&](const char* phase, std::int64_t pj) {
    EstimateLayer row;
    row.phase = phase;
    row.energy_pj = pj;
    e.layers.push_back(row);
    e.totals += row;
  };
  if (e.options.dram) add_energy(kDramStandby, e.energy.standby_pj);
  if (!e.table.leakage.empty()) add_energy(kLeakage, e.energy.static_pj);
}

void add_blocks(Estimate& e) {
  const auto word = static_cast<std::uint64_t>(e.hardware.axi_bytes);
  for (std::size_t b = 0; b < kBlocks; ++b) {
    EstimateBlock block;
    block.name = block_name(static_cast<Block>(b));
    block.energy_pj = e.energy.block_pj[b];
    block.static_energy_pj = e.energy.static_block_pj[b];
    if (b < e.result.queues.size()) {
      block.busy_cycles = e.result.queues[b].busy;
      block.stalled = e.result.queues[b].stalled();
      block.stalled_on = e.result.queues[b].stalled_on;
    } else if (static_cast<Block>(b) == Block::kCommandProcessor) {
      block.busy_cycles = e.result.fetch_busy;
    } else {  // the busier of DRAM's two channels
      const ActionCounts& c = e.result.counts;
      const std::uint64_t reads = c[Action::dram_read_bytes] + c[Action::command_fetch_bytes];
      block.busy_cycles = std::max(reads, c[Action::dram_write_bytes]) / word;
    }
    e.blocks.push_back(block);
  }
}

}  // namespace

WorkSums& WorkSums::operator+=(const WorkSums& other) {
  cycles += other.cycles;
  energy_pj += other.energy_pj;
  macs += other.macs;
  macs_data += other.macs_data;
  macs_issued += other.macs_issued;
  array_cycles += other.array_cycles;
  dram_read += other.dram_read;
  dram_written += other.dram_written;
  compulsory_read += other.compulsory_read;
  compulsory_written += other.compulsory_written;
  bound_cycles += other.bound_cycles;
  for (std::size_t engine = 0; engine < kEngines; ++engine) busy[engine] += other.busy[engine];
  return *this;
}

Estimate estimate(const Network& network, const Recipe& recipe, const Hardware& hardware, int batch,
                  const EstimateOptions& options) {
  if (options.steps < 1) throw Error(fmt::format("steps: expected at least 1, got {}", options.steps));
  Estimate e;
  e.table = read_energy_table(resolve_trace(TraceKind::kEnergy, options.energy));
  const MicroBatch last{false, true};
  const StepConfig config = step_config(network, recipe, options.hyper, batch);
  LowerOptions lowering = lower_options(config, last);
  lowering.forward_only = options.forward_only;
  lowering.schedule = options.schedule;
  const Program program = lower(network, recipe, hardware, lowering);
  if (options.dram) require_room(*options.dram, network.name, program.total_bytes);
  e.network = network.name;
  e.recipe = recipe.name;
  e.hardware = hardware;
  e.batch = batch;
  e.micro_batches = recipe.update.micro_batches;
  e.options = options;
  e.commands = program.commands.size();
  const ActionPrices prices = action_prices(e.table, hardware, options.dram);
  const StaticPrices statics = static_prices(e.table, hardware);
  e.result = run_steps(program, hardware, recipe, config, options, prices, statics, e.energy);
  e.peak = reserved_bytes(program);
  add_layers(program, recipe, e);
  add_blocks(e);
  return e;
}

}  // namespace bitloom
