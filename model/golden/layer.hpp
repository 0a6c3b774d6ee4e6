#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "model/golden/graph.hpp"
#include "model/golden/norm.hpp"
#include "model/golden/state.hpp"
#include "model/golden/step_record.hpp"
#include "model/golden/tools.hpp"
#include "model/network/recipe.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

/// What an update of weights limits, and what it adds up for codes.
struct UpdateStatistics {
  std::uint64_t saturated = 0;           ///< stored weights, and changes of them
  std::uint64_t momentum_saturated = 0;  ///< moments, and steps of Adam
  std::uint64_t vmax = 0;                ///< N23.4
  std::uint64_t moved = 0;               ///< A of N23.5
};

/// How many values of one layer were clamped in one step, by what was written.
struct SaturationCounts {
  std::uint64_t x = 0;
  std::uint64_t w = 0;
  std::uint64_t d = 0;
  std::uint64_t b_acc = 0;
  std::uint64_t z = 0;
  std::uint64_t d_raw = 0;  ///< of the layer's activation gradient by groups (N21.3)
  std::uint64_t dw = 0;
  std::uint64_t db = 0;
  std::uint64_t master = 0;
  std::uint64_t momentum = 0;
  std::uint64_t bias = 0;
  std::uint64_t bias_momentum = 0;
  std::uint64_t buffer = 0;  ///< of the gradients of weights and bias (N26)

  std::uint64_t total() const {
    return x + w + d + b_acc + z + d_raw + dw + db + master + momentum + bias + bias_momentum + buffer;
  }
};

/// A view that kGroup makes of a gradient (N21).
struct GroupedView {
  std::vector<std::int8_t> codes;
  std::size_t rows_of_group = 0;  ///< 0: a group is a column
  std::vector<Extremes> extremes;
  std::vector<Real> step, offset;
  Real common;                        ///< Z
  std::vector<Real> by_code, by_one;  ///< step / Z and offset / Z
  PerAxis axis(const std::vector<Real>& values) const {
    return {values, rows_of_group == 0 ? PerAxis::Axis::kColumn : PerAxis::Axis::kRows, rows_of_group};
  }
};

/// How codes lie in a record and in memory.
struct CodeForm {
  int bits = 8;
  CodeKind kind = CodeKind::kSigned;
};

/// The raw view that a layer makes its codes x of.
struct LayerInput {
  const RawTensor& raw;
  bool non_negative = false;  ///< can no value be below 0?
};

/// A linear or conv2d layer within a step. Raw views are int32, codes int8 (also the values of logarithmic codes).
class GoldenLayer {
 public:
  GoldenLayer(const GoldenNode& the_node, const RecipeLayer& the_rule);

  /// Does step (2) of N10: sizes the tensors for a batch, clears the counts and makes the weight codes.
  void begin(const LayerState& state, GoldenTools& tools);
  /// Takes the network's input (N6.5).
  void take_input(const std::vector<std::int8_t>& codes, Scale scale);
  /// Makes x from the raw view that the layer reads.
  void quantize_input(const LayerInput& from, const LayerState& state, GoldenTools& tools);
  /// Computes the layer's raw output z, with bias and ReLU, from the codes of operand and weights (N5.1, N5.2, N14.2).
  void forward(const LayerState& state, GoldenTools& tools, RawTensor& z);
  /// Makes the codes of the gradient of the layer's output.
  void quantize_gradient(const RawTensor& g, const LayerState& state, GoldenTools& tools);
  /// Computes the activation gradient behind the window of the input's quantizer (N5.3, N14.2, N17, N21.3).
  void activation_gradient(GoldenTools& tools, RawTensor& to);
  /// Computes dw and db (N5.4).
  void weight_gradient(const LayerState& state, GoldenTools& tools);
  /// Updates weights and bias, and keeps what hindsight keeps.
  void update(LayerState& state, GoldenTools& tools);
  /// Sets the scales that the first step needs (N6.2, N19.1, N23.3).
  void calibrate(LayerState& state, GoldenTools& tools) const;

  bool reads_input() const { return node.inputs[0] == kNetworkInput; }
  std::size_t depth() const { return node.conv.depth(); }
  std::size_t out() const { return static_cast<std::size_t>(node.conv.out); }
  std::size_t rows(const GoldenTools& tools) const { return tools.samples * node.pixels; }

  // What quantizers use.
  /// Takes the stored integers themselves as w (N23.7, N24.3).
  void stored_weights(const LayerState& state);
  /// Makes w from the masters by even steps of sw, within ±limit (N6.4).
  void even_weights(const LayerState& state, int limit, GoldenTools& tools);
  /// Makes x by even steps of sx, within 0 … limit where its form is unsigned, else ±limit (N6.3).
  void even_input(const LayerInput& from, int limit, GoldenTools& tools);
  Stream gradient_stream(const GoldenTools& tools, RandomUse use, std::uint32_t sample = 0) const {
    return tools.stream(node.layer, TensorKind::kGradient, use, sample);
  }
  /// Makes the sums g [input pixels][channels] of codes [rows][out] of `samples` samples (N5.3, N14.2).
  void gemm_activation(GoldenTools& tools, const std::int8_t* codes, std::size_t samples, std::int32_t* g) const;
  /// Makes the raw view of Σ x · d over all vectors of codes, exact before it is clamped. Returns how many values were
  /// (N5.4, N19.4).
  std::uint64_t gemm_weight(GoldenTools& tools, std::span<const std::vector<std::int8_t>> codes, int outputs,
                            std::vector<std::int32_t>& sums) const;

  GoldenNode node;
  RecipeLayer rule;
  CodeForm x_form, w_form, d_form;
  std::vector<std::int8_t> x;        ///< [rows][channels] of the input
  std::vector<std::uint8_t> x_mask;  ///< N17.1; empty: all pass
  std::vector<std::int8_t> w;        ///< [K][out]
  std::vector<std::uint8_t> w_mask;
  std::vector<std::int32_t> what;           ///< raw view of the standardized weights (N16.4)
  std::vector<std::vector<std::int8_t>> d;  ///< [rows][out]; one a sample of SMP
  GroupedView d_view, w_view;               ///< of kGroup: what the activation and the weight gradient read
  std::vector<std::int32_t> b_acc;          ///< [out]; 0 without a bias
  std::vector<std::int32_t> dw;             ///< [K][out]
  std::vector<std::int32_t> dwhat;          ///< of standardized weights: the gradient of `what`
  std::vector<std::int32_t> db;             ///< [out]
  std::vector<std::int32_t> weight_sum;     ///< T of N21.3
  std::vector<std::int32_t> input_sum;      ///< X1 of N21.3
  Scale sx, sw, sd, s_acc, ratio_b;
  Scale dw_unit, db_unit;
  RawTensor dw_mean;          ///< of the step's micro-batches, after the last one (N26.3)
  Scale d_unit;               ///< of the raw gradient that d was made from
  Scale sx_next, sd_next;     ///< what N2.4 gave for this step's maxima
  std::uint32_t d_max = 0;    ///< max |raw gradient|
  std::uint32_t log_max = 1;  ///< M of N19.1
  Normalizer standardizer;
  UpdateStatistics updated;
  SaturationCounts counts;

 private:
  void codes_beyond_raw(const RawTensor& from, Scale ratio, GoldenTools& tools);
  Stream input_stream(const GoldenTools& tools) const;
  void keep_scales(LayerState& state, const GoldenTools& tools) const;
  void update_weights(LayerState& state, const GradientView& gradient, GoldenTools& tools);
  void update_bias(LayerState& state, const std::vector<std::int32_t>& gradient, Scale unit, GoldenTools& tools);

  void forward_activated(GoldenTools& tools, RawTensor& z);
  void gemm_forward(GoldenTools& tools, std::int32_t* acc) const;
};

}  // namespace bitloom
