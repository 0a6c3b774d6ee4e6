#include "sim/cosim/rtl/harness.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"

namespace bitloom {

struct RtlMachine::Library {
  explicit Library(const std::string& path) : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) throw Error(fmt::format("{}: cannot be loaded: {}", path, dlerror()));
    const auto function = reinterpret_cast<RtlApiFunction>(dlsym(handle, "bitloom_rtl_api"));
    if (function == nullptr) throw Error(path + ": is no Verilated machine of this project");
    api = function();
    if (api->version != kRtlAbiVersion) throw Error(path + ": was made by another version of this project");
  }
  ~Library() { dlclose(handle); }
  void* handle;
  const RtlApi* api = nullptr;
};

RtlMachine::RtlMachine(const std::string& library, const Hardware& hardware, const Memory& memory, std::uint64_t seed)
    : library_(std::make_unique<Library>(library)),
      dram_(hardware.axi_bytes, hardware.max_burst, hardware.max_outstanding),
      timing_(memory) {
  if (library_->api->config_hash != config_hash(hardware)) {
    throw Error(fmt::format("{}: was made for another hardware than {}", library, hardware.name));
  }
  dram_.bytes().resize(std::min(hardware.dram_bytes, std::uint64_t{1} << 26));
  machine_ = library_->api->create(static_cast<std::uint32_t>(seed ^ (seed >> 32)));
  pins_ = library_->api->pins(machine_);
  reset();
}

RtlMachine::~RtlMachine() {
  library_->api->close_waves(machine_);
  library_->api->destroy(machine_);
}

void RtlMachine::cycle() { library_->api->cycle(machine_); }

void RtlMachine::reset() {
  *pins_ = {};
  pins_->host = 1;
  for (int i = 0; i < 4; ++i) cycle();
  pins_->rst_n = 1;
  cycle();
}

void RtlMachine::write_register(Register address, std::uint32_t value) {
  pins_->host = 1;
  pins_->s_awaddr = static_cast<std::uint8_t>(address);
  pins_->s_wdata = value;
  pins_->s_awvalid = pins_->s_wvalid = 1;
  cycle();
  pins_->s_awvalid = pins_->s_wvalid = 0;
  for (int waited = 0; pins_->s_bvalid == 0; ++waited) {
    if (waited == 16) throw Error("the machine does not answer a register write");
    cycle();
  }
  cycle();
}

std::uint32_t RtlMachine::read_register(Register address) {
  pins_->host = 1;
  pins_->s_araddr = static_cast<std::uint8_t>(address);
  pins_->s_arvalid = 1;
  cycle();
  pins_->s_arvalid = 0;
  if (pins_->s_rvalid == 0) throw Error("the machine does not answer a register read");
  const std::uint32_t value = pins_->s_rdata;
  cycle();
  return value;
}

void RtlMachine::waves(const std::string& path, std::uint64_t from, std::uint64_t to) {
  if (library_->api->waves == 0) throw Error("waves need the library's trace variant (trace_library())");
  waves_path_ = path;
  waves_from_ = from;
  waves_to_ = to;
}

/// The next clock edge after this is edge 0: it takes CONTROL.start.
void RtlMachine::start_program() {
  dram_.start(timing_);
  open_ = {};
  last_end_ = {};
  last_sign_ = 0;
  pins_->host = 1;
  pins_->s_awaddr = static_cast<std::uint8_t>(Register::CONTROL);
  pins_->s_wdata = 1;
  pins_->s_awvalid = pins_->s_wvalid = 1;
  cycle();
  pins_->s_awvalid = pins_->s_wvalid = 0;
}

RtlResult RtlMachine::run(std::uint64_t max_cycles, const OnExecution& on_execution) {
  RtlResult result;
  start_program();
  std::uint64_t edge = 0;
  const bool waves = !waves_path_.empty();
  for (;; ++edge) {
    if (waves && edge == waves_from_) library_->api->open_waves(machine_, waves_path_.c_str());
    dram_.before_edge(edge, *pins_);
    if ((pins_->m_rvalid | pins_->m_wvalid | pins_->m_bvalid) != 0) last_sign_ = edge;
    cycle();
    if (edge == 3) pins_->host = 0;
    if (waves && edge == waves_to_) library_->api->close_waves(machine_);
    if ((pins_->trace_start | pins_->trace_done) != 0) observe(edge, result, on_execution);
    account(result);
    if (edge >= 1 && pins_->trace_busy == 0) break;
    if (edge - last_sign_ > watchdog_) hang(edge, result);
    if (edge > max_cycles) {
      result.cycles = edge;
      result.dram = dram_.counters();
      return result;
    }
  }
  if (waves) {
    library_->api->close_waves(machine_);
    waves_path_.clear();
  }
  if (edge < 2) throw Error("the machine did not start");
  result.finished = true;
  result.cycles = edge - 1;  // trace_busy is one cycle late
  result.dram = dram_.counters();
  const std::uint64_t counted =
      read_register(Register::CYCLES_LO) | static_cast<std::uint64_t>(read_register(Register::CYCLES_HI)) << 32;
  const std::uint32_t status = read_register(Register::STATUS);
  const std::uint32_t error = read_register(Register::ERROR);
  result.error_code = error & 0xffu;
  result.error_index = error >> 8;
  if (counted != result.cycles) throw Error(fmt::format("CYCLES is {} after {} cycles", counted, result.cycles));
  if (status != (result.error_code == 0 ? 2u : 6u)) throw Error(fmt::format("STATUS is {} after the end", status));
  if (!dram_.idle()) throw Error("the machine ended with transactions in flight");
  return result;
}

void RtlMachine::observe(std::uint64_t edge, RtlResult& result, const OnExecution& on_execution) {
  last_sign_ = edge;
  for (int queue = 0; queue < kQueues; ++queue) {
    std::deque<ExecutionRecord>& open = open_[static_cast<std::size_t>(queue)];
    std::uint64_t& last_end = last_end_[static_cast<std::size_t>(queue)];
    if ((pins_->trace_done >> queue & 1) != 0) {
      if (open.empty()) throw Error(fmt::format("queue {} ends an execution that never started", queue));
      ExecutionRecord& oldest = open.front();
      oldest.start = std::max(oldest.start, last_end);
      oldest.end = last_end = edge;
      result.executions.push_back(oldest);
      if (on_execution) on_execution(oldest);
      open.pop_front();
    }
    if ((pins_->trace_start >> queue & 1) != 0) {
      open.push_back({static_cast<std::uint8_t>(queue), pins_->trace_index[queue], edge, 0});
    }
  }
}

void RtlMachine::account(RtlResult& result) const {
  for (std::size_t queue = 0; queue < kQueues; ++queue) {
    QueueCycles& counts = result.queues[queue];
    switch (pins_->trace_state >> (2 * queue) & 3) {
      case 0:
        ++counts.idle;
        break;
      case 1:
        ++counts.waiting;
        ++counts.waiting_for[pins_->trace_token >> (5 * queue) & 31];
        break;
      case 2:
        ++counts.running;
        break;
      default:  // not ours: two bits of a signal
        ++counts.taking;
    }
  }
}

void RtlMachine::hang(std::uint64_t edge, const RtlResult& result) const {
  static constexpr std::array<const char*, kQueues> kNames = {"load", "array", "vector", "store"};
  std::string text =
      fmt::format("the machine hangs: at cycle {} nothing has happened for {} cycles ({} executions so far)", edge,
                  watchdog_, result.executions.size());
  for (std::size_t queue = 0; queue < kQueues; ++queue) {
    const unsigned state = pins_->trace_state >> (2 * queue) & 3;
    const auto command = pins_->trace_index[queue];
    text += fmt::format("\n  queue {}: ", kNames[queue]);
    if (state == 0) text += "no command";
    if (state == 1) {
      const unsigned id = pins_->trace_token >> (5 * queue) & 31;
      text += fmt::format("command {} waits for token {} (from {}, channel {})", command, id, kNames[id / 8], id % 2);
    }
    if (state == 2) text += fmt::format("command {} runs", command);
    if (state == 3) text += "a loop group is not complete";
  }
  throw RtlHang(text, last_sign_);
}

}  // namespace bitloom
