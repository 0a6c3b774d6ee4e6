#include "model/golden/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/golden/record.hpp"
#include "model/io/error.hpp"

namespace bitloom {

void GoldenRun::require_batch(const Batch& of) const {
  bitloom::require_batch(source, tools.recipe, graph.facts, of.M);
  const bool fit =
      of.labels.size() == size_of(of.M) && of.X.size() == size_of(of.M) * graph.input_elements && is_scale(of.scale);
  if (!fit) throw Error("golden step: the batch does not fit the network");
  const auto beyond = [this](std::uint8_t label) { return int{label} >= graph.classes; };
  if (std::any_of(of.labels.begin(), of.labels.end(), beyond)) throw Error("golden step: a label is out of range");
}

void GoldenRun::record_node(std::size_t n, StepRecord& to) const {
  const GoldenNode& node = graph.nodes[n];
  to.tensors[{node.source, StepTensor::kZRaw}] = named(z[n]);
  to.tensors[{node.source, StepTensor::kDRaw}] = named(g[n]);
  to.scalars[{node.source, StepScalar::kZMax}] = z[n].magnitude();
  to.scalars[{node.source, StepScalar::kDMax}] = g[n].magnitude();
  if (node.relu) {
    NamedTensor mask = named(z[n]);
    mask.bits = 1;
    mask.kind = CodeKind::kUnsigned;
    for (std::int32_t& value : mask.values) value = value > 0 ? 1 : 0;
    to.tensors[{node.source, StepTensor::kMask}] = std::move(mask);
  }
  operations[n]->record(*this, to);
  to.scalars[{node.source, StepScalar::kDUnit}] = word(g[n].unit);
  to.scalars[{node.source, StepScalar::kDRawSat}] = counter(g_saturated[n]);
  if (node.layer >= 0) return;
  to.scalars[{node.source, StepScalar::kUnit}] = word(z[n].unit);
  to.scalars[{node.source, StepScalar::kZSat}] = counter(z_saturated[n]);
}

void GoldenRun::record(const TrainState& state, StepRecord& to) const {
  to = {};
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    record_node(n, to);
  }
  record_state(schema, state, to);
  to.scalars[{kWholeStep, StepScalar::kLoss}] = tools.totals.loss;
  to.scalars[{kWholeStep, StepScalar::kCorrect}] = tools.totals.correct;
  to.scalars[{kWholeStep, StepScalar::kScaleSat}] = counter(tools.totals.scale_saturated);
}

}  // namespace bitloom
