// The C interface of a Verilated machine. Each hardware is a shared library of its own, because its ports are types of
// their own; the harness loads the one it needs and sees only this.
#pragma once
#include <cstdint>

namespace bitloom {

inline constexpr std::uint32_t kRtlAbiVersion = 3;
inline constexpr int kRtlMaxAxiBytes = 64;

/// The pins of bl_top. The harness sets the inputs before a cycle and reads the outputs after it.
struct RtlPins {
  // Inputs
  std::uint8_t rst_n, host;  ///< host: the AXI4-Lite pins take part in the next cycle
  std::uint8_t s_awaddr, s_awvalid, s_wvalid, s_araddr, s_arvalid;
  std::uint8_t m_arready, m_rvalid, m_rlast, m_rresp, m_awready, m_wready, m_bvalid, m_bresp;
  std::uint32_t s_wdata;
  std::uint8_t m_rdata[kRtlMaxAxiBytes];
  // Outputs
  std::uint8_t s_awready, s_wready, s_bvalid, s_arready, s_rvalid;
  std::uint8_t m_arvalid, m_arlen, m_arsize, m_arburst, m_awvalid, m_awlen, m_awsize, m_awburst, m_wvalid, m_wlast;
  std::uint8_t trace_busy, trace_start, trace_done, trace_state;
  std::uint32_t s_rdata, trace_token;
  std::uint64_t m_araddr, m_awaddr, m_wstrb;
  std::uint32_t trace_index[4];  ///< INDEX of each queue's command
  std::uint8_t m_wdata[kRtlMaxAxiBytes];
};

/// What a library offers, by the symbol "bitloom_rtl_api".
struct RtlApi {
  std::uint32_t version;      ///< kRtlAbiVersion
  std::uint32_t config_hash;  ///< config_hash() of the hardware it was made for
  std::uint32_t axi_bytes;
  std::uint32_t waves;                  ///< 1: can write waves, and its assertions are on
  void* (*create)(std::uint32_t seed);  ///< all state without a reset gets random values from the seed
  void (*destroy)(void* machine);
  RtlPins* (*pins)(void* machine);
  void (*cycle)(void* machine);  ///< one clock cycle: rising edge, then falling edge
  void (*open_waves)(void* machine, const char* path);
  void (*close_waves)(void* machine);
};

using RtlApiFunction = const RtlApi* (*)();

}  // namespace bitloom
