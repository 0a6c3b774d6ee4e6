// Checkpoints whose values no run could have left: refused, naming the file, the tensor and what it may hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "model/data/glyphs.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using test::source_file;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A checkpoint of a short run of mlp_odd, in which one element of one tensor is replaced.
class StateLimits : public ::testing::Test {
 protected:
  std::unique_ptr<Trainer> trainer(const std::string& name) const {
    const Recipe recipe = read_recipe(source_file("traces/recipes/" + name + ".json"));
    return recipe.fp32 ? make_fp32_trainer(network_, hyper_, options_, recipe.normalization)
                       : make_integer_trainer(network_, recipe, hyper_, options_);
  }
  void save(const std::string& recipe) const {
    const auto from = trainer(recipe);
    from->run_epoch(data_, 0, {});
    from->save(file_);
  }
  template <class T>
  void replace(const std::string& tensor, std::size_t element, T value) const {
    Checkpoint checkpoint = read_checkpoint(file_);
    NpyArray& array = checkpoint.tensors.at(tensor);
    std::vector<T> values = npy_values<T>(array, tensor);
    values.at(element) = value;
    array = npy_from<T>(array.shape, values);
    write_checkpoint(file_, checkpoint);
  }
  template <class T>
  void expect_refused(const std::string& recipe, const std::string& tensor, T value, const std::string& expectation) {
    save(recipe);
    replace<T>(tensor, 2, value);
    EXPECT_THAT(error_of([&] { trainer(recipe)->resume(file_); }),
                AllOf(StartsWith(file_ + ": tensor " + tensor + ": "), HasSubstr(expectation)));
  }

  test::TemporaryFolder folder_;
  std::string file_ = folder_ / "state.npz";
  Network network_ = read_network(source_file("traces/networks/mlp_odd.json"));
  Hyper hyper_ = read_hyper(trace_hyper());
  TrainOptions options_{1, 19, 1, 1};
  Dataset data_ = generate_flat(100, 61, 10, 5);

 private:
  static std::string trace_hyper() { return source_file("traces/hyper/default.json"); }
};

TEST_F(StateLimits, Masters) {
  const std::string range = "element 2: expected -8388607 to 8388607, got ";
  expect_refused<std::int32_t>("int8", "fc1.master", 1 << 23, range + "8388608");
  expect_refused<std::int32_t>("int8", "fc1.master", -(1 << 23), range + "-8388608");
  replace<std::int32_t>("fc1.master", 2, -(1 << 23) + 1);
  trainer("int8")->resume(file_);
}

TEST_F(StateLimits, Momenta) {
  expect_refused<std::int16_t>("int8", "fc2.momentum", -32768, "expected -32767 to 32767, got -32768");
  expect_refused<std::int16_t>("int8", "fc2.bias_momentum", -32768, "expected -32767 to 32767, got -32768");
  expect_refused<std::int8_t>("lwq", "fc2.momentum", -128, "expected -127 to 127, got -128");
}

TEST_F(StateLimits, Biases) {
  expect_refused<std::int32_t>("int8", "fc2.bias_fixed", std::numeric_limits<std::int32_t>::min(),
                               "expected -2147483647 to 2147483647, got -2147483648");
}

TEST_F(StateLimits, IntegerWeights) {
  expect_refused<std::int8_t>("lwq", "fc2.q", -128, "expected -127 to 127, got -128");
  expect_refused<std::int8_t>("lwq_w4", "fc2.q", 8, "expected -7 to 7, got 8");
  expect_refused<std::int8_t>("lwq", "fc2.residual", 8, "expected -8 to 7, got 8");
  expect_refused<std::int32_t>("lwq_master24", "fc2.latent", 128 * 65536, "to 8355839, got 8388608");
  expect_refused<std::int8_t>("niti", "fc2.q", -128, "expected -127 to 127, got -128");
}

TEST_F(StateLimits, Adam) {
  expect_refused<std::int8_t>("int8_adam", "fc1.adam_m", -128, "expected -127 to 127, got -128");
  expect_refused<std::int16_t>("int8_adam", "fc1.adam_r", 256, "expected 0 to 255, got 256");
  expect_refused<std::int32_t>("int8_adam", "fc1.adam_blocks", 1, "element 2: the word 0x00000001 is no real");
  const auto negative_one = static_cast<std::int32_t>(0x800f8000U);
  expect_refused<std::int32_t>("int8_adam", "fc1.adam_blocks", negative_one, "element 2: expected at least 0, got -1");
}

TEST_F(StateLimits, WordsOfALayer) {
  expect_refused<std::int32_t>("lwq", "fc1.recipe_state", 5, "the word 0x00000005 is no scale");
  save("lwq");
  replace<std::int32_t>("fc1.recipe_state", 3, 4);
  EXPECT_THAT(error_of([&] { trainer("lwq")->resume(file_); }),
              HasSubstr("recipe_state: element 3: expected 0 to 3, got 4"));
  save("int8_hindsight");
  replace<std::int32_t>("fc2.scales", 0, 1 << 22);
  EXPECT_THAT(error_of([&] { trainer("int8_hindsight")->resume(file_); }),
              HasSubstr("fc2.scales: element 0: the word"));
}

// A ReLU would hide them: it turns what is no number into 0.
TEST_F(StateLimits, WeightsThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    save("fp32");
    replace<float>("fc1.weight", 5, bad);
    const std::string text = file_ + ": tensor fc1.weight: element 5: expected a finite number, got ";
    EXPECT_THAT(error_of([&] { trainer("fp32")->resume(file_); }), StartsWith(text));
    for (const char* recipe : {"fp32", "int8", "lwq", "niti", "int8_adam"}) {
      EXPECT_THAT(error_of([&] { trainer(recipe)->init_from(file_); }), StartsWith(text)) << recipe;
    }
  }
}

TEST_F(StateLimits, TrainingThatLeavesTheFiniteNumbersSaysWhere) {
  hyper_.learning_rate.base = 1e30;
  hyper_.learning_rate.schedule = LearningRateSchedule::kConstant;
  const auto diverging = trainer("fp32");
  EXPECT_THAT(error_of([&] {
                for (int epoch = 0; epoch < 9; ++epoch) diverging->run_epoch(data_, epoch, {});
              }),
              AllOf(HasSubstr("network mlp_odd: FP32 training left the finite numbers in epoch 1: "),
                    HasSubstr("a smaller learning rate")));
}

}  // namespace
}  // namespace bitloom
