#include "model/network/hyper.hpp"

#include <cmath>

#include "model/network/recipe.hpp"
#include "model/network/step_config.hpp"
#include "testbench/model/perceptron.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using testing::HasSubstr;

std::string text(const std::string& rate, const std::string& input) {
  return R"({"batch": 128, "epochs": 5, "momentum": 0.9, "learning_rate": )" + rate + R"(, "input": )" + input +
         R"(, "init": "uniform_fan_in", "shuffle": "fisher_yates"})";
}

Hyper parse(const std::string& rate, const std::string& input = R"({"offset": 73, "standard_deviation": 0.353})") {
  return read_hyper(JsonObject::from_text(text(rate, input), "h.json"));
}

TEST(Hyper, SharedFile) {
  const Hyper hyper = read_hyper(test::source_file("traces/hyper/default.json"));
  EXPECT_EQ(hyper.batch, 128);
  EXPECT_EQ(hyper.epochs, 5);
  EXPECT_EQ(hyper.momentum, 0.9);
  EXPECT_EQ(hyper.input.offset, 73);
  EXPECT_EQ(hyper.input.standard_deviation, 0.353);
}

TEST(Hyper, Schedules) {
  const LearningRate constant = parse(R"({"schedule": "constant", "base": 0.25})").learning_rate;
  EXPECT_EQ(learning_rate_at(constant, 4, 5), 0.25);
  const LearningRate step = parse(R"({"schedule": "step", "base": 0.5, "every": 2, "factor": 0.5})").learning_rate;
  EXPECT_EQ(learning_rate_at(step, 0, 5), 0.5);
  EXPECT_EQ(learning_rate_at(step, 1, 5), 0.5);
  EXPECT_EQ(learning_rate_at(step, 2, 5), 0.25);
  EXPECT_EQ(learning_rate_at(step, 5, 6), 0.125);
  const LearningRate cosine = parse(R"({"schedule": "cosine", "base": 0.5})").learning_rate;
  EXPECT_EQ(learning_rate_at(cosine, 0, 4), 0.5);
  EXPECT_NEAR(learning_rate_at(cosine, 1, 4), 0.5 * 0.853553390593, 1e-12);
  EXPECT_NEAR(learning_rate_at(cosine, 2, 4), 0.25, 1e-12);
}

/// LUQ's fine-tuning phase: linear from low to base over the first half of all steps, and down again.
TEST(Hyper, TriangleGoesByStep) {
  const LearningRate rate = parse(R"({"schedule": "triangle", "base": 0.5, "low": 0.1})").learning_rate;
  const auto of_run = [&](int epochs, std::int64_t steps) {
    std::vector<double> rates;
    for (int epoch = 0; epoch < epochs; ++epoch) {
      for (std::int64_t i = 0; i < steps; ++i) rates.push_back(learning_rate_at(rate, epoch, epochs, i, steps));
    }
    return rates;
  };
  const auto near = [](std::vector<double> expected) {
    return testing::Pointwise(testing::DoubleNear(1e-12), expected);
  };
  EXPECT_THAT(of_run(1, 4), near({0.1, 0.3, 0.5, 0.3}));
  EXPECT_THAT(of_run(2, 4), near({0.1, 0.2, 0.3, 0.4, 0.5, 0.4, 0.3, 0.2}));
  EXPECT_THAT(of_run(3, 2), near({0.1, 0.1 + 0.4 / 3, 0.1 + 0.8 / 3, 0.5, 0.1 + 0.8 / 3, 0.1 + 0.4 / 3}));
  EXPECT_NEAR(learning_rate_at(rate, 1, 2), 0.5, 1e-12);
}

TEST(Hyper, Errors) {
  EXPECT_THAT(error_of([] { parse(R"({"schedule": "poly", "base": 0.5})"); }),
              HasSubstr("h.json: learning_rate.schedule: expected one of"));
  EXPECT_THAT(error_of([] { parse(R"({"schedule": "constant", "base": 0})"); }), HasSubstr("learning_rate.base"));
  EXPECT_THAT(error_of([] { parse(R"({"schedule": "constant", "base": 0.1, "every": 2})"); }),
              HasSubstr("learning_rate.every: has no effect here; it counts only with schedule \"step\""));
  EXPECT_THAT(error_of([] { parse(R"({"schedule": "cosin", "base": 0.5})"); }), HasSubstr("did you mean \"cosine\"?"));
  EXPECT_EQ(error_of([] { parse(R"({"schedule": "triangle", "base": 0.5, "low": 0.6})"); }),
            "h.json: learning_rate.low: expected a number from 1e-09 to 0.5, got 0.6");
  const std::string rate = R"({"schedule": "constant", "base": 0.1})";
  EXPECT_EQ(error_of([&] { parse(rate, R"({"offset": 255, "standard_deviation": 1})"); }),
            "h.json: input.offset: expected an integer from 0 to 254, got 255");
  EXPECT_EQ(error_of([&] { parse(rate, R"({"offset": 1, "standard_deviation": 1, "mean": 0})"); }),
            "h.json: input.mean: unknown key");
  EXPECT_EQ(error_of([&] { parse(rate, R"({"ofset": 1, "standard_deviation": 1})"); }),
            "h.json: input.ofset: unknown key; did you mean \"offset\"?");
}

// The specification in other words: the one code whose cell [code - 1/2, code + 1/2) holds the exact quotient, found by
// trying all codes, then clamped.
int wide_code(int offset, int pixel, int qmax) {
  const int range = 255 - offset;
  const int twice = 2 * (pixel - offset) * qmax;  // 2 · range · quotient
  for (int code = -256 * qmax; code <= 256 * qmax; ++code) {
    if ((2 * code - 1) * range <= twice && twice < (2 * code + 1) * range) {
      return std::min(std::max(code, -qmax), qmax);
    }
  }
  return 999999;
}

TEST(Input, CodesMatchTheSpecification) {
  for (const int qmax : {1, 7, 127}) {
    for (const int offset : {0, 1, 73, 128, 200, 254}) {
      const InputScaling scaling{offset, 0.353};
      const auto table = input_code_table(scaling, qmax);
      for (int pixel = 0; pixel < 256; ++pixel) {
        ASSERT_EQ(input_code(scaling, pixel, qmax), wide_code(offset, pixel, qmax))
            << "offset " << offset << " pixel " << pixel << " qmax " << qmax;
        ASSERT_EQ(table[static_cast<std::size_t>(pixel)], input_code(scaling, pixel, qmax));
      }
    }
  }
}

TEST(Input, CodesStandForTheRealInput) {
  const InputScaling scaling{73, 0.353};
  const double value = input_code_value(scaling, 127);
  for (int pixel = 0; pixel < 256; ++pixel) {
    EXPECT_NEAR(input_code(scaling, pixel, 127) * value, (pixel - 73) / 255.0 / 0.353, value * 0.5 + 1e-6);
  }
}

// Of 65,537 layers, more than 16 bits count, the first is not also the last.
TEST(InputFormat, IsTheFirstLayersAmongMany) {
  Recipe recipe = read_recipe(test::source_file("traces/recipes/int8.json"));
  recipe.first_bits = 8;
  recipe.last_bits = 4;
  EXPECT_EQ(input_format(test::perceptron(1, {1}), recipe, {}).largest_code, 7);
  EXPECT_EQ(input_format(test::perceptron(1, std::vector<int>(65537, 1)), recipe, {}).largest_code, 127);
}

}  // namespace
}  // namespace bitloom
