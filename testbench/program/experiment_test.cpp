// `bitloom experiment` from outside: results are found by content and by nothing else, a run that is killed goes on to
// the same table, and finished runs are kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "testbench/program/idx_files.hpp"
#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Arguments = std::vector<std::string>;

/// Images whose brightness follows their label, with some noise, as CIFAR-10's records of label, red, green and blue
/// planes.
std::string cifar_images(int count, unsigned state) {
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

/// Replaces every place of `from`, of which there must be one.
std::string edited(std::string text, const std::string& from, const std::string& to) {
  EXPECT_NE(text.find(from), std::string::npos) << from;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

class Experiments : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(data_);
    write_idx_folder(data_, 256, 100);
    write_text(recipe_, read_text(source_trace("recipes/int8.json")));
    write_text(hyper_, read_text(source_trace("hyper/default.json")));
    write_text(experiment_, one_row("row", "1"));
  }

  std::string one_row(const std::string& name, const std::string& seeds) const {
    return R"({"name": "e", "seeds": )" + seeds + R"(, "rows": [{"name": ")" + name +
           R"(", "network": "mlp", "recipe": ")" + recipe_ + R"(", "hyper": ")" + hyper_ + R"(", "epochs": 1}]})";
  }

  /// The results of the experiment file with the images in `data`, remembered in the database.
  nlohmann::json results(const Arguments& more, const std::string& data) const {
    Arguments all{"experiment", experiment_, "--data", data, "--db", db_, "--json", json_, "-q"};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = run_program(all);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return read_json(json_);
  }
  nlohmann::json results(const Arguments& more = {}) const { return results(more, data_); }
  nlohmann::json first_run(const Arguments& more = {}) const { return results(more)["rows"][0]["runs"][0]; }
  nlohmann::json first_run_on(const std::string& data) const { return results({}, data)["rows"][0]["runs"][0]; }

  /// What a fresh process without a database finds for the files as they are.
  double truth(const std::string& data) const {
    const Outcome outcome = run_program({"experiment", experiment_, "--data", data, "--json", json_, "-q"});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return read_json(json_)["rows"][0]["runs"][0]["test_accuracy"];
  }

  ScratchFolder folder_;
  const std::string data_ = folder_ / "data", recipe_ = folder_ / "recipe.json", hyper_ = folder_ / "hyper.json",
                    experiment_ = folder_ / "e.json", db_ = folder_ / "results.db", json_ = folder_ / "out.json";
};

TEST_F(Experiments, RememberWhatHasTheSameContentUnderOtherNames) {
  const nlohmann::json first = first_run();
  EXPECT_EQ(first["remembered"], false);
  EXPECT_EQ(first["status"], "done");
  EXPECT_EQ(first["test_accuracy"].get<double>(), truth(data_));
  nlohmann::json again = first_run();
  EXPECT_EQ(again["remembered"], true);
  again["remembered"] = false;
  EXPECT_EQ(again, first);

  const std::string renamed = folder_ / "elsewhere.json", moved = folder_ / "moved";
  std::filesystem::rename(recipe_, renamed);
  std::filesystem::rename(data_, moved);
  write_text(experiment_, edited(edited(one_row("other", "1"), recipe_, renamed), "\"e\"", "\"another\""));
  EXPECT_EQ(first_run_on(moved)["remembered"], true);
}

TEST_F(Experiments, TrainAgainWhereTheRecipeWasEdited) {
  const nlohmann::json first = first_run();
  write_text(recipe_, edited(read_text(recipe_), "\"default\": 8", "\"default\": 4"));
  const nlohmann::json second = first_run();
  EXPECT_EQ(second["remembered"], false);
  EXPECT_NE(second["config_hash"], first["config_hash"]);
  EXPECT_EQ(second["test_accuracy"].get<double>(), truth(data_));
}

TEST_F(Experiments, TrainAgainWithOtherData) {
  const nlohmann::json first = first_run();
  const std::string other = folder_ / "other";
  std::filesystem::create_directory(other);
  write_idx_folder(other, 256, 100);
  std::string labels = idx_labels(256);
  std::swap(labels[8], labels[9]);  // of training images
  write_text(other + "/train-labels-idx1-ubyte", labels);
  EXPECT_EQ(first_run_on(other)["remembered"], false);
  write_idx_folder(other, 256, 99);  // only the images that judge
  const nlohmann::json judged = first_run_on(other);
  EXPECT_EQ(judged["remembered"], false);
  EXPECT_EQ(judged["test_accuracy"].get<double>(), truth(other));
  EXPECT_EQ(first_run()["remembered"], true) << "the first data's result is still there";
}

TEST_F(Experiments, TrainAgainWithOtherHyperParametersEpochsImagesSeedsBatchesAndNetworks) {
  first_run();
  EXPECT_EQ(first_run({"--epochs", "2"})["remembered"], false);
  EXPECT_EQ(first_run({"--train-limit", "128"})["remembered"], false);
  EXPECT_EQ(first_run({"--hold-out", "128"})["remembered"], false);
  const nlohmann::json seeds = results({"--seeds", "2"})["rows"][0]["runs"];
  EXPECT_EQ(seeds[0]["remembered"], true);
  EXPECT_EQ(seeds[1]["remembered"], false);
  EXPECT_NE(seeds[0]["config_hash"], seeds[1]["config_hash"]);
  write_text(hyper_, edited(read_text(hyper_), "\"momentum\": 0.9", "\"momentum\": 0.8"));
  EXPECT_EQ(first_run()["remembered"], false);
  write_text(experiment_, edited(one_row("row", "1"), "\"epochs\": 1", "\"epochs\": 1, \"batch\": 64"));
  EXPECT_EQ(first_run()["remembered"], false);
  write_text(experiment_, edited(one_row("row", "1"), "\"mlp\"", "\"lenet\""));
  EXPECT_EQ(first_run()["remembered"], false);
}

TEST_F(Experiments, ARowThatStartsFromAnotherIsOfThatRowsContentToo) {
  const std::string start = edited(one_row("start", "1"), "}]}",
                                   R"(}, {"name": "next", "network": "mlp", "recipe": ")" +
                                       std::string("fp32\", \"init\": \"start\", \"epochs\": 1}]}"));
  write_text(experiment_, start);
  const nlohmann::json next = results({"--rows", "next"});
  ASSERT_EQ(next["rows"].size(), 1U) << "the row that it starts from is not printed";
  EXPECT_EQ(results()["rows"][0]["runs"][0]["remembered"], true) << "but it was trained";
  write_text(recipe_, edited(read_text(recipe_), "\"default\": 8", "\"default\": 4"));
  const nlohmann::json other = results({"--rows", "next"});
  EXPECT_EQ(other["rows"][0]["runs"][0]["remembered"], false);
  EXPECT_NE(other["rows"][0]["runs"][0]["config_hash"], next["rows"][0]["runs"][0]["config_hash"]);
}

TEST_F(Experiments, AnInterruptKeepsFinishedRuns) {
  write_text(experiment_, one_row("row", "1000"));
  const Arguments arguments{"experiment", experiment_, "--data", data_, "--db", db_, "--json", json_};
  Running running(arguments);
  while (!std::filesystem::exists(json_) && !running.ended()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  running.send(SIGINT);
  const Outcome outcome = running.finish(10);
  EXPECT_EQ(outcome.code, 130);
  EXPECT_THAT(outcome.errors, HasSubstr("the same command goes on from the last epoch kept in " + db_));
  const nlohmann::json stopped = read_json(json_);
  EXPECT_EQ(stopped["interrupted"], true);
  EXPECT_EQ(stopped["finished"], false);
  const std::size_t done = stopped["rows"][0]["runs"].size();
  ASSERT_GE(done, 1U);
  const nlohmann::json all = results({"--seeds", std::to_string(done + 1)});
  EXPECT_EQ(all["finished"], true);
  for (std::size_t run = 0; run < done; ++run) EXPECT_EQ(all["rows"][0]["runs"][run]["remembered"], true);
}

TEST_F(Experiments, ARunThatFailsLeavesTheOthersTheirFigures) {
  write_text(hyper_, edited(read_text(hyper_), "\"base\": 0.05", "\"base\": 16"));
  const std::string rows =
      edited(edited(one_row("wild", "1"), recipe_, "fp32"), "\"epochs\": 1", "\"epochs\": 1, \"batch\": 4");
  write_text(experiment_,
             edited(rows, "}]}", R"(}, {"name": "tame", "network": "mlp", "recipe": "fp32", "epochs": 1}]})"));
  const Outcome outcome = run_program({"experiment", experiment_, "--data", data_, "--db", db_});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("row wild, seed 1: "));
  EXPECT_THAT(outcome.errors, HasSubstr("left the finite numbers"));
  EXPECT_THAT(outcome.output, HasSubstr("| wild | mlp | 0 | failed |"));
  EXPECT_THAT(outcome.output, HasSubstr("| tame | mlp | 1 | "));
}

TEST_F(Experiments, RefuseBadUsageBeforeAnythingIsTrained) {
  const auto refused = [&](const Arguments& more, const std::string& text) {
    Arguments all{"experiment", experiment_, "--data", data_};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = run_program(all);
    EXPECT_EQ(outcome.code, 2) << text;
    EXPECT_THAT(outcome.errors, HasSubstr(text));
    EXPECT_THAT(outcome.output, Not(HasSubstr("| row |")));
  };
  refused({"--rows", "rwo"}, "--rows: experiment e has no row rwo; it has row; did you mean \"row\"?");
  refused({"--epochs", "none"}, "--epochs");
  refused({"--db", experiment_}, "it would overwrite an input, the experiment's file");
  refused({"--db", recipe_, "--json", recipe_}, "it would overwrite an input, the recipe's file");
  refused({"--db", json_, "--json", json_}, "writes the same file");
  for (const std::string name : {"../x", "a/b", ".x", "", "a b", "-x", "a|b"}) {
    write_text(experiment_, one_row(name, "1"));
    refused({}, "rows[0].name: expected letters, digits,");
  }
  write_text(experiment_, edited(one_row("row", "1"), "\"mlp\"", "\"mpl\""));
  refused({}, "experiment e: row row: network 'mpl'");
  EXPECT_EQ(run_program({"experiment", "--help"}).code, 0);
}

/// resnet8 by FP32, by two integer recipes and by one that starts from another row.
TEST(ExperimentOfCifar, KilledAnywhereItGoesOnToTheSameTable) {
  ScratchFolder folder;
  write_text(folder / "data_batch_1.bin", cifar_images(128, 1));
  write_text(folder / "test_batch.bin", cifar_images(40, 2));
  const Arguments whole{"experiment", "cifar_resnet8", "--data",        folder.path(), "--epochs", "2",
                        "--rows",     "fp32",          "fqt1_pretrain", "fqt1",        "lwq"};
  const Outcome uninterrupted = run_program(whole);
  ASSERT_EQ(uninterrupted.code, 0) << uninterrupted.errors;
  for (const char* row :
       {"| fp32 | resnet8 | 1 |", "| fqt1_pretrain |", "| fqt1 |", "| lwq | resnet8 | 1 |", " to fp32 |"}) {
    EXPECT_THAT(uninterrupted.output, HasSubstr(row));
  }
  Arguments with_db = whole;
  with_db.insert(with_db.end(), {"--db", folder / "results.db"});
  int kills = 0;
  Outcome last;
  for (int milliseconds = 100; last.code != 0; milliseconds += 100) {
    Running running(with_db);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    running.send(SIGKILL);
    last = running.finish();
    ASSERT_TRUE(last.code == 0 || last.code == 128 + SIGKILL) << last.errors;
    kills += last.code == 0 ? 0 : 1;
  }
  EXPECT_GE(kills, 3);
  EXPECT_EQ(last.output, uninterrupted.output);
  EXPECT_EQ(run_program(with_db).output, uninterrupted.output) << "nothing is left to train";
}

}  // namespace
}  // namespace bitloom::testing
