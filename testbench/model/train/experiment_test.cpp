// Experiment files: limits of their numbers and what they mean where they say nothing.
#include "model/train/experiment.hpp"

#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

Experiment read(const std::string& fields) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "e.json", "{\"name\": \"e\", " + fields +
                                           R"(, "rows": [{"name": "a", "network": "mlp", "recipe": "int8"}]})");
  return read_experiment(folder / "e.json");
}

TEST(ExperimentFile, HasFromOneTo1000Seeds) {
  EXPECT_EQ(read("\"seeds\": 1").rows.at(0).seeds, 1);
  EXPECT_EQ(read("\"seeds\": 1000").rows.at(0).seeds, 1000);
  for (const char* wrong : {"0", "1001"}) {
    EXPECT_THAT(error_of([&] { read(std::string("\"seeds\": ") + wrong); }),
                HasSubstr(std::string("seeds: expected an integer from 1 to 1000, got ") + wrong));
  }
}

TEST(ExperimentFile, TakesAllSamplesWhereItSaysNothing) {
  EXPECT_EQ(read("\"seeds\": 1").train_limit, 0);
  EXPECT_EQ(read("\"seeds\": 1, \"train_limit\": 100000000").train_limit, 100000000);
}

}  // namespace
}  // namespace bitloom
