#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "model/data/glyphs.hpp"
#include "model/io/checkpoint.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/npy.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/golden/cases.hpp"

namespace bitloom::testing {
namespace {

namespace fs = std::filesystem;

class IntegerTrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("bitloom_" + std::to_string(::getpid()) + "_" +
                                          ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder);
    const std::string source = std::getenv("BITLOOM_SOURCE_DIR");
    network = read_network(source + "/traces/networks/mlp_odd.json");
    hyper = read_hyper(source + "/traces/hyper/default.json");
    data = generate_flat(400, 61, 10, 5);
    options.batch = 19;
    options.epochs = 3;
    options.seed = 7;
  }
  void TearDown() override { fs::remove_all(folder); }

  Recipe recipe(int bits = 8, ScaleRule rule = ScaleRule::kHindsight) const {
    Recipe result = make_recipe(bits, rule);
    result.name = "int" + std::to_string(bits);
    return result;
  }
  std::unique_ptr<Trainer> trainer(const Recipe& of) const { return make_integer_trainer(network, of, hyper, options); }
  std::string file(const std::string& name) const { return (folder / name).string(); }

  /// Returns the checkpoint's tensors after `epochs` epochs.
  std::map<std::string, NpyArray> tensors_of(Trainer& of, const std::string& name) const {
    of.save(file(name));
    return read_checkpoint(file(name)).tensors;
  }
  void expect_same(const std::map<std::string, NpyArray>& a, const std::map<std::string, NpyArray>& b) const {
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [name, array] : a) EXPECT_EQ(array.bytes, b.at(name).bytes) << name;
  }
  /// Makes random images for conv_small.
  static Dataset conv_images(int count) {
    std::mt19937_64 random(21);
    Dataset images;
    images.name = "random";
    images.rows = 9;
    images.cols = 7;
    images.channels = 2;
    images.classes = 5;
    for (int i = 0; i < count * images.pixels(); ++i)
      images.images.push_back(static_cast<std::uint8_t>(random() >> 40));
    for (int i = 0; i < count; ++i) images.labels.push_back(static_cast<std::uint8_t>((random() >> 40) % 5));
    return images;
  }
  std::string error_of(const std::function<void()>& action) const {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path folder;
  Network network;
  Hyper hyper;
  Dataset data;
  TrainOptions options;
};

TEST_F(IntegerTrainerTest, ResumeContinuesWithTheSameBits) {
  for (const int bits : {8, 4}) {
    const auto whole = trainer(recipe(bits));
    for (int epoch = 0; epoch < 3; ++epoch) whole->run_epoch(data, epoch, {});
    const auto first = trainer(recipe(bits));
    first->run_epoch(data, 0, {});
    first->save(file("first"));
    const auto second = trainer(recipe(bits));
    second->resume(file("first"));
    EXPECT_EQ(second->epochs_done(), 1);
    EXPECT_DOUBLE_EQ(second->evaluate(data).loss, first->evaluate(data).loss);
    for (int epoch = 1; epoch < 3; ++epoch) second->run_epoch(data, epoch, {});
    expect_same(tensors_of(*whole, "a"), tensors_of(*second, "b"));
  }
}

// Every method's state, norms included, survives a checkpoint.
TEST_F(IntegerTrainerTest, EveryMethodResumesAConvolutionalNetwork) {
  const std::string source = std::getenv("BITLOOM_SOURCE_DIR");
  network = read_network(source + "/traces/networks/conv_small.json");
  data = conv_images(70);
  options.batch = 7;
  for (const std::string name : {"int8_hindsight", "luq_hindsight", "fqt1_adam", "maqd", "lwq", "lwq_master24",
                                 "lwq_accumulate", "lwq_adam", "niti"}) {
    SCOPED_TRACE(name);
    options.batch = name == "lwq_accumulate" ? 8 : 7;
    const Recipe of = read_recipe(source + "/traces/recipes/" + name + ".json");
    const auto whole = trainer(of);
    for (int epoch = 0; epoch < 2; ++epoch) whole->run_epoch(data, epoch, {});
    const auto first = trainer(of);
    first->run_epoch(data, 0, {});
    first->save(file("first"));
    const auto second = trainer(of);
    second->resume(file("first"));
    EXPECT_DOUBLE_EQ(second->evaluate(data).loss, first->evaluate(data).loss);
    second->run_epoch(data, 1, {});
    expect_same(tensors_of(*whole, "a"), tensors_of(*second, "b"));
  }
}

// A step's batch in parts: random words count parts, a whole epoch is as long as before (N26.5).
TEST_F(IntegerTrainerTest, MicroBatches) {
  Recipe of = recipe(8, ScaleRule::kExact);
  of.update.micro_batches = 4;
  options.batch = 20;
  const auto parts = trainer(of);
  const EpochResult result = parts->run_epoch(data, 0, {});
  EXPECT_EQ(result.steps, 20);
  EXPECT_EQ(result.samples, 400);
  parts->save(file("parts"));
  EXPECT_EQ(read_checkpoint(file("parts")).step, 80);
  const auto whole = trainer(recipe(8, ScaleRule::kExact));
  const EpochResult at_once = whole->run_epoch(data, 0, {});
  EXPECT_NEAR(result.loss, at_once.loss, 0.03 * at_once.loss);
  options.batch = 18;
  EXPECT_EQ(
      error_of([&] { trainer(of); }),
      "recipe int8: update.accumulate.micro_batches: 4 parts do not divide a batch of 18 (--batch, or \"batch\" of the "
      "network or of the hyper-parameters)");
}

// --init passes weights, norms and running values from recipe to recipe and from FP32.
TEST_F(IntegerTrainerTest, TakesNormsFromOtherRecipes) {
  const std::string source = std::getenv("BITLOOM_SOURCE_DIR");
  network = read_network(source + "/traces/networks/conv_small.json");
  data = conv_images(70);
  options.batch = 7;
  const Recipe int8 = read_recipe(source + "/traces/recipes/int8.json");
  const auto from = trainer(int8);
  for (int epoch = 0; epoch < 3; ++epoch) from->run_epoch(data, epoch, {});
  from->save(file("int8"));
  for (const std::string name : {"int8_nearest", "lwq", "psq", "niti"}) {
    const auto to = trainer(read_recipe(source + "/traces/recipes/" + name + ".json"));
    to->init_from(file("int8"));
    EXPECT_EQ(to->epochs_done(), 0);
    EXPECT_NEAR(to->evaluate(data).loss, from->evaluate(data).loss, name == "niti" ? 0.4 : 0.05) << name;
  }
  const auto fp32 = make_fp32_trainer(network, hyper, options);
  for (int epoch = 0; epoch < 3; ++epoch) fp32->run_epoch(data, epoch, {});
  fp32->save(file("fp32"));
  const auto to = trainer(int8);
  to->init_from(file("fp32"));
  EXPECT_NEAR(to->evaluate(data).loss, fp32->evaluate(data).loss, 0.05);
}

TEST_F(IntegerTrainerTest, ThreadsChangeNoBit) {
  const auto one = trainer(recipe());
  options.threads = 2;
  const auto two = trainer(recipe());
  const EpochResult a = one->run_epoch(data, 0, {});
  const EpochResult b = two->run_epoch(data, 0, {});
  EXPECT_DOUBLE_EQ(a.loss, b.loss);
  EXPECT_EQ(a.saturated, b.saturated);
  expect_same(tensors_of(*one, "a"), tensors_of(*two, "b"));
}

TEST_F(IntegerTrainerTest, Learns) {
  for (const ScaleRule rule : {ScaleRule::kExact, ScaleRule::kHindsight}) {
    const auto of = trainer(recipe(8, rule));
    const Evaluation before = of->evaluate(data);
    EXPECT_NEAR(before.loss, std::log(10.0), 0.4);
    EpochResult result;
    for (int epoch = 0; epoch < 3; ++epoch) result = of->run_epoch(data, epoch, {});
    EXPECT_EQ(result.steps, 21);
    EXPECT_EQ(result.samples, 21 * 19);
    EXPECT_TRUE(result.complete);
    const Evaluation after = of->evaluate(data);
    EXPECT_LT(after.loss, 0.9 * before.loss);
    EXPECT_GT(after.accuracy, before.accuracy);
    EXPECT_EQ(after.samples, 400);
    EXPECT_EQ(of->epochs_done(), 3);
  }
}

TEST_F(IntegerTrainerTest, TakesWeightsFromAnFp32Checkpoint) {
  const auto fp32 = make_fp32_trainer(network, hyper, options);
  for (int epoch = 0; epoch < 3; ++epoch) fp32->run_epoch(data, epoch, {});
  fp32->save(file("fp32"));
  const auto of = trainer(recipe());
  of->init_from(file("fp32"));
  EXPECT_EQ(of->epochs_done(), 0);
  EXPECT_NEAR(of->evaluate(data).loss, fp32->evaluate(data).loss, 0.05);
  of->save(file("int8"));
  const auto back = make_fp32_trainer(network, hyper, options);
  back->init_from(file("int8"));
  EXPECT_NEAR(back->evaluate(data).loss, fp32->evaluate(data).loss, 1e-4);
}

TEST_F(IntegerTrainerTest, ForeignAndDamagedCheckpointsAreErrors) {
  const auto of = trainer(recipe());
  of->run_epoch(data, 0, {});
  of->save(file("good"));
  const auto before = tensors_of(*of, "before");
  const auto other_bits = trainer(recipe(4));
  const auto another = [&](const std::string& what, const std::string& there, const std::string& here) {
    return file("good") + ": --resume: " + what + ": expected the content of " + there +
           " when the checkpoint was written, got " + here + ", whose content is another";
  };
  EXPECT_EQ(error_of([&] { other_bits->resume(file("good")); }), another("recipe", "int8", "int4"));
  Recipe other_formats = recipe();
  other_formats.update.master_frac_bits = 20;
  EXPECT_EQ(error_of([&] { trainer(other_formats)->resume(file("good")); }), another("recipe", "int8", "int8"));
  Network other_network = network;
  other_network.nodes[1].op = Op::kFlatten;  // was a ReLU
  EXPECT_EQ(error_of([&] { make_fp32_trainer(other_network, hyper, options)->resume(file("good")); }),
            another("network", "mlp_odd", "mlp_odd"));
  make_fp32_trainer(network, hyper, options)->save(file("fp32"));
  EXPECT_NE(error_of([&] { of->resume(file("fp32")); }).find("recipe: expected the content of fp32"),
            std::string::npos);
  fs::resize_file(folder / "good", fs::file_size(folder / "good") / 2);
  EXPECT_NE(error_of([&] { of->resume(file("good")); }).find(file("good")), std::string::npos);
  EXPECT_NE(error_of([&] { of->resume(file("absent")); }).find(file("absent")), std::string::npos);
  std::ofstream(file("text")) << "not a checkpoint";
  EXPECT_NE(error_of([&] { of->resume(file("text")); }).find(file("text")), std::string::npos);
  expect_same(before, tensors_of(*of, "after"));  // a failed resume changes nothing
}

TEST_F(IntegerTrainerTest, InterruptEndsAnEpochEarly) {
  const auto of = trainer(recipe());
  const EpochResult result = of->run_epoch(data, 0, [](const EpochResult& so_far, std::int64_t steps) {
    EXPECT_EQ(steps, 21);
    if (so_far.steps == 4) set_interrupted(true);
  });
  set_interrupted(false);
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.steps, 4);
  EXPECT_EQ(of->epochs_done(), 0);
}

TEST_F(IntegerTrainerTest, DumpHoldsTheStateAndTheNextStep) {
  const auto of = trainer(recipe(4));
  of->run_epoch(data, 0, {});
  of->dump(folder.string());
  const NpyArray master = read_npy(file("fc1.master.npy"));
  EXPECT_EQ(master.shape, (std::vector<std::int64_t>{61, 37}));
  EXPECT_EQ(master.type, NpyType::kInt32);
  EXPECT_EQ(read_npy(file("fc2.weight.npy")).shape, (std::vector<std::int64_t>{23, 37}));
  const NpyArray x = read_npy(file("step/fc2.x.npy"));
  EXPECT_EQ(x.type, NpyType::kInt8);
  EXPECT_EQ(x.shape, (std::vector<std::int64_t>{19, 37}));
  EXPECT_EQ(read_npy(file("step/fc3.momentum.npy")).type, NpyType::kInt16);
  EXPECT_EQ(read_npy(file("step/fc1.dw.npy")).type, NpyType::kInt32);
  EXPECT_TRUE(fs::exists(file("step/scalars.json")));
}

TEST_F(IntegerTrainerTest, DataThatDoesNotFitIsAnError) {
  const auto of = trainer(recipe());
  EXPECT_THROW(of->run_epoch(generate_flat(40, 60, 10, 5), 0, {}), Error);
  EXPECT_THROW(of->run_epoch(generate_flat(18, 61, 10, 5), 0, {}), Error);
  Recipe fp32;
  fp32.fp32 = true;
  EXPECT_THROW(trainer(fp32), Error);
}

// Of one image with each of the ten labels in turn, one is right.
TEST_F(IntegerTrainerTest, EvaluatesASingleImage) {
  const auto of = trainer(recipe());
  of->run_epoch(data, 0, {});
  Dataset one = generate_flat(1, 61, 10, 6);
  double right = 0;
  for (std::uint8_t label = 0; label < 10; ++label) {
    one.labels = {label};
    right += of->evaluate(one).accuracy;
  }
  EXPECT_EQ(right, 1.0);
}

}  // namespace
}  // namespace bitloom::testing
