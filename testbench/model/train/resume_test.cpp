// What a run that goes on may differ in from the run that it resumes, for FP32 and integer training alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "model/data/glyphs.hpp"
#include "model/io/content_hash.hpp"
#include "model/io/error.hpp"
#include "model/train/content.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum ResumeDifference;

std::string trace(const std::string& name) {
  return std::string(std::getenv("BITLOOM_SOURCE_DIR")) + "/traces/" + name;
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class Resume : public ::testing::TestWithParam<const char*> {
 protected:
  Resume() {
    options_.batch = 19;
    options_.epochs = 2;
    recipe_ = read_recipe(trace("recipes/" + std::string(GetParam()) + ".json"));
    const auto first = trainer();
    first->run_epoch(data_, 0, {});
    first->save(checkpoint_);
  }

  std::unique_ptr<Trainer> trainer() const {
    return recipe_.fp32 ? make_fp32_trainer(network_, hyper_, options_, recipe_.normalization)
                        : make_integer_trainer(network_, recipe_, hyper_, options_);
  }

  /// Expects a refusal without the word, and with it acceptance and a sentence.
  void expect_allowed_by(ResumeDifference difference, const std::string& sentence) const {
    EXPECT_THAT(refusal([&] { trainer()->resume(checkpoint_); }),
                AllOf(HasSubstr(checkpoint_ + ": --resume: "), HasSubstr(sentence),
                      HasSubstr(std::string("--resume-with ") + difference_name(difference))));
    const auto resumed = trainer();
    EXPECT_THAT(resumed->resume(checkpoint_, {difference}), ElementsAre(HasSubstr(sentence)));
    EXPECT_EQ(resumed->epochs_done(), 1);
  }

  void change(const std::function<void(Checkpoint&)>& edit) const {
    Checkpoint checkpoint = read_checkpoint(checkpoint_);
    edit(checkpoint);
    write_checkpoint(checkpoint_, checkpoint);
  }

  test::TemporaryFolder folder_;
  std::string checkpoint_ = folder_ / "state.npz";
  Network network_ = read_network(trace("networks/mlp_odd.json"));
  Hyper hyper_ = read_hyper(trace("hyper/default.json"));
  Recipe recipe_;
  TrainOptions options_;
  Dataset data_ = generate_flat(100, 61, 10, 5);
};

TEST_P(Resume, NamesDoNotCount) {
  network_.name = "renamed";
  network_.batch = 64;
  recipe_.name = "renamed";
  hyper_.epochs = 77;
  const auto resumed = trainer();
  EXPECT_THAT(resumed->resume(checkpoint_), IsEmpty());
  EXPECT_THAT(resumed->use_images(data_), IsEmpty());
}

TEST_P(Resume, AnotherNetworkIsNeverTaken) {
  network_.nodes[1].op = Op::kFlatten;  // was a ReLU
  EXPECT_THAT(refusal([&] {
                trainer()->resume(checkpoint_, {kEpochs, kHyper, kData, kNumerics, kUnknown});
              }),
              HasSubstr("network: expected the content of mlp_odd when the checkpoint was written, got mlp_odd"));
}

TEST_P(Resume, AnotherRecipeIsNeverTaken) {
  recipe_.normalization = Normalization::kLayerBatch;
  EXPECT_THAT(refusal([&] {
                trainer()->resume(checkpoint_, {kEpochs, kHyper, kData, kNumerics, kUnknown});
              }),
              HasSubstr("recipe: expected the content of "));
}

TEST_P(Resume, OtherHyperParameters) {
  hyper_.momentum = 0.5;
  expect_allowed_by(kHyper, "hyper-parameters differ");
}

TEST_P(Resume, AnotherLength) {
  options_.epochs = 5;
  expect_allowed_by(kEpochs, "of 5 epochs, in the run that is resumed it was that of 2");
}

// A learning rate that does not know the run's end is the same in a longer run.
TEST_P(Resume, AnotherLengthWithoutEffect) {
  hyper_.learning_rate.schedule = LearningRateSchedule::kConstant;
  const auto first = trainer();
  first->run_epoch(data_, 0, {});
  first->save(checkpoint_);
  options_.epochs = 5;
  EXPECT_THAT(trainer()->resume(checkpoint_), IsEmpty());
}

TEST_P(Resume, OtherNumerics) {
  change([](Checkpoint& checkpoint) { ++checkpoint.content->numerics; });
  expect_allowed_by(kNumerics, "version");
}

TEST_P(Resume, ACheckpointThatDoesNotSay) {
  change([](Checkpoint& checkpoint) { checkpoint.content.reset(); });
  expect_allowed_by(kUnknown, "does not say");
}

TEST_P(Resume, OtherImages) {
  data_.images[17] ^= 1U;
  const auto refused = trainer();
  EXPECT_THAT(refused->resume(checkpoint_), IsEmpty());
  EXPECT_THAT(refusal([&] { refused->run_epoch(data_, 1, {}); }),
              AllOf(HasSubstr("images are not those of the run that is resumed"), HasSubstr("--resume-with data")));
  const auto allowed = trainer();
  EXPECT_THAT(allowed->resume(checkpoint_, {kData}), IsEmpty());
  EXPECT_THAT(allowed->use_images(data_), ElementsAre(HasSubstr("images are not those")));
  allowed->save(checkpoint_);
  EXPECT_EQ(read_checkpoint(checkpoint_).content->data, content_hash(data_));
}

TEST_P(Resume, SeveralDifferencesAreNamedTogether) {
  hyper_.momentum = 0.5;
  change([](Checkpoint& checkpoint) { ++checkpoint.content->numerics; });
  EXPECT_THAT(
      refusal([&] { trainer()->resume(checkpoint_); }),
      AllOf(HasSubstr("--resume-with hyper,numerics"), testing::ContainsRegex("--resume: [^;].*; .*; to go on")));
  EXPECT_THAT(refusal([&] { trainer()->resume(checkpoint_, {kHyper}); }), HasSubstr("--resume-with numerics"));
}

INSTANTIATE_TEST_SUITE_P(Recipes, Resume, ::testing::Values("fp32", "int8"),
                         [](const auto& chosen) { return std::string(chosen.param); });

// The standard's own example, so that a hash can be compared with other tools'.
TEST(ContentHash, OfAFileIsItsSha256) {
  test::TemporaryFolder folder;
  test::write_bytes(folder / "abc", "abc");
  EXPECT_EQ(file_hash(folder / "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ContentHash, PiecesDoNotRunTogether) {
  EXPECT_NE(ContentHash().add_text("ab").add_text("c").hex(), ContentHash().add_text("a").add_text("bc").hex());
}

// A run is found again by all that makes its result and by nothing else.
TEST(ContentHash, OfARunChangesWithEachOfItsParts) {
  std::vector<RunConfiguration> runs{{"n", "r", "h", "w", "train", "test", "i", 3, 4, 5}};
  const auto change = [&](auto RunConfiguration::*part, const auto& value) {
    RunConfiguration& other = runs.emplace_back(runs.front());
    EXPECT_NE(other.*part, value);
    other.*part = value;
  };
  for (const auto part :
       {&RunConfiguration::network, &RunConfiguration::recipe, &RunConfiguration::hyper, &RunConfiguration::hardware,
        &RunConfiguration::train_data, &RunConfiguration::test_data, &RunConfiguration::init}) {
    change(part, "other");
  }
  change(&RunConfiguration::seed, 6U);
  change(&RunConfiguration::batch, 6);
  change(&RunConfiguration::epochs, 6);
  RunConfiguration& swapped = runs.emplace_back(runs.front());
  std::swap(swapped.train_data, swapped.test_data);
  [[maybe_unused]] const auto& [n, r, h, w, train, test, i, seed, batch, epochs] =
      runs.front();  // each of these is above
  std::set<std::string> hashes;
  for (const RunConfiguration& run : runs) hashes.insert(config_hash(run));
  EXPECT_EQ(hashes.size(), runs.size());
}

// Every recipe of traces/ is another content, and so is every network.
TEST(ContentHash, TellsTheNamedFilesApart) {
  std::map<std::string, std::string> seen;
  for (const char* kind : {"recipes", "networks"}) {
    for (const auto& entry : std::filesystem::directory_iterator(trace(kind))) {
      const std::string file = entry.path().string();
      const std::string hash =
          kind == std::string("recipes") ? content_hash(read_recipe(file)) : content_hash(read_network(file));
      const auto [other, is_new] = seen.emplace(hash, file);
      EXPECT_TRUE(is_new) << file << " and " << other->second;
    }
  }
}

}  // namespace
}  // namespace bitloom
