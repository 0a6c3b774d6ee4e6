#pragma once
#include <string>
#include <vector>

#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// A tensor of images, or of features (height and width 1). Its view is [samples · height · width][channels] (N14.1).
struct ImageShape {
  int samples = 1;
  int height = 1;
  int width = 1;
  int channels = 1;
  int rows() const { return samples * height * width; }
  std::int64_t elements() const { return std::int64_t{rows()} * channels; }
};

inline constexpr int kFromNetwork = kNetworkInput;  ///< a stage's input that is the network's

/// One node of the training graph (training_graph.hpp) with its own result in memory.
struct Stage {
  int node = 0;  ///< index in Network::nodes
  Op op = Op::kLinear;
  std::string name;
  bool relu = false;
  std::vector<int> inputs;   ///< stages, or kFromNetwork
  std::vector<int> readers;  ///< stages that read the result, one entry for each reading
  ImageShape in;             ///< of the first input, as this stage sees it (features of a linear layer: channels)
  ImageShape out;
  int layer = -1;  ///< number of a linear or conv2d stage, in the order of nodes (N14.5)
  int norm = -1;   ///< number of a norm, in the order of nodes (N14.7)

  RecipeLayer rule;               ///< of a linear or conv2d stage
  bool non_negative = false;      ///< can the result not be below 0?
  bool result_at_once = false;    ///< N6.3: the GEMM makes codes of the result, its one reader's x
  bool gradient_at_once = false;  ///< N6.3: its one reader's GEMM makes codes of the gradient

  int raw_bits = 32;  ///< of the result's raw view, and below as in TrainingNode (N5.5)
  int result_shift = 0;
  int input_gradient_bits = 32;
  int input_gradient_shift = 0;

  bool is_gemm() const { return layer >= 0; }
};

/// The training graph with the shapes of a step's samples, from which the lowering derives its own backward pass. The
/// last stage makes the logits.
struct StepGraph {
  std::vector<Stage> stages;
  int layers = 0;
  int loss_node = -1;
};

/// Throws Error as training_graph() does, and naming the node that only the accelerator has no way
/// for.
StepGraph step_graph(const Network& network, const Recipe& recipe, int batch);

/// Returns the bits of the codes that a view's rule makes; kGroup has widths of its own for its two views.
int code_bits(const RecipeLayer& rule, const ViewRule& view);

/// Returns the convolution of a conv2d stage; a linear stage is one of 1 × 1 over images of one pixel.
Conv2dAttributes convolution_of(const Network& network, const Stage& stage);

}  // namespace bitloom
