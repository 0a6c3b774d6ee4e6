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
  const std::string name = node.name + ".";
  to.tensors[name + "z_raw"] = named(z[n]);
  to.tensors[name + "d_raw"] = named(g[n]);
  to.scalars[name + "zmax"] = z[n].magnitude();
  to.scalars[name + "dmax"] = g[n].magnitude();
  if (node.relu) {
    NamedTensor mask = named(z[n]);
    mask.bits = 1;
    mask.kind = CodeKind::kUnsigned;
    for (std::int32_t& value : mask.values) value = value > 0 ? 1 : 0;
    to.tensors[name + "mask"] = std::move(mask);
  }
  operations[n]->record(*this, to);
  to.scalars[name + "dunit"] = word(g[n].unit);
  to.scalars[name + "d_rawsat"] = counter(g_saturated[n]);
  if (node.layer >= 0) return;
  to.scalars[name + "unit"] = word(z[n].unit);
  to.scalars[name + "zsat"] = counter(z_saturated[n]);
}

void GoldenRun::record(const TrainState& state, StepRecord& to) const {
  to = {};
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    record_node(n, to);
  }
  record_state(schema, state, to);
  to.scalars["loss"] = tools.totals.loss;
  to.scalars["correct"] = tools.totals.correct;
  to.scalars["scale_sat"] = counter(tools.totals.scale_saturated);
}

}  // namespace bitloom
