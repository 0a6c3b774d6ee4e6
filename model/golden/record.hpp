#pragma once
#include "model/golden/layer.hpp"
#include "model/golden/state_schema.hpp"
#include "model/golden/step_record.hpp"

namespace bitloom {

/// Puts tensors and scalars of one layer into a record.
class LayerRecord {
 public:
  LayerRecord(int node, StepRecord& record) : record_(record), node_(node) {}

  /// Puts values [rows][…]; none where there are none.
  template <class T>
  void put(const What<StepTensor>& what, std::size_t rows, int bits, const std::vector<T>& values,
           CodeKind kind = CodeKind::kSigned) {
    if (values.empty()) return;
    record_.tensors[{node_, what}] = {
        static_cast<int>(rows), static_cast<int>(values.size() / rows), bits, {values.begin(), values.end()}, kind};
  }
  /// Puts the words of reals as one row.
  void words(const What<StepTensor>& what, const std::vector<Real>& values);
  void scalar(const What<StepScalar>& what, std::uint32_t value) { record_.scalars[{node_, what}] = value; }

 private:
  StepRecord& record_;
  int node_;  ///< index in Network::nodes
};

/// Puts the tensors and scalars that a layer made in a step (step_record.hpp), but for z_raw, d_raw and mask.
void record_layer(const GoldenLayer& layer, const GoldenTools& tools, StepRecord& record);

/// Puts what lives across steps, as the step left it.
void record_state(const StateSchema& schema, const TrainState& state, StepRecord& record);

/// Names a raw view.
NamedTensor named(const RawTensor& tensor);

/// Returns a saturation count as a scalar, limited to 32 bits.
std::uint32_t counter(std::uint64_t count);

}  // namespace bitloom
