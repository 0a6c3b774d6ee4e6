// The accuracy table program from outside, on generated images in CIFAR-10's format: resnet8 by FP32, by an integer
// recipe and by one that starts from another row; stopped after any epoch it goes on to the same table.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Images whose brightness follows their label, with some noise, as records of label, red, green and blue planes.
std::string images(int count, unsigned state) {
  std::string bytes;
  for (int image = 0; image < count; ++image) {
    bytes.push_back(static_cast<char>(image % 10));
    for (int pixel = 0; pixel < 3072; ++pixel) {
      state = state * 1664525U + 1013904223U;
      bytes.push_back(static_cast<char>(20 * (image % 10) + static_cast<int>(state >> 27)));
    }
  }
  return bytes;
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

class AccuracyTable : public ::testing::Test {
 protected:
  void SetUp() override {
    test::write_bytes(folder_ / "data_batch_1.bin", images(128, 1));
    test::write_bytes(folder_ / "test_batch.bin", images(40, 2));
  }

  /// Exit code of the program; its output is in output_.
  int run(const std::string& results, const std::string& rows, const std::string& more) {
    const std::string program =
        std::string(std::getenv("BITLOOM_BINARY_DIR")) + "/testbench/model/train/accuracy_table";
    const std::string command = fmt::format(
        "'{0}' --experiment cifar_resnet8 --data '{1}' --results '{1}/{2}' --rows {3} {4} > '{1}/output' 2>&1", program,
        folder_.path(), results, rows, more);
    const int status = std::system(command.c_str());
    output_ = text_of(folder_ / "output");
    return WEXITSTATUS(status);
  }

  test::TemporaryFolder folder_;
  std::string output_;
};

const std::string kRows = "fp32 fqt1_pretrain fqt1 lwq";

TEST_F(AccuracyTable, StoppedAfterAnyEpochGoesOnToTheSameTable) {
  ASSERT_EQ(run("whole", kRows, "--epochs 2"), 0) << output_;
  const std::string whole = output_;
  for (const char* row :
       {"| fp32 | resnet8 | 1 |", "| fqt1_pretrain |", "| fqt1 |", "| lwq | resnet8 | 1 |", " to fp32 |"})
    EXPECT_THAT(whole, HasSubstr(row));
  for (int epochs = 1; epochs <= 8; ++epochs) {
    ASSERT_EQ(run("parts", kRows, "--epochs 2 --stop-after 1"), 130) << epochs << " epochs: " << output_;
    EXPECT_THAT(output_, HasSubstr("interrupted; the same command goes on"));
  }
  EXPECT_EQ(run("parts", kRows, "--epochs 2 --stop-after 1"), 0) << "nothing is left to train";
  EXPECT_EQ(output_, whole);
}

TEST_F(AccuracyTable, RefusesResultsOfOtherSettings) {
  ASSERT_EQ(run("results", "fp32", "--epochs 1"), 0) << output_;
  ASSERT_EQ(run("results", "fp32", "--epochs 1"), 0) << output_;
  EXPECT_EQ(run("results", "fp32", "--epochs 2"), 2);
  EXPECT_THAT(output_, HasSubstr("fp32-1.json"));
  EXPECT_THAT(output_, HasSubstr("is of another table"));
  EXPECT_EQ(run("results", "fp32", "--epochs 1 --train-limit 64"), 2);
  EXPECT_THAT(output_, Not(HasSubstr("| fp32 | resnet8")));
}

TEST_F(AccuracyTable, RefusesBadUsage) {
  EXPECT_EQ(run("results", "nope", ""), 2);
  EXPECT_THAT(output_, HasSubstr("--rows: experiment cifar_resnet8 has no row nope; it has fp32, "));
  EXPECT_EQ(run("results", "fp32", "--epochs none"), 2);
  EXPECT_THAT(output_, HasSubstr("--epochs"));
  EXPECT_EQ(run("results", "fp32", "--help"), 0);
}

}  // namespace
}  // namespace bitloom
