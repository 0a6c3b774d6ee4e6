#include "model/golden/operation.hpp"

#include "model/golden/run.hpp"

namespace bitloom {
namespace golden {

#define BITLOOM_DECLARE(op, in_golden, in_fp32) std::unique_ptr<GoldenOperation> in_golden(const GoldenPlace& place);
BITLOOM_OPERATIONS(BITLOOM_DECLARE)
#undef BITLOOM_DECLARE

/// Makes nothing for what is no node of the graph: a ReLU belongs to the node before it, a flatten is another view, the
/// loss has a step of its own (N10).
std::unique_ptr<GoldenOperation> none(const GoldenPlace& /*place*/) { return nullptr; }

}  // namespace golden

void GoldenOperation::record(const GoldenRun& /*run*/, StepRecord& /*to*/) const {}

std::size_t GoldenOperation::input(const GoldenRun& run) const { return size_of(run.graph.nodes[n_].inputs[0]); }

std::unique_ptr<GoldenOperation> golden_operation(const GoldenPlace& place) {
  switch (place.graph.nodes[place.node].op) {
#define BITLOOM_CASE(op, in_golden, in_fp32) \
  case Op::op:                               \
    return golden::in_golden(place);
    BITLOOM_OPERATIONS(BITLOOM_CASE)
#undef BITLOOM_CASE
  }
  return nullptr;
}

}  // namespace bitloom
