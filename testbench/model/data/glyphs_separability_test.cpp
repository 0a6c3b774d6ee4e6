#include <cstdio>

#include "model/data/glyphs.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

double best_accuracy(const Network& network, const Hyper& hyper, const DataPair& data) {
  TrainOptions options = train_options(hyper);
  options.epochs = 8;
  const auto trainer = make_fp32_trainer(network, hyper, options);
  double best = 0.0;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    trainer->run_epoch(data.train, epoch, {});
    best = std::max(best, trainer->evaluate(data.test).accuracy);
  }
  return best;
}

// The bundled set must need a network: the best linear classifier over several learning rates stays behind.
TEST(Glyphs, LinearClassifierStaysBelowTheMlp) {
  const Network linear = read_network(JsonObject::from_text(
      R"({"name": "linear", "input": [784], "layers": [{"name": "fc", "op": "linear", "out": 10, "bias": true},
          {"name": "loss", "op": "softmax_cross_entropy"}]})",
      "linear"));
  const Network mlp = read_network(test::source_file("traces/networks/mlp.json"));
  Hyper hyper = read_hyper(test::source_file("traces/hyper/default.json"));
  const DataPair data = generate_glyph_pair(6000, 1000, 1);
  const double mlp_accuracy = best_accuracy(mlp, hyper, data);
  double linear_accuracy = 0.0;
  for (const double rate : {0.002, 0.01, 0.05}) {
    hyper.learning_rate.base = rate;
    linear_accuracy = std::max(linear_accuracy, best_accuracy(linear, hyper, data));
  }
  std::printf("test accuracy on glyphs: linear %.2f %%, mlp %.2f %%\n", 100 * linear_accuracy, 100 * mlp_accuracy);
  EXPECT_GT(mlp_accuracy, 0.85);
  EXPECT_GT(linear_accuracy, 0.4);  // else the linear classifier was not trained
  EXPECT_LT(linear_accuracy, mlp_accuracy - 0.05);
}

}  // namespace
}  // namespace bitloom
