// Which sums of a raw view the commands that make it sum up on the way: those that its readers would otherwise read all
// of it for. Raw views of 16 bits alone: their elements need no shift (N13).
#include "kernels/step.hpp"

namespace bitloom {

/// Returns the sums of stage s's result that its readers need: a norm's moments, or what SAWB takes a scale from.
std::optional<RawSums> Step::sums_of_result(int s) {
  if (stage(s).raw_bits != 16) return std::nullopt;
  const int channels = stage(s).out.channels;
  for (const int reader : stage(s).readers) {
    if (stage(reader).op != Op::kBatchNorm) continue;
    RawSums sums{.kind = ReduceKind::MOMENTS, .all = recipe.normalization == Normalization::kLayerBatch};
    if (!sums.holds(low.hardware(), channels)) return std::nullopt;
    sums.results = at(reader).sums = low.layout.add(own(reader, "sums"), 32, 4, sums.all ? 1 : channels);
    return sums;
  }
  for (const int reader : stage(s).readers) {
    if (!stage(reader).is_gemm() || stage(reader).rule.activation.quantizer != Quantizer::kSawb) continue;
    at(s).magnitudes = low.layout.add(own(s, "magnitudes"), 32, 4, 1);
    return RawSums{.kind = ReduceKind::ABSOLUTE, .all = true, .results = at(s).magnitudes};
  }
  return std::nullopt;
}

/// Returns the norm whose gradient is that of stage s's result as it is, s itself or an input of an addition; −1: none.
int Step::norm_of_gradient(int s) const {
  if (stage(s).op == Op::kBatchNorm) return s;
  if (stage(s).op != Op::kAdd) return -1;
  for (const int input : stage(s).inputs) {
    if (stage(input).op == Op::kBatchNorm && stage(input).readers.size() == 1 && at(input).mask < 0) return input;
  }
  return -1;
}

/// Returns the sums that the norm of a gradient's place needs of it and of the norm's input.
std::optional<RawSums> Step::sums_of_gradient(const GradientPlace& place) {
  if (place.norm < 0 || low.tensor(place.tensor).bits != 16) return std::nullopt;
  const int z = at(stage(place.norm).inputs.front()).raw.tensor;
  const int channels = stage(place.norm).out.channels;
  RawSums sums{.kind = ReduceKind::CROSS, .partner = z};
  if (low.tensor(z).bits != 16 || !sums.holds(low.hardware(), channels)) return std::nullopt;
  sums.results = at(place.norm).cross = low.layout.add(own(place.norm, "cross"), 32, 4, channels);
  return sums;
}

}  // namespace bitloom
