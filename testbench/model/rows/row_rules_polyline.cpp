#include "model/numerics/polyline.hpp"
#include "model/rows/row_factors.hpp"
#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_polyline.hpp"
#include "testbench/model/rows/row_rules.hpp"

namespace bitloom::testing {
namespace {

constexpr std::int64_t kLimit = 127;

/// Returns q and s as one number.
std::int16_t joined(std::int64_t q, int s) { return static_cast<std::int16_t>(q * 256 + s); }

/// Returns the codes of the latents from weight - 1/2 to weight + 1/2, written by `level`.
WantedRow wanted_codes(int weight, int level, bool half_up, int bits) {
  WantedRow want(65536);
  for (std::int64_t i = 0; i < 65536; ++i) {
    const spec::LatentCell cell = spec::latent_cell(weight * std::int64_t{65536} + i - 32768, level, bits);
    const bool up = half_up && 2 * cell.distance.numerator >= cell.distance.denominator;
    const spec::FoundCode inner = spec::code_of_value(up ? cell.outer : cell.inner, level, kLimit, bits);
    const spec::FoundCode outer = spec::code_of_value(cell.outer, level, kLimit, bits);
    const auto at = static_cast<std::size_t>(i);
    want.below[at] = joined(inner.code.q, inner.code.s);
    want.above[at] = joined(outer.code.q, outer.code.s);
    want.clipped_below[at] = inner.saturated ? 1 : 0;
    want.clipped_above[at] = outer.saturated ? 1 : 0;
    want.threshold[at] = static_cast<std::int32_t>(spec::words_above(cell.distance, 16));
  }
  return want;
}

/// A row of weights, their old codes and what is subtracted from each so that all latents beside one weight result.
class PolylineRow {
 public:
  PolylineRow(int weight, int read, int write, int bits) : rule_(polyline_rule(read, write, kLimit, bits)) {
    const int codes = 1 << bits;
    for (std::int64_t i = 0; i < 65536; ++i) {
      const spec::Residual old{i / codes % 255 - 127, static_cast<int>(i % codes) - codes / 2};
      q_.push_back(static_cast<std::int8_t>(old.q));
      s_.push_back(static_cast<std::int8_t>(old.s));
      delta_.push_back(static_cast<std::int32_t>(spec::latent_value(old, read, bits) - (weight * 65536 + i - 32768)));
    }
  }
  std::uint64_t run(const Kernels& k, const RandomField16* u, std::vector<std::int16_t>& got) const {
    std::vector<std::int8_t> q = q_, s = s_;
    const std::uint64_t saturated = k.polyline_row(q.data(), s.data(), delta_.data(), q.size(), rule_, u);
    for (std::size_t i = 0; i < q.size(); ++i) got[i] = joined(q[i], s[i]);
    return saturated;
  }

 private:
  PolylineRule rule_;
  std::vector<std::int8_t> q_, s_;
  std::vector<std::int32_t> delta_;
};

}  // namespace

void sweep_polyline_row(Words words, const std::vector<int>& weights, int bits) {
  Differences differences("polyline_row, N23.2");
  for (const int weight : weights) {
    for (int write = 0; write < 4; ++write) {
      const WantedRow want = wanted_codes(weight, write, false, bits),
                      nearest = wanted_codes(weight, write, true, bits);
      for (int read = 0; read < 4; ++read) {
        const PolylineRow row(weight, read, write, bits);
        const auto label = static_cast<std::uint64_t>(4 * write + read);
        const bool same = read == write;
        compare_row16(
            want, same ? words : Words::kDecisive,
            [&](const Kernels& k, const std::vector<std::uint16_t>& u, std::vector<std::int16_t>& got) {
              return row.run(k, u.data(), got);
            },
            label, differences);
        compare_row(
            nearest, [&](const Kernels& k, std::vector<std::int16_t>& got) { return row.run(k, nullptr, got); }, label,
            differences);
      }
    }
  }
  const std::uint64_t all = words == Words::kAll ? 4096 : 4;
  differences.expect_none(weights.size() * 4 * ((all + 1) + 3 * 5) * supported_kernels().size() * 65536);
}

}  // namespace bitloom::testing
