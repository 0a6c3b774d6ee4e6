// Machines of a user's own hardware are made at run time and kept; the trace variant writes waves and computes the
// same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/traces.hpp"
#include "testbench/rtl/machine_case.hpp"

namespace bitloom {
namespace {

namespace fs = std::filesystem;

class LibraryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("bitloom_library_" + std::to_string(getpid()));
    fs::create_directories(folder_);
    setenv("BITLOOM_CACHE", folder_.c_str(), 1);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Writes tiny's file with one line changed.
  fs::path changed(const std::string& key, const std::string& line) const {
    std::ifstream in(resolve_trace(TraceKind::kHardware, "tiny"));
    const fs::path path = folder_ / "own.json";
    std::ofstream out(path);
    for (std::string each; std::getline(in, each);) {
      out << (each.find('"' + key + '"') != std::string::npos ? line : each) << '\n';
    }
    return path;
  }

  fs::path folder_;
};

TEST_F(LibraryTest, NamedHardwareIsTheBuilds) {
  EXPECT_EQ(rtl_library(read_hardware(resolve_trace(TraceKind::kHardware, "odd"))), rtl_library_path("odd"));
}

TEST_F(LibraryTest, UnknownNameIsAnError) { EXPECT_THROW(rtl_library_path("no_such_hardware"), Error); }

TEST_F(LibraryTest, OwnHardwareIsMadeOnce) {
  Hardware hardware = read_hardware(changed("rows", "  \"rows\": 3,"));
  const std::string library = rtl_library(hardware);
  EXPECT_THAT(library, ::testing::StartsWith(folder_.string()));
  const auto made = fs::last_write_time(library);
  EXPECT_EQ(rtl_library(hardware), library);
  EXPECT_EQ(fs::last_write_time(library), made) << "made again";

  std::ofstream(library, std::ios::trunc) << "damaged";  // loaded as it is, this ends the process
  EXPECT_EQ(rtl_library(hardware), library);
  EXPECT_GT(fs::file_size(library), 10000u) << "not made again";
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_FALSE(entry.is_directory()) << entry.path() << ": a scratch folder is left";
    EXPECT_NE(entry.path().extension(), ".lock");
  }

  hardware.dram_bytes = 1 << 16;
  RtlMachine machine(library, hardware, DramTiming(20, 10, 0, 1));
  EXPECT_EQ(machine.read_register(Register::ID), config_hash(hardware));
  machine.write_register(Register::PROGRAM_LENGTH, 0);
  EXPECT_EQ(machine.run(1000).cycles, 1u);
}

TEST_F(LibraryTest, AnInterruptLeavesNothing) {
  const Hardware hardware = read_hardware(changed("rows", "  \"rows\": 5,"));
  set_interrupted(true);
  EXPECT_THROW(rtl_library(hardware), Interrupted);
  set_interrupted(false);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "more than the hardware's file";
}

TEST_F(LibraryTest, RegistersKeepWhatIsWritten) {
  MachineCase machine("tiny");
  for (const Register each : {Register::SEED_LO, Register::SEED_HI, Register::STEP, Register::LEARNING_RATE,
                              Register::BASE, Register::BATCH, Register::PROGRAM, Register::PROGRAM_LENGTH}) {
    const auto value = 0x9E3779B9u * (static_cast<std::uint32_t>(each) + 1);
    machine.machine().write_register(each, value);
    EXPECT_EQ(machine.machine().read_register(each), value);
  }
  EXPECT_EQ(machine.machine().read_register(Register::STATUS), 0u);
}

TEST_F(LibraryTest, WavesAndAssertionsChangeNothing) {
  RtlResult results[2];
  for (int waves = 0; waves < 2; ++waves) {
    MachineCase machine("tiny", 25);
    if (waves == 1) {
      machine.use(trace_library(rtl_library_path("tiny")));
      machine.machine().waves((folder_ / "part.fst").string(), 20, 60);
    }
    machine.fill_random(0x1000, 512);
    machine.fill_vout(0x1000, 64);
    machine.store_vout(0x2001, 7, 15, 70, 0, 8);
    results[waves] = machine.run();
  }
  EXPECT_EQ(results[0].cycles, results[1].cycles);
  EXPECT_EQ(results[0].executions, results[1].executions);
  EXPECT_GT(fs::file_size(folder_ / "part.fst"), 1000u);
}

TEST_F(LibraryTest, WavesNeedTheTraceVariant) {
  MachineCase machine("tiny");
  EXPECT_THROW(machine.machine().waves("x.fst", 0, 1), Error);
}

}  // namespace
}  // namespace bitloom
