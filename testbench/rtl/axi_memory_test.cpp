// The protocol check behind the AXI port finds each fault that it is there for, and the timing class decides every
// edge.
#include "sim/cosim/rtl/axi_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

constexpr int kReadLatency = 7, kWriteLatency = 5;
constexpr std::uint64_t kFirst = 10;  // edge of the first transfer

/// A memory of 64 KiB at an 8-byte port, and pins that a test moves by hand.
class AxiMemoryTest : public ::testing::Test {
 protected:
  AxiMemoryTest() : memory_(8, 16, 2) {
    memory_.bytes().resize(65536);
    for (std::size_t i = 0; i < 65536; ++i) memory_.bytes()[i] = static_cast<std::uint8_t>(i * 7);
    memory_.start(DramTiming(kReadLatency, kWriteLatency, 0, 1));
  }

  void ask(std::uint32_t address, int beats) {
    pins_.m_arvalid = 1;
    pins_.m_araddr = address;
    pins_.m_arlen = static_cast<std::uint8_t>(beats - 1);
    pins_.m_arsize = 3;
    pins_.m_arburst = 1;
  }
  void announce(std::uint32_t address, int beats) {
    pins_.m_awvalid = 1;
    pins_.m_awaddr = address;
    pins_.m_awlen = static_cast<std::uint8_t>(beats - 1);
    pins_.m_awsize = 3;
    pins_.m_awburst = 1;
  }
  void offer(std::uint8_t value, std::uint32_t strobes, bool last) {
    pins_.m_wvalid = 1;
    std::fill_n(pins_.m_wdata, 8, value);
    pins_.m_wstrb = strobes;
    pins_.m_wlast = last;
  }
  void edge() {
    memory_.before_edge(edge_++, pins_);
    if (pins_.m_arready != 0) pins_.m_arvalid = 0;
    if (pins_.m_awready != 0) pins_.m_awvalid = 0;
    if (pins_.m_wready != 0) pins_.m_wvalid = 0;
  }
  void expect_broken(const std::string& part) {
    try {
      edge();
      ADD_FAILURE() << "nothing was found; expected: " << part;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    }
  }

  AxiMemory memory_;
  RtlPins pins_{};
  std::uint64_t edge_ = kFirst;
};

TEST_F(AxiMemoryTest, ReadsAfterTheLatencyBeatByBeat) {
  ask(0x100, 3);
  edge();  // accepted at edge kFirst
  for (std::uint64_t at = 1; at < 12; ++at) {
    edge();
    const bool expected = at >= kReadLatency && at < kReadLatency + 3;
    ASSERT_EQ(pins_.m_rvalid != 0, expected) << "edge " << at;
    if (!expected) continue;
    EXPECT_EQ(pins_.m_rdata[2], static_cast<std::uint8_t>((0x100 + (at - kReadLatency) * 8 + 2) * 7));
    EXPECT_EQ(pins_.m_rlast != 0, at == kReadLatency + 2);
  }
  EXPECT_TRUE(memory_.idle());
  EXPECT_EQ(memory_.counters().read_beats, 3u);
}

TEST_F(AxiMemoryTest, WritesStrobedBytesAndResponds) {
  announce(0x200, 2);
  offer(0xAB, 0x0F, false);
  edge();
  offer(0xCD, 0x80, true);
  edge();  // last beat at edge 1
  for (std::uint64_t at = 2; at < 10; ++at) {
    edge();
    ASSERT_EQ(pins_.m_bvalid != 0, at == 1 + kWriteLatency);
  }
  const std::vector<std::uint8_t>& bytes = memory_.bytes();
  EXPECT_EQ(bytes[0x203], 0xAB);
  EXPECT_EQ(bytes[0x204], static_cast<std::uint8_t>(0x204 * 7));
  EXPECT_EQ(bytes[0x20F], 0xCD);
  EXPECT_EQ(bytes[0x20E], static_cast<std::uint8_t>(0x20E * 7));
}

TEST_F(AxiMemoryTest, FindsABurstAcross4KiB) {
  ask(4096 - 8, 2);
  expect_broken("crosses 4 KiB");
}

TEST_F(AxiMemoryTest, FindsATooLongBurst) {
  announce(0, 17);
  expect_broken("at most 16");
}

TEST_F(AxiMemoryTest, FindsAnUnalignedAddress) {
  ask(4, 1);
  expect_broken("not aligned");
}

TEST_F(AxiMemoryTest, FindsANarrowOrFixedBurst) {
  ask(0, 1);
  pins_.m_arsize = 2;
  expect_broken("INCR burst of full width");
  announce(0, 1);
  pins_.m_arvalid = 0;
  pins_.m_awburst = 0;
  expect_broken("INCR burst of full width");
}

TEST_F(AxiMemoryTest, FindsAnAddressOutsideTheMemory) {
  ask(65536, 1);
  expect_broken("leaves the memory");
}

TEST_F(AxiMemoryTest, FindsTooManyBurstsInFlight) {
  ask(0, 1);
  edge();
  ask(0, 1);
  edge();
  ask(0, 1);
  expect_broken("more than 2 read bursts");
}

TEST_F(AxiMemoryTest, FindsAWrongLast) {
  announce(0, 2);
  offer(1, 0xFF, true);
  expect_broken("WLAST");
}

TEST_F(AxiMemoryTest, FindsAMissingLast) {
  announce(0, 1);
  offer(1, 0xFF, false);
  expect_broken("WLAST");
}

TEST_F(AxiMemoryTest, FindsDataWithoutAnAddress) {
  offer(1, 0xFF, true);
  expect_broken("before its AW");
}

/// A beat that waits may change in no pin.
TEST_F(AxiMemoryTest, FindsAChangeWhileStalled) {
  for (int what = 0; what < 4; ++what) {
    memory_.start(DramTiming(kReadLatency, kWriteLatency, 99, 3));
    pins_ = {};
    edge_ = kFirst;
    announce(0, 1);
    offer(1, 0xFF, true);
    edge();
    ASSERT_EQ(pins_.m_wready, 0);
    if (what == 0) pins_.m_wvalid = 0;
    if (what == 1) pins_.m_wdata[5] ^= 1;
    if (what == 2) pins_.m_wstrb ^= 1;
    if (what == 3) pins_.m_wlast = 0;
    expect_broken("W changed");
  }
}

TEST_F(AxiMemoryTest, FindsAnAddressThatChangesWhileStalled) {
  memory_.stall_addresses(99, 1);
  ask(0x40, 1);
  edge();
  ASSERT_EQ(pins_.m_arready, 0);
  pins_.m_araddr = 0x48;
  expect_broken("AR changed");
}

TEST_F(AxiMemoryTest, FailsTheChosenRange) {
  memory_.fail_reads({0x80, 0x88});
  ask(0x80, 1);
  for (int i = 0; i <= kReadLatency; ++i) edge();
  EXPECT_EQ(pins_.m_rvalid, 1);
  EXPECT_EQ(pins_.m_rresp, 2);
}

}  // namespace
}  // namespace bitloom
