#include "sim/cosim/cosim.hpp"

#include <fmt/format.h>

#include <random>
#include <set>

#include "kernels/image.hpp"
#include "kernels/program_macs.hpp"
#include "model/golden/step.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/memory.hpp"
#include "model/io/output_file.hpp"
#include "model/network/init.hpp"
#include "sim/cosim/fst.hpp"
#include "sim/cosim/rtl/harness.hpp"
#include "sim/simulator.hpp"

namespace bitloom::cosim {
namespace {

/// BASE of both machines where no DRAM with banks bounds it: their addresses go beyond 32 bits at once.
constexpr std::uint64_t kHighBase = (std::uint64_t{1} << 32) - 0x10000;

/// Returns the image with every byte that the lowering leaves undefined replaced by random poison. Such bytes are those
/// that follow the poison argument of initial_image().
std::vector<std::uint8_t> poisoned_image(const Program& program, const TrainState& state, const Recipe& recipe,
                                         Scale input_scale, std::uint64_t seed) {
  std::vector<std::uint8_t> image = initial_image(program, state, recipe, input_scale, 0x00).bytes;
  const std::vector<std::uint8_t> other = initial_image(program, state, recipe, input_scale, 0xFF).bytes;
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (image[i] != other[i]) image[i] = static_cast<std::uint8_t>(random());
  }
  return image;
}

/// Makes the samples of a step, or of a micro-batch; `step` counts these (N26.5).
Batch make_batch(const Network& network, const StepConfig& config, const Hyper& hyper, const StepData& data, int step) {
  const auto table = input_code_table(hyper.input, config.input.largest_code);
  const auto in = static_cast<std::size_t>(element_count(network.input));
  const auto m = static_cast<std::size_t>(config.samples);
  Batch result;
  result.M = config.samples;
  result.X.resize(m * in);
  const std::size_t from = static_cast<std::size_t>(step) * m;
  for (std::size_t i = 0; i < m * in; ++i) result.X[i] = table[data.pixels[from * in + i]];
  result.labels.assign(data.labels.begin() + static_cast<std::ptrdiff_t>(from),
                       data.labels.begin() + static_cast<std::ptrdiff_t>(from + m));
  result.scale = config.input.scale;
  return result;
}

void check_arguments(const Network& network, const StepData& data, const CosimOptions& options) {
  const auto need = static_cast<std::size_t>(options.batch) * static_cast<std::size_t>(options.steps);
  if (options.steps < 1) throw Error(fmt::format("cosim: --steps is {}; expected at least 1", options.steps));
  if (options.stall < 0 || options.stall > 90) {
    throw Error(fmt::format("cosim: --stall is {} percent; expected 0 to 90", options.stall));
  }
  if (data.labels.size() < need || data.pixels.size() < need * static_cast<std::size_t>(element_count(network.input))) {
    throw Error(fmt::format("cosim: {} samples given; {} steps of batch {} need {}", data.labels.size(), options.steps,
                            options.batch, need));
  }
}

/// What one machine did in one step.
struct MachineStep {
  std::uint64_t cycles = 0;
  std::vector<ExecutionRecord> executions;
};

std::vector<std::uint64_t> last_ends(const Program& program, const std::vector<ExecutionRecord>& executions) {
  std::vector<std::uint64_t> ends(program.commands.size(), 0);
  for (const ExecutionRecord& e : executions) ends[e.command] = std::max(ends[e.command], e.end);
  return ends;
}

/// One co-simulation in progress.
class Session {
 public:
  Session(const Network& network, const Recipe& recipe, const Hardware& hardware, const Hyper& hyper,
          const StepData& data, const CosimOptions& options)
      : network_(network),
        recipe_(recipe),
        hyper_(hyper),
        data_(data),
        options_(options),
        config_(step_config(network, recipe, hyper, options.batch)) {
    check_arguments(network, data, options);
    result_.micro_batches = config_.micro_batches;
    lower_parts(hardware);
    if (options.dram) require_room(*options.dram, network.name, result_.program.total_bytes);
    // Each machine's memory, as it starts and as it runs; the second start is made of two images at once.
    constexpr double kMemories = 4;
    require_memory(fmt::format("network {}: co-simulation", network.name),
                   {{"the memories of the two machines", kMemories * static_cast<double>(result_.program.total_bytes),
                     "a smaller batch or network"}});
    result_.commands.resize(result_.program.commands.size());
    for (std::size_t c = 0; c < result_.commands.size(); ++c) result_.commands[c].command = static_cast<int>(c);
  }

  CosimResult run() {
    prepare();
    RtlMachine rtl(options_.rtl_library, result_.program.hardware, rtl_memory());
    rtl.memory().resize(result_.program.total_bytes);
    std::copy(rtl_image_.begin(), rtl_image_.end(), rtl.memory().begin());
    for (int step = 0; step < options_.steps * config_.micro_batches; ++step) {
      if (interrupted()) throw Interrupted{};
      run_step(rtl, step);
      if (!result_.comparison.first.empty()) break;
    }
    finish();
    return std::move(result_);
  }

 private:
  /// A recipe that accumulates has a program for the first micro-batch, the last one and those between.
  /// result_.program has the commands of all.
  void lower_parts(const Hardware& hardware) {
    std::vector<MicroBatch> parts{{true, true}};
    if (recipe_.update.micro_batches > 0) parts = {{true, false}, {false, false}, {false, true}};
    for (const MicroBatch& part : parts) {
      parts_.push_back(lower(network_, recipe_, hardware, lower_options(config_, part)));
    }
    result_.program = parts_.front();
    offsets_ = {0};
    for (std::size_t p = 1; p < parts_.size(); ++p) {
      const std::size_t offset = result_.program.commands.size();
      offsets_.push_back(offset);
      const Program& next = parts_[p];
      result_.program.commands.insert(result_.program.commands.end(), next.commands.begin(), next.commands.end());
      result_.program.info.insert(result_.program.info.end(), next.info.begin(), next.info.end());
      result_.program.total_bytes = std::max(result_.program.total_bytes, next.total_bytes);
      for (TensorPlacement& tensor : parts_[p].tensors) {
        for (int& writer : tensor.writers) writer += static_cast<int>(offset);
      }
    }
  }

  const Program& program() const { return parts_[part_]; }

  /// Puts the program of this micro-batch into a memory.
  void load_program(std::span<std::uint8_t> memory) const {
    for (std::size_t i = 0; i < program().commands.size(); ++i) {
      const auto bytes = encode(program().commands[i]);
      const std::size_t at = program().program_address + i * kCommandBytes;
      std::copy(bytes.begin(), bytes.end(), memory.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }

  std::uint64_t base() const { return options_.dram ? 0 : kHighBase; }

  Memory rtl_memory() const {
    return make_memory(result_.program.hardware, options_.dram, options_.stall, options_.seed);
  }

  StepContext context(int step) const { return step_context(config_, options_.seed, static_cast<std::uint32_t>(step)); }

  Batch batch(int step) const { return make_batch(network_, config_, hyper_, data_, step); }

  void say(const std::string& what) const {
    if (options_.progress) options_.progress(what);
  }

  /// After an execution of a machine; now and then, as each would cost more than it tells. Throws Interrupted.
  void tick(const char* machine, int step, std::uint32_t command, unsigned executions) const {
    if (executions % 256 != 0) return;
    if (interrupted()) throw Interrupted{};
    say(fmt::format("step {}: {}, command {} of {}", step, machine, command, program().commands.size()));
  }

  void prepare() {
    state_ = initial_state(network_, recipe_, initial_parameters(network_, options_.seed));
    const Batch first = batch(0);
    calibrate(network_, recipe_, state_, first, context(0), 1);
    systemc_image_.bytes = poisoned_image(program(), state_, recipe_, first.scale, options_.seed * 2 + 1);
    systemc_image_.bytes.resize(result_.program.total_bytes);
    rtl_image_ = poisoned_image(program(), state_, recipe_, first.scale, options_.seed * 2 + 2);
  }

  void run_step(RtlMachine& rtl, int step) {
    const MicroBatch now = micro_batch(static_cast<std::uint32_t>(step), recipe_.update.micro_batches);
    if (parts_.size() > 1) part_ = now.first ? 0 : now.last ? 2 : 1;
    const Batch samples = batch(step);
    StepRecord record;
    say(fmt::format("step {}: golden", step));
    result_.losses.push_back(golden_step(network_, recipe_, state_, samples, context(step), &record, 1).loss);
    result_.tensors_a_step = record.tensors.size();
    if (!options_.dump.empty()) write_step_record(record, network_, fmt::format("{}/step{}", options_.dump, step));

    const MachineStep systemc = run_systemc(samples, step);
    compare("systemc", record, systemc_image_.bytes, step);

    rtl_before_ = options_.waves.empty() ? std::vector<std::uint8_t>() : rtl.memory();
    const MachineStep machine = run_rtl_to_its_end(rtl, samples, step);
    compare("rtl", record, rtl.memory(), step);
    add_cycles(systemc, machine);
    if (!options_.waves.empty() && result_.waves.file.empty()) write_waves(samples, machine, step);
  }

  MachineStep run_systemc(const Batch& samples, int step) {
    load_program(systemc_image_.bytes);
    write_batch(program(), systemc_image_.bytes, 0, samples);
    StepRegisters registers;
    registers.seed = options_.seed;
    registers.step = static_cast<std::uint32_t>(step);
    registers.learning_rate = word(context(step).lr);
    registers.base = base();
    registers.batch = base() + batch_offset(program(), 0);
    SimOptions sim;
    sim.values = true;
    sim.stall_percent = options_.stall;
    sim.stall_seed = options_.seed;
    sim.dram = options_.dram;
    sim.record_executions = true;
    sim.progress = [&, executions = 0u](std::uint32_t command) mutable {
      tick("SystemC", step, command, executions++);
    };
    SimResult result = simulate(program(), program().hardware, &systemc_image_, registers, sim);
    return {result.cycles, std::move(result.executions)};
  }

  void set_registers(RtlMachine& rtl, int step) const {
    rtl.write_register(Register::SEED_LO, Register::SEED_HI, options_.seed);
    rtl.write_register(Register::STEP, static_cast<std::uint32_t>(step));
    rtl.write_register(Register::LEARNING_RATE, word(context(step).lr));
    rtl.dram().set_origin(base());
    rtl.write_register(Register::BASE, Register::BASE_HIGH, base());
    rtl.write_register(Register::BATCH, Register::BATCH_HIGH, base() + batch_offset(program(), 0));
    rtl.write_register(Register::PROGRAM, Register::PROGRAM_HIGH, base() + program().program_address);
    rtl.write_register(Register::PROGRAM_LENGTH, static_cast<std::uint32_t>(program().commands.size()));
  }

  MachineStep run_rtl(RtlMachine& rtl, const Batch& samples, int step) {
    load_program(rtl.memory());
    write_batch(program(), rtl.memory(), 0, samples);
    set_registers(rtl, step);
    if (options_.before_rtl) options_.before_rtl(rtl, program());
    unsigned executions = 0;
    RtlResult result =
        rtl.run(std::uint64_t{1} << 40, [&](const ExecutionRecord& e) { tick("RTL", step, e.command, executions++); });
    if (result.error_code != 0) {
      throw RtlHang(fmt::format("the RTL stopped with error {} at command {} ({})", result.error_code,
                                result.error_index, command_text(static_cast<int>(result.error_index))),
                    result.cycles);
    }
    return {result.cycles, std::move(result.executions)};
  }

  /// Does run_rtl(), and where the machine hangs or stops also writes waves of the cycles before.
  MachineStep run_rtl_to_its_end(RtlMachine& rtl, const Batch& samples, int step) {
    try {
      return run_rtl(rtl, samples, step);
    } catch (const RtlHang& hang) {
      std::string text = fmt::format("cosim: step {}: {}", step, hang.what());
      if (!options_.waves.empty()) {
        trace(samples, step, window_to(hang.last_sign()), static_cast<std::int64_t>(hang.last_sign()));
        text += "\n" + describe(result_.waves);
      }
      throw Error(text);
    }
  }

  std::string command_text(int command) const {
    if (command < 0 || command >= static_cast<int>(program().commands.size())) return "no such command";
    return program().info[static_cast<std::size_t>(command)].text;
  }

  void compare(const std::string& executor, const StepRecord& record, std::span<std::uint8_t> memory, int step) {
    if (options_.tamper) options_.tamper(executor, step, memory);
    compare_step(program(), record, memory, batch_offset(program(), 0), executor, step, result_.comparison);
  }

  void add_cycles(const MachineStep& systemc, const MachineStep& rtl) {
    const std::size_t offset = offsets_[part_];
    for (const ExecutionRecord& e : systemc.executions) result_.commands[offset + e.command].systemc += e.end - e.start;
    for (const ExecutionRecord& e : rtl.executions) {
      result_.commands[offset + e.command].rtl += e.end - e.start;
      result_.commands[offset + e.command].executions += 1;
    }
    if (systemc.executions.size() != rtl.executions.size()) {
      throw Error(fmt::format("cosim: SystemC ran {} executions and the RTL {}", systemc.executions.size(),
                              rtl.executions.size()));
    }
    result_.executions += rtl.executions.size();
    systemc_cycles_ += systemc.cycles;
    rtl_cycles_ += rtl.cycles;
    const PhaseMacs needs = step_macs(program());
    macs_.macs += needs.macs;
    macs_.macs_data += needs.macs_data;
    macs_.array_cycles += needs.array_cycles;
    add_phases(program(), last_ends(program(), systemc.executions), last_ends(program(), rtl.executions), phases_);
  }

  /// Waves around the first difference; without a difference of the last step's start.
  void write_waves(const Batch& samples, const MachineStep& machine, int step) {
    const auto& first = result_.comparison.first;
    const bool differs = !first.empty() && first.front().executor == "rtl";
    if (!differs && step + 1 < options_.steps * config_.micro_batches) return;
    if (!differs) return trace(samples, step, {0, kLongestWindow}, -1);
    const std::int64_t at = time_of(first.front(), samples, step);
    std::set<int> writers;  // of this part's program
    for (const int writer : first.front().writers) writers.insert(writer - static_cast<int>(offsets_[part_]));
    trace(samples, step, window_of(writers, machine.executions, at), at);
  }

  /// Puts a machine in the state before the step, ready to run it again.
  void prepare_again(RtlMachine& again, const Batch& samples, int step) const {
    again.memory() = rtl_before_;
    load_program(again.memory());
    write_batch(program(), again.memory(), 0, samples);
    set_registers(again, step);
    if (options_.before_rtl) options_.before_rtl(again, program());
  }

  /// Runs the step again and looks at the element after each execution: the end of the one that changed it last, or −1
  /// where none did.
  std::int64_t time_of(const Difference& difference, const Batch& samples, int step) const {
    say(fmt::format("step {}: RTL again, for the time of the difference", step));
    RtlMachine again(options_.rtl_library, program().hardware, rtl_memory());
    prepare_again(again, samples, step);
    const std::uint64_t batch = batch_offset(program(), 0);
    std::int64_t before = element_of(program(), difference, again.memory(), batch), time = -1;
    again.run(std::uint64_t{1} << 40, [&](const ExecutionRecord& e) {
      const std::int64_t now = element_of(program(), difference, again.memory(), batch);
      if (now != before) time = static_cast<std::int64_t>(e.end);
      before = now;
    });
    return time;
  }

  void trace(const Batch& samples, int step, const Window& window, std::int64_t at) {
    say(fmt::format("step {}: RTL again, waves of cycles {} to {}", step, window.from, window.to));
    RtlMachine traced(trace_library(options_.rtl_library, options_.progress), program().hardware, rtl_memory());
    prepare_again(traced, samples, step);
    OutputByName file(options_.waves);
    traced.waves(file.name(), window.from, window.to);
    const RtlResult ran = traced.run(window.to + kWindowMargin);
    require_whole_fst(file.name(), options_.waves);
    file.commit();
    result_.waves = {options_.waves, step, window.from, ran.finished ? std::min(window.to, ran.cycles) : window.to, at};
  }

  void finish() {
    result_.fidelity = fidelity(result_.program, result_.commands, systemc_cycles_, rtl_cycles_);
    result_.fidelity.phases = phases_;
    if (rtl_cycles_ > 0) result_.array_utilisation = macs_.array_cycles / static_cast<double>(rtl_cycles_);
    result_.macs = macs_.macs;
    result_.macs_data = macs_.macs_data;
  }

  const Network& network_;
  const Recipe& recipe_;
  const Hyper& hyper_;
  const StepData& data_;
  const CosimOptions& options_;
  StepConfig config_;
  CosimResult result_;
  std::vector<Program> parts_;        ///< the step's program, or those of N26.6
  std::vector<std::size_t> offsets_;  ///< of each one's commands in result_.program
  std::size_t part_ = 0;              ///< that runs
  TrainState state_;
  MemoryImage systemc_image_;
  std::vector<std::uint8_t> rtl_image_, rtl_before_;
  std::uint64_t systemc_cycles_ = 0, rtl_cycles_ = 0;
  PhaseMacs macs_;  ///< of the steps that ran
  std::vector<PhaseCycles> phases_;
};

}  // namespace

CosimResult cosimulate(const Network& network, const Recipe& recipe, const Hardware& hardware, const Hyper& hyper,
                       const StepData& data, const CosimOptions& options) {
  return Session(network, recipe, hardware, hyper, data, options).run();
}

std::string describe(const Program& program, const Difference& d) {
  std::string writers;
  for (int w : d.writers) {
    const auto at = static_cast<std::size_t>(w);
    writers += fmt::format("{}command {} ({})", writers.empty() ? "" : ", ", w, program.info[at].text);
  }
  return fmt::format("{}: step {}, {}[{}][{}]: expected {}, got {}; written by {}", d.executor, d.step, d.tensor, d.row,
                     d.col, d.expected, d.got, writers.empty() ? "the host" : writers);
}

}  // namespace bitloom::cosim
