#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/golden/object.hpp"
#include "model/golden/record.hpp"
#include "model/golden/state.hpp"
#include "model/golden/state_list.hpp"
#include "model/golden/tools.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// A fixed-point tensor with what its optimizer keeps (N9, N25): weights, a bias, gamma or beta.
struct FixedTensor {
  std::vector<std::int32_t>& master;
  std::vector<std::int32_t>& momentum;  ///< SGD
  AdamState& adam;                      ///< Adam
  int frac_bits = 0;
  std::int64_t limit = 0;
  int layer = 0;  ///< of the random words
  TensorKind kind = TensorKind::kWeight;
};

/// What an optimizer keeps beside weights that are codes (N23.3, N25.8), and the value of an integer step of these.
struct CodeMoments {
  std::vector<std::int32_t>& momentum;  ///< SGD: codes
  Scale& scale;                         ///< SGD: of those codes
  Scale& next_scale;                    ///< SGD: of the next step's codes
  AdamState& adam;                      ///< Adam
  Scale step;
  int layer = 0;  ///< of the random words
};

/// Takes changes, in 2^-16 of an integer step, off the stored weights of whole rows [rows][cols] from `row` on.
using TakeChanges = std::function<void(std::size_t row, std::size_t rows, const std::int32_t* changes)>;

/// Where an optimizer's state of a tensor [rows][cols] lies.
struct MomentPlace {
  Parameter of = Parameter::kWeight;
  int rows = 0;
  int cols = 0;
  StatePart<std::vector<std::int32_t>> momentum;
  StatePart<AdamState> adam;
};

/// What golden knows of an optimizer: what it keeps beside a tensor of parameters, and how it moves them. It knows two
/// kinds of parameters, fixed point and codes, whatever stores them. Objects keep nothing.
class GoldenOptimizer : public GoldenObject {
 public:
  /// Lists what is kept beside a tensor in fixed point.
  virtual void list(StateList& to, const MomentPlace& place, const UpdateRule& update) const = 0;
  /// Lists what is kept beside weights that are codes.
  virtual void list_beside_codes(StateList& to, const MomentPlace& place, const UpdateRule& update) const = 0;
  /// Lists what all tensors share.
  virtual void list_shared(StateList& to) const;
  /// Do CodeMoments have scales, the next one set by calibrate()?
  virtual bool has_scales() const { return false; }

  /// Begins a step that updates.
  virtual void begin(TrainState& state, GoldenTools& tools) const;
  /// Moves a tensor in fixed point. Returns max |master| and what was limited.
  virtual RowStatistics update(const FixedTensor& tensor, const GradientView& gradient, GoldenTools& tools) const = 0;
  /// Moves the moments beside codes, and hands all changes of the weights to `take`, in the order of rows. Returns what
  /// was limited, vmax and the sum of the changes.
  virtual UpdateStatistics change(const CodeMoments& moments, const GradientView& gradient, const TakeChanges& take,
                                  GoldenTools& tools) const = 0;
  /// Sets what the first step needs beside codes.
  virtual void calibrate(const CodeMoments& moments, const GradientView& gradient, GoldenTools& tools) const;
  /// Adds what it alone makes beside codes to the record of a step.
  virtual void record(const UpdateStatistics& made, LayerRecord& to) const;
};

/// Returns the one object of an optimizer.
const GoldenOptimizer& golden_optimizer(Optimizer optimizer);

}  // namespace bitloom
