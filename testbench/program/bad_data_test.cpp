// Damaged IDX data, as the user of `bitloom train --data` meets it: exit code 2 and a message that names file and
// field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "testbench/program/idx_files.hpp"
#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;

constexpr int kTrain = 64;
constexpr int kTest = 32;

class BadData : public ::testing::Test {
 protected:
  void SetUp() override { write_idx_folder(folder_.path(), kTrain, kTest); }

  Outcome train() const {
    return run_program(
        {"train", "mlp", "--recipe", "fp32", "--data", folder_.path(), "--epochs", "1", "--batch", "16"});
  }

  /// Training must end as bad input with both texts in its message, and print no result.
  void expect_refused(const std::string& file, const std::string& problem) const {
    const Outcome outcome = train();
    EXPECT_EQ(outcome.code, 2) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("bitloom: error: "));
    EXPECT_THAT(outcome.errors, HasSubstr(file));
    EXPECT_THAT(outcome.errors, HasSubstr(problem));
    EXPECT_EQ(outcome.output, "");
  }

  void replace(const std::string& name, const std::string& bytes) const { write_text(folder_ / name, bytes); }

  ScratchFolder folder_;
};

TEST_F(BadData, UndamagedFilesTrain) {
  const Outcome outcome = train();
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("accuracy"));
}

TEST_F(BadData, MissingFolder) {
  const std::string gone = folder_ / "gone";
  const Outcome outcome = run_program({"train", "mlp", "--recipe", "fp32", "--data", gone});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr(gone));
}

TEST_F(BadData, MissingFile) {
  std::filesystem::remove(folder_ / "t10k-labels-idx1-ubyte");
  expect_refused("t10k-labels-idx1-ubyte", "no such file");
}

TEST_F(BadData, TruncatedPixels) {
  const std::string bytes = idx_images(kTrain);
  replace("train-images-idx3-ubyte", bytes.substr(0, bytes.size() - 1));
  expect_refused("train-images-idx3-ubyte", "truncated");
}

TEST_F(BadData, TruncatedHeader) {
  replace("train-images-idx3-ubyte", idx_images(kTrain).substr(0, 10));
  expect_refused("train-images-idx3-ubyte", "truncated");
}

TEST_F(BadData, EmptyFile) {
  replace("train-labels-idx1-ubyte", "");
  expect_refused("train-labels-idx1-ubyte", "truncated");
}

TEST_F(BadData, TrailingBytes) {
  replace("train-images-idx3-ubyte", idx_images(kTrain) + "x");
  expect_refused("train-images-idx3-ubyte", "extra bytes");
}

TEST_F(BadData, WrongMagicOfImages) {
  replace("train-images-idx3-ubyte", big_endian(0x0d03) + idx_images(kTrain).substr(4));
  expect_refused("train-images-idx3-ubyte", "magic number: expected 0x00000803, got 0x00000d03");
}

TEST_F(BadData, LabelsInPlaceOfImages) {
  replace("t10k-images-idx3-ubyte", idx_labels(kTest));
  expect_refused("t10k-images-idx3-ubyte", "magic number: expected 0x00000803, got 0x00000801");
}

TEST_F(BadData, LabelOutOfRange) {
  std::string bytes = idx_labels(kTrain);
  bytes[8 + 5] = 10;
  replace("train-labels-idx1-ubyte", bytes);
  expect_refused("train-labels-idx1-ubyte", "label 5: expected 0 to 9, got 10");
}

TEST_F(BadData, FewerLabelsThanImages) {
  replace("train-labels-idx1-ubyte", idx_labels(kTrain - 1));
  expect_refused("train-labels-idx1-ubyte", "label count: expected 64");
}

TEST_F(BadData, TruncatedGzip) {
  std::filesystem::remove(folder_ / "train-images-idx3-ubyte");
  replace("train-images-idx3-ubyte.gz", std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x63", 11));
  expect_refused("train-images-idx3-ubyte.gz", "truncated");
}

TEST_F(BadData, ImagesOfAnotherSizeThanTheNetwork) {
  const Outcome outcome = run_program({"train", "mlp_odd", "--recipe", "fp32", "--data", folder_.path()});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("mlp_odd"));
  EXPECT_THAT(outcome.errors, HasSubstr("784"));
  EXPECT_THAT(outcome.errors, HasSubstr("61"));
}

TEST_F(BadData, FewerImagesThanABatch) {
  const Outcome outcome = run_program({"train", "mlp", "--recipe", "fp32", "--data", folder_.path(), "--batch", "65"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("65"));
}

}  // namespace
}  // namespace bitloom::testing
