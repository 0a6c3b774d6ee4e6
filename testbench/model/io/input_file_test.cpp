// Files, pipes and devices that are read whole (model/io/input_file.hpp), and what stands in them.
#include "model/io/input_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "model/io/checkpoint.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/npy.hpp"
#include "model/io/output_file.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

class InputFileTest : public ::testing::Test {
 protected:
  void TearDown() override { set_interrupted(false); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  test::TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST_F(InputFileTest, ReadsNoMoreThanTheLimit) {
  write_file(path("a"), "12345");
  EXPECT_EQ(read_input(path("a"), 5), "12345");
  EXPECT_EQ(test::error_of([&] { read_input(path("a"), 4); }),
            path("a") + ": cannot read the file: expected at most 4 bytes");
  EXPECT_THAT(test::error_of([] { read_input("/dev/zero", kLargestState); }), HasSubstr("expected at most"));
}

// Where the standard input is closed, a file gets its descriptor, 0, which must be closed like any other.
TEST_F(InputFileTest, DescriptorZeroIsClosedToo) {
  write_file(path("a"), "12345");
  const int standard_input = dup(0);
  close(0);
  EXPECT_EQ(read_input(path("a"), 5), "12345");
  EXPECT_EQ(fcntl(0, F_GETFD), -1);
  if (standard_input >= 0) dup2(standard_input, 0);
  close(standard_input);
}

TEST_F(InputFileTest, ErrorsSayWhatItIs) {
  EXPECT_EQ(test::error_of([&] { read_input(path("gone"), 1); }),
            path("gone") + ": cannot read the file: No such file or directory");
  EXPECT_EQ(test::error_of([&] { read_input(folder_.string(), 1); }),
            folder_.string() + ": cannot read the file: it is a folder");
  EXPECT_THAT(test::error_of([&] { read_checkpoint(folder_.string()); }), HasSubstr("it is a folder"));
  EXPECT_THAT(test::error_of([&] { read_npy(folder_.string()); }), HasSubstr("it is a folder"));
  write_file(path("empty.json"), "");
  EXPECT_THAT(test::error_of([&] { JsonObject::from_file(path("empty.json")); }), HasSubstr("the file is empty"));
}

TEST_F(InputFileTest, ReadsAPipeToItsEnd) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const std::string sent(300000, 'x');
  std::thread writer([&] { write_file(path("pipe"), sent); });
  EXPECT_EQ(read_input(path("pipe"), kLargestText), sent);
  writer.join();
}

TEST_F(InputFileTest, AnInterruptEndsTheWaitForAWriter) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::thread interrupt([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    set_interrupted(true);
  });
  EXPECT_THROW(read_input(path("pipe"), 1), Interrupted);
  interrupt.join();
}

// Destroyed by recursion, this many levels end the process.
TEST_F(InputFileTest, DeepNestingIsAnError) {
  for (const char* bracket : {"[", "{\"k\":"}) {
    std::string text = "{\"k\":";
    for (int i = 0; i < 300000; ++i) text += bracket;
    EXPECT_EQ(test::error_of([&] { JsonObject::from_text(text, "f"); }), "f: more than 64 levels of nesting");
  }
}

}  // namespace
}  // namespace bitloom
