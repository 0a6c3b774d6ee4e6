#include "model/numerics/functions.hpp"

namespace bitloom {

SampleLoss softmax_cross_entropy(std::span<const std::int32_t> logits, std::size_t label, Scale c,
                                 std::span<std::int32_t> gradient) {
  const auto largest = std::max_element(logits.begin(), logits.end());  // the first of equals
  const std::uint32_t label_exponent = exponent_of_distance(std::int64_t{*largest} - logits[label], c);
  std::uint32_t sum = 0;
  for (std::size_t j = 0; j < logits.size(); ++j) {
    const std::uint32_t e = exp2neg(exponent_of_distance(std::int64_t{*largest} - logits[j], c));
    gradient[j] = static_cast<std::int32_t>(e);
    sum += e;
  }
  const std::uint32_t reciprocal = recip(sum);
  for (std::size_t j = 0; j < logits.size(); ++j) {
    const auto p = static_cast<std::int32_t>(probability(static_cast<std::uint32_t>(gradient[j]), reciprocal));
    gradient[j] = p - (j == label ? 65536 : 0);
  }
  return {log2fix(sum) - 16u * 65536u + label_exponent, static_cast<std::size_t>(largest - logits.begin()) == label};
}

}  // namespace bitloom
