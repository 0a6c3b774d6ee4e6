// Compiled together with Verilator's output for one hardware: gives bl_top the C interface of abi.hpp.
#include <verilated.h>
#if BITLOOM_WAVES
#include <verilated_fst_c.h>
#endif

#include <cstring>
#include <memory>

#include "Vbl_top.h"
#include "sim/cosim/rtl/abi.hpp"

namespace {

using bitloom::RtlPins;

constexpr std::size_t kAxiBytes = BITLOOM_AXI_BYTES;

struct Machine {
  VerilatedContext context;
  std::unique_ptr<Vbl_top> top;
  RtlPins pins{};
#if BITLOOM_WAVES
  std::unique_ptr<VerilatedFstC> waves;
#endif
};

void set_inputs(const RtlPins& pins, Vbl_top& top) {
  top.rst_ni = pins.rst_n;
  if (pins.host != 0) {
    top.s_awaddr_i = pins.s_awaddr;
    top.s_awvalid_i = pins.s_awvalid;
    top.s_wdata_i = pins.s_wdata;
    top.s_wvalid_i = pins.s_wvalid;
    top.s_araddr_i = pins.s_araddr;
    top.s_arvalid_i = pins.s_arvalid;
  }
  top.m_arready_i = pins.m_arready;
  top.m_rvalid_i = pins.m_rvalid;
  if (pins.m_rvalid != 0) {
    top.m_rlast_i = pins.m_rlast;
    top.m_rresp_i = pins.m_rresp;
    std::memcpy(&top.m_rdata_i, pins.m_rdata, kAxiBytes);
  }
  top.m_awready_i = pins.m_awready;
  top.m_wready_i = pins.m_wready;
  top.m_bvalid_i = pins.m_bvalid;
  top.m_bresp_i = pins.m_bresp;
}

void get_outputs(const Vbl_top& top, RtlPins& pins) {
  if (pins.host != 0) {
    pins.s_awready = top.s_awready_o;
    pins.s_wready = top.s_wready_o;
    pins.s_bvalid = top.s_bvalid_o;
    pins.s_arready = top.s_arready_o;
    pins.s_rdata = top.s_rdata_o;
    pins.s_rvalid = top.s_rvalid_o;
  }
  pins.m_arvalid = top.m_arvalid_o;
  if (top.m_arvalid_o != 0) {
    pins.m_araddr = top.m_araddr_o;
    pins.m_arlen = top.m_arlen_o;
    pins.m_arsize = top.m_arsize_o;
    pins.m_arburst = top.m_arburst_o;
  }
  pins.m_awvalid = top.m_awvalid_o;
  if (top.m_awvalid_o != 0) {
    pins.m_awaddr = top.m_awaddr_o;
    pins.m_awlen = top.m_awlen_o;
    pins.m_awsize = top.m_awsize_o;
    pins.m_awburst = top.m_awburst_o;
  }
  pins.m_wvalid = top.m_wvalid_o;
  if (top.m_wvalid_o != 0) {
    std::memcpy(pins.m_wdata, &top.m_wdata_o, kAxiBytes);
    pins.m_wstrb = top.m_wstrb_o;
    pins.m_wlast = top.m_wlast_o;
  }
  pins.trace_busy = top.trace_busy_o;
  pins.trace_start = top.trace_start_o;
  pins.trace_done = top.trace_done_o;
  const auto& index = top.trace_index_o;  // four numbers of 24 bits
  pins.trace_index[0] = index[0] & 0xFFFFFFu;
  pins.trace_index[1] = index[0] >> 24 | (index[1] & 0xFFFFu) << 8;
  pins.trace_index[2] = index[1] >> 16 | (index[2] & 0xFFu) << 16;
  pins.trace_index[3] = index[2] >> 8;
  pins.trace_state = top.trace_state_o;
  pins.trace_token = top.trace_token_o;
}

void dump(Machine& machine) {
#if BITLOOM_WAVES
  if (machine.waves) machine.waves->dump(machine.context.time());
#endif
  machine.context.timeInc(1);
}

void* create(std::uint32_t seed) {
  auto machine = std::make_unique<Machine>();
  machine->context.randReset(2);
  machine->context.randSeed(static_cast<int>(seed & 0x7fffffffu) + 1);
#if BITLOOM_WAVES
  machine->context.traceEverOn(true);
#endif
  machine->top = std::make_unique<Vbl_top>(&machine->context);
  machine->top->clk_i = 0;
  machine->top->s_bready_i = 1;
  machine->top->s_rready_i = 1;
  machine->top->s_wstrb_i = 15;
  return machine.release();
}

void destroy(void* handle) {
  auto* machine = static_cast<Machine*>(handle);
  machine->top->final();
  delete machine;
}

void cycle(void* handle) {
  Machine& machine = *static_cast<Machine*>(handle);
  Vbl_top& top = *machine.top;
  set_inputs(machine.pins, top);
  top.clk_i = 1;
  top.eval();
  dump(machine);
  top.clk_i = 0;
  top.eval();
  dump(machine);
  get_outputs(top, machine.pins);
}

void open_waves([[maybe_unused]] void* handle, [[maybe_unused]] const char* path) {
#if BITLOOM_WAVES
  Machine& machine = *static_cast<Machine*>(handle);
  machine.waves = std::make_unique<VerilatedFstC>();
  machine.top->trace(machine.waves.get(), 99);
  machine.waves->open(path);
#endif
}

void close_waves([[maybe_unused]] void* handle) {
#if BITLOOM_WAVES
  Machine& machine = *static_cast<Machine*>(handle);
  if (machine.waves) machine.waves->close();
  machine.waves.reset();
#endif
}

const bitloom::RtlApi kApi = {bitloom::kRtlAbiVersion,
                              BITLOOM_CONFIG_HASH,
                              static_cast<std::uint32_t>(kAxiBytes),
                              BITLOOM_WAVES,
                              create,
                              destroy,
                              [](void* handle) { return &static_cast<Machine*>(handle)->pins; },
                              cycle,
                              open_waves,
                              close_waves};

}  // namespace

extern "C" __attribute__((visibility("default"))) const bitloom::RtlApi* bitloom_rtl_api() { return &kApi; }
