// The database of results: what is put is found again, whole or not at all; files of another kind, of a newer program
// and of an older one.
#include "sim/results/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "model/io/interrupt.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using ::testing::HasSubstr;

RunRecord some_record() {
  RunRecord record;
  record.config_hash = "c0ffee";
  record.status = RunStatus::kDone;
  record.error = "none, 'quoted' \"twice\"";
  record.network = "mlp";
  record.recipe = "int8";
  record.data = "folder";
  record.seed = 3;
  record.batch = 128;
  record.epochs = 5;
  record.program = "bitloom 1";
  record.epochs_done = 4;
  record.test_accuracy = 0.8125;
  record.train_loss = 1.0 / 3.0;
  record.saturated_values = std::int64_t{1} << 40;
  return record;
}

void expect_equal(const RunRecord& a, const RunRecord& b) {
  EXPECT_EQ(a.config_hash, b.config_hash);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.error, b.error);
  EXPECT_EQ(a.network, b.network);
  EXPECT_EQ(a.recipe, b.recipe);
  EXPECT_EQ(a.data, b.data);
  EXPECT_EQ(a.seed, b.seed);
  EXPECT_EQ(a.batch, b.batch);
  EXPECT_EQ(a.epochs, b.epochs);
  EXPECT_EQ(a.program, b.program);
  EXPECT_EQ(a.epochs_done, b.epochs_done);
  EXPECT_EQ(a.test_accuracy, b.test_accuracy);
  EXPECT_EQ(a.test_loss, b.test_loss);
  EXPECT_EQ(a.train_loss, b.train_loss);
  EXPECT_EQ(a.train_seconds, b.train_seconds);
  EXPECT_EQ(a.saturated_values, b.saturated_values);
  EXPECT_EQ(a.train_accuracy, b.train_accuracy);
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// A database that SQLite alone makes.
void make_database(const std::string& file, const std::string& statements) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle, statements.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

class ResultsTest : public ::testing::Test {
 protected:
  test::TemporaryFolder folder_;
  const std::string file_ = folder_ / "results.db";
};

TEST_F(ResultsTest, WhatIsPutIsFoundAgainByAnotherProcess) {
  const RunRecord record = some_record();
  const std::string bytes("\0bytes\xff\0", 8);
  {
    Results results(file_);
    EXPECT_FALSE(results.find(record.config_hash));
    EXPECT_FALSE(results.has_checkpoint(record.config_hash));
    results.put(record, bytes);
  }
  Results results(file_);
  expect_equal(results.find(record.config_hash).value(), record);
  EXPECT_EQ(results.checkpoint(record.config_hash), bytes);
  EXPECT_FALSE(results.find("c0ffe"));
}

TEST_F(ResultsTest, ALaterPutReplacesTheRowAndItsEmptyColumns) {
  Results results(file_);
  RunRecord record = some_record();
  results.put(record, "first");
  record.status = RunStatus::kFailed;
  record.test_accuracy.reset();
  record.train_accuracy = 0.5;
  results.put(record);
  expect_equal(results.find(record.config_hash).value(), record);
  EXPECT_EQ(results.checkpoint(record.config_hash), "first") << "put() without a checkpoint keeps the last one";
}

TEST_F(ResultsTest, OnlyTheWordsOfTheTableSayThatARunHasEnded) {
  for (const auto& [word, status] :
       {std::pair{"done", RunStatus::kDone}, std::pair{"failed", RunStatus::kFailed},
        std::pair{"running", RunStatus::kRunning}, std::pair{"Done", RunStatus::kRunning}}) {
    Results(file_).put(some_record());
    make_database(file_, std::string("UPDATE runs SET status = '") + word + "'");
    EXPECT_EQ(Results(file_).find("c0ffee").value().status, status) << word;
  }
}

TEST_F(ResultsTest, ARunThatIsDoneKeepsItsCheckpointOnlyForOthers) {
  Results results(file_);
  for (const bool kept : {true, false}) {
    results.put(some_record(), "state");
    results.finish(some_record(), kept);
    EXPECT_EQ(results.has_checkpoint("c0ffee"), kept);
  }
}

TEST_F(ResultsTest, WithoutAFileNothingIsLeft) {
  Results results("");
  results.put(some_record(), "state");
  expect_equal(results.find("c0ffee").value(), some_record());
  EXPECT_FALSE(Results("").find("c0ffee"));
}

TEST_F(ResultsTest, NamesThatSqliteReadsOtherwiseAreFiles) {
  const std::string here = std::filesystem::current_path().string();
  std::filesystem::current_path(folder_.path());
  Results(":memory:").put(some_record());
  Results("file:x?mode=memory").put(some_record());
  std::filesystem::current_path(here);
  EXPECT_TRUE(Results(folder_ / ":memory:").find("c0ffee"));
  EXPECT_TRUE(Results(folder_ / "file:x?mode=memory").find("c0ffee"));
}

TEST_F(ResultsTest, AProcessThatDiesInAChangeLeavesTheOldRow) {
  Results(file_).put(some_record(), "old");
  const pid_t child = fork();
  if (child == 0) {
    Database database(file_);
    Transaction transaction(database);
    database.query("UPDATE runs SET network = 'half'");
    database.query("PRAGMA cache_size = 0");
    database.query("DELETE FROM checkpoints");
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  Results results(file_);
  expect_equal(results.find("c0ffee").value(), some_record());
  EXPECT_EQ(results.checkpoint("c0ffee"), "old");
}

TEST_F(ResultsTest, AnOlderDatabaseGetsTheColumnsThatCameSince) {
  make_database(
      file_,
      "CREATE TABLE runs (config_hash TEXT PRIMARY KEY NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL, "
      "network TEXT NOT NULL, recipe TEXT NOT NULL, data TEXT NOT NULL, seed INTEGER NOT NULL, batch INTEGER "
      "NOT NULL, epochs INTEGER NOT NULL, program TEXT NOT NULL, epochs_done INTEGER NOT NULL, "
      "test_accuracy REAL, test_loss REAL, train_loss REAL, train_seconds REAL, saturated_values INTEGER);"
      "CREATE TABLE checkpoints (config_hash TEXT PRIMARY KEY NOT NULL, bytes BLOB NOT NULL);"
      "INSERT INTO runs VALUES ('c0ffee', 'done', '', 'mlp', 'int8', 'd', 1, 128, 6, 'p', 5, 0.75, 0.5, 0.25, "
      "1.5, 7);"
      "PRAGMA application_id = 0x42744c6d; PRAGMA user_version = 1;");
  for (int opened = 0; opened < 2; ++opened) {
    const RunRecord record = Results(file_).find("c0ffee").value();
    EXPECT_EQ(record.status, RunStatus::kDone);
    EXPECT_EQ(record.error + "|" + record.network + "|" + record.recipe + "|" + record.data + "|" + record.program,
              "|mlp|int8|d|p");
    EXPECT_EQ(record.seed, 1);
    EXPECT_EQ(record.batch, 128);
    EXPECT_EQ(record.epochs, 6);
    EXPECT_EQ(record.epochs_done, 5);
    EXPECT_EQ(record.test_accuracy, 0.75);
    EXPECT_EQ(record.test_loss, 0.5);
    EXPECT_EQ(record.train_loss, 0.25);
    EXPECT_EQ(record.train_seconds, 1.5);
    EXPECT_EQ(record.saturated_values, 7);
    EXPECT_EQ(record.train_accuracy, std::nullopt);
  }
  Database database(file_);
  EXPECT_EQ(database.integer("PRAGMA user_version"), 2);
}

TEST_F(ResultsTest, ANewerDatabaseIsRefused) {
  Results(file_).put(some_record());
  make_database(file_, "ALTER TABLE runs ADD COLUMN new REAL; PRAGMA user_version = 99;");
  const std::string before = text_of(file_);
  const std::string error = test::error_of([&] { Results results(file_); });
  EXPECT_THAT(error, HasSubstr(file_ + ": "));
  EXPECT_THAT(error, HasSubstr("version 99"));
  EXPECT_THAT(error, HasSubstr("up to 2; take the program that wrote it or give --db another name"));
  EXPECT_EQ(text_of(file_), before);
}

TEST_F(ResultsTest, OtherFilesAreRefusedAndStayAsTheyAre) {
  make_database(file_, "CREATE TABLE diary (day TEXT);");
  const std::string before = text_of(file_);
  EXPECT_THAT(test::error_of([&] { Results results(file_); }), HasSubstr("got another one; give --db another name"));
  EXPECT_EQ(text_of(file_), before);
  const std::string letter = folder_ / "letter";
  test::write_bytes(letter, std::string(2000, 'x'));
  EXPECT_THAT(test::error_of([&] { Results results(letter); }),
              HasSubstr(letter + ": expected a database of results, got another file"));
  EXPECT_EQ(text_of(letter), std::string(2000, 'x'));
  EXPECT_THAT(test::error_of([&] { Results results(folder_ / "no/such/folder"); }), HasSubstr("give --db a file in"));
}

TEST_F(ResultsTest, AnInterruptEndsTheWaitForAnotherProcess) {
  Results results(file_);
  Database other(file_);
  const Transaction writing(other);
  set_interrupted(true);
  EXPECT_THROW(results.put(some_record()), Interrupted);
  set_interrupted(false);
}

TEST_F(ResultsTest, AValueOfAnotherTypeIsNamed) {
  Results(file_).put(some_record());
  make_database(file_, "UPDATE runs SET test_accuracy = 'much'");
  EXPECT_THAT(test::error_of([&] { Results(file_).find("c0ffee"); }), HasSubstr("column test_accuracy of run c0ffee"));
}

}  // namespace
}  // namespace bitloom
