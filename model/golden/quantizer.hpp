#pragma once
#include "model/golden/layer.hpp"
#include "model/golden/object.hpp"
#include "model/golden/record.hpp"
#include "model/golden/state.hpp"
#include "model/golden/tools.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// What a quantizer keeps in the state, to make the next step's codes by.
enum class Kept {
  kNothing,
  kScale,  ///< N6.2
  kMean,   ///< N19.1
};

/// What golden knows of a quantizer: how it makes codes in each of the roles that recipes give it, how gradients go
/// back through it, and what of it a record holds. Objects keep nothing; what a step makes lies in the layer. Each
/// function sets codes, scale, form and saturations of its view. Those of a role that recipes never give throw Error.
class GoldenQuantizer : public GoldenObject {
 public:
  /// Says what it keeps of activations or gradients that this rule makes codes of.
  virtual Kept keeps(const ViewRule& view) const;

  /// Makes the weights' codes of this step from what memory keeps of them.
  virtual void weights(GoldenLayer& layer, const LayerState& state, GoldenTools& tools) const;
  /// Turns dw, the gradient of the codes' values, into that of the stored weights.
  virtual void through_weights(GoldenLayer& layer, const LayerState& state, GoldenTools& tools) const;
  /// Adds what it alone makes of weights to the record of a step.
  virtual void record_weights(const GoldenLayer& layer, LayerRecord& record) const;

  /// Makes x from the raw view that the layer reads, which can be below 0 or cannot.
  virtual void input(GoldenLayer& layer, const LayerInput& from, const LayerState& state, GoldenTools& tools) const;

  /// Puts what it keeps of the raw view behind x into the state.
  virtual void keep_input(const GoldenLayer& layer, LayerState& state) const;

  /// Makes codes of the gradient of the layer's output.
  virtual void gradient(GoldenLayer& layer, const RawTensor& g, const LayerState& state, GoldenTools& tools) const;
  /// Makes the gradient of the layer's input from those codes, without the window of the input's quantizer (N5.3).
  virtual void activation_gradient(GoldenLayer& layer, GoldenTools& tools, RawTensor& to) const;
  /// Makes dw and db from those codes, without the window of the weights' quantizer (N5.4; N19.4 with several samples).
  virtual void weight_gradient(GoldenLayer& layer, GoldenTools& tools) const;
  /// Puts what it keeps of the gradient into the state; after a calibration, what the first step needs.
  virtual void keep_gradient(const GoldenLayer& layer, const GoldenTools& tools, LayerState& state) const;
  /// Adds the codes of the gradient, and what it alone makes for them, to the record.
  virtual void record_gradient(const GoldenLayer& layer, const GoldenTools& tools, LayerRecord& record) const;
};

/// Returns the one object of a quantizer.
const GoldenQuantizer& golden_quantizer(Quantizer quantizer);

}  // namespace bitloom
