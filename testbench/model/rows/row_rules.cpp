#include "testbench/model/rows/row_rules.hpp"

#include <algorithm>

#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"
#include "model/rows/row_factors.hpp"
#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_polyline.hpp"
#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/model/numerics/spec_requantize.hpp"

namespace bitloom::testing {
namespace {

void widen(const std::vector<std::int8_t>& from, std::vector<std::int16_t>& to) {
  std::copy(from.begin(), from.end(), to.begin());
}

/// Sets what is wanted of element i of a requantization to ±limit: two neighbours and the words that give the upper
/// one.
void want_requantized(WantedRow& want, std::size_t i, spec::Wide below, spec::Wide words_up, int limit) {
  const auto code = [limit](spec::Wide y) { return static_cast<std::int16_t>(spec::clamp(y, limit)); };
  want.below[i] = code(below);
  want.above[i] = code(below + 1);
  want.clipped_below[i] = spec::clamp(below, limit) != below ? 1 : 0;
  want.clipped_above[i] = spec::clamp(below + 1, limit) != below + 1 ? 1 : 0;
  want.threshold[i] = static_cast<std::int32_t>(words_up);
}

}  // namespace

void sweep_requantize_row(Words words, bool thorough) {
  const std::vector<std::int32_t> x = every_16_bit_value();
  const std::vector<std::uint32_t> mantissas =
      thorough ? std::vector<std::uint32_t>{32768, 43691, 65535} : std::vector<std::uint32_t>{43691};
  Differences differences("requantize_row, N3.4");
  std::vector<std::int8_t> codes(x.size());
  std::uint64_t cases = 0;
  for (const std::uint32_t m : mantissas) {
    for (int s = 0; s < 64; ++s, ++cases) {
      const int limit = s % 2 == 0 ? 127 : 7;
      WantedRow want(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const spec::Chance chance = spec::chance(spec::exact_product(x[i], m, s), 8);
        want_requantized(want, i, chance.below, chance.words_up, limit);
      }
      const RequantizeRule rule{m, s, static_cast<int>(Rounding::kStochastic), limit};
      compare_row8(
          want, words,
          [&](const Kernels& k, const std::vector<std::uint8_t>& u, std::vector<std::int16_t>& got) {
            const std::uint64_t saturated = k.requantize_row(x.data(), x.size(), rule, u.data(), codes.data());
            widen(codes, got);
            return saturated;
          },
          m | static_cast<std::uint64_t>(s) << 16, differences);
    }
  }
  differences.expect_none(cases * supported_kernels().size() * (words == Words::kAll ? 256 : 4) * x.size());
}

void sweep_requantize_row_without_words() {
  const std::vector<std::int32_t> x = every_16_bit_value();
  Differences differences("requantize_row, N3.1, N3.2, N3.3");
  std::vector<std::int8_t> codes(x.size());
  for (const std::uint32_t m : {32768u, 43691u, 65535u}) {
    for (int s = 0; s < 64; ++s) {
      for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kNearestEven, Rounding::kFloor}) {
        WantedRow want(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
          const spec::Wide y = rounding == Rounding::kHalfUp        ? spec::half_up(x[i], m, s)
                               : rounding == Rounding::kNearestEven ? spec::nearest_even(x[i], m, s)
                                                                    : spec::toward_minus_infinity(x[i], m, s);
          want_requantized(want, i, y, 0, 127);
        }
        compare_row(
            want,
            [&](const Kernels& k, std::vector<std::int16_t>& got) {
              const RequantizeRule rule{m, s, static_cast<int>(rounding), 127};
              const std::uint64_t saturated = k.requantize_row(x.data(), x.size(), rule, nullptr, codes.data());
              widen(codes, got);
              return saturated;
            },
            m | static_cast<std::uint64_t>(s) << 16, differences);
      }
    }
  }
  differences.expect_none(3 * 64 * 3 * supported_kernels().size() * x.size());
}

namespace {

/// Returns the values of the log codes of all g; `half_up`: with the distance's half in place of a random word.
WantedRow wanted_logs(const std::vector<std::int32_t>& g, std::uint32_t top, int binades, bool half_up) {
  WantedRow want(g.size());
  for (std::size_t i = 0; i < g.size(); ++i) {
    const spec::LogCell cell = spec::log_cell(g[i], top, binades);
    const auto value = [&](int index) {
      return static_cast<std::int16_t>(spec::log_code_value(spec::log_code_of(g[i], index)));
    };
    const bool up = 2 * cell.distance.numerator >= cell.distance.denominator;
    want.below[i] = value(cell.lower + (half_up && up ? 1 : 0));
    want.above[i] = cell.lower < binades + 1 ? value(cell.lower + 1) : want.below[i];
    want.clipped_below[i] = want.clipped_above[i] = cell.clipped ? 1 : 0;
    want.threshold[i] = static_cast<std::int32_t>(spec::words_above(cell.distance, 8));
  }
  return want;
}

}  // namespace

void sweep_log_row(Words words, bool thorough) {
  struct Top {
    std::uint32_t top;
    std::int32_t stride = 1;  ///< between neighbouring inputs
    std::int32_t offset = 0;  ///< 1: just beyond the distances where a word's result changes
  };
  std::vector<Top> tops{{32768}, {21845}, {65535}, {1000}, {1}, {1u << 30, 32768, 1}, {40961u << 15, 40961, 1}};
  if (thorough) tops.insert(tops.end(), {{24576}, {40961}, {32767}, {16384}, {3}, {98304, 3}, {1u << 24, 1021}});
  Differences differences("log_row, N19.2");
  std::vector<std::int8_t> codes(65536);
  for (const int binades : {4, 6}) {
    for (const Top& top : tops) {
      std::vector<std::int32_t> g = every_16_bit_value();
      for (std::int32_t& v : g) v = v * top.stride + (v < 0 ? -top.offset : top.offset);
      const auto run = [&](const Kernels& k, const std::uint8_t* u, std::vector<std::int16_t>& got) {
        const std::uint64_t saturated = k.log_row(g.data(), g.size(), log_rule(top.top, binades), u, codes.data());
        widen(codes, got);
        return saturated;
      };
      compare_row8(
          wanted_logs(g, top.top, binades, false), words,
          [&](const Kernels& k, const std::vector<std::uint8_t>& u, std::vector<std::int16_t>& got) {
            return run(k, u.data(), got);
          },
          top.top, differences);
      compare_row(
          wanted_logs(g, top.top, binades, true),
          [&](const Kernels& k, std::vector<std::int16_t>& got) { return run(k, nullptr, got); }, top.top, differences);
    }
  }
  const std::uint64_t rows = words == Words::kAll ? 257 : 5;
  differences.expect_none(2 * tops.size() * rows * supported_kernels().size() * codes.size());
}

void sweep_group_row(Words words, bool thorough) {
  struct Range {
    std::int64_t range;
    std::int64_t stride;  ///< between neighbouring inputs; the last ones lie above a range of less than 65,536 strides
  };
  std::vector<Range> ranges{{65535, 1}, {1000, 1}, {std::int64_t{65535} * 65537, 65537}};
  if (thorough) ranges.insert(ranges.end(), {{40961, 1}, {32768, 1}, {1, 1}, {std::int64_t{65521} * 4099, 4099}});
  Differences differences("group_row, N21.1");
  std::vector<std::int8_t> codes(65536);
  std::vector<std::int32_t> g(65536);
  for (const Range& range : ranges) {
    const std::int32_t lo = range.stride == 1 ? -32768 : -2147483647 - 1;
    for (std::size_t i = 0; i < g.size(); ++i) {
      g[i] = static_cast<std::int32_t>(lo + static_cast<std::int64_t>(i) * range.stride);
    }
    for (const int bits : {1, 2, 4, 8}) {
      const spec::Word ratio = spec::over(spec::integer((1 << bits) - 1), spec::integer(range.range));
      const spec::Wide largest = (1 << bits) - 1;
      GroupRow one(1), each(g.size());
      one.fill(lo, Real{ratio});
      for (std::size_t i = 0; i < g.size(); ++i) each.set(i, lo, Real{ratio});
      WantedRow want(g.size());
      for (std::size_t i = 0; i < g.size(); ++i) {
        const spec::Chance chance = spec::group_chance(static_cast<std::int64_t>(i) * range.stride, ratio, 8);
        const auto code = [largest](spec::Wide q) {
          return static_cast<std::int16_t>(static_cast<std::int8_t>(q > largest ? largest : q));
        };
        want.below[i] = code(chance.below);
        want.above[i] = code(chance.below + 1);
        want.threshold[i] = static_cast<std::int32_t>(chance.words_up);
      }
      for (const GroupRow* row : {&one, &each}) {
        compare_row8(
            want, row == &one ? words : Words::kDecisive,
            [&](const Kernels& k, const std::vector<std::uint8_t>& u, std::vector<std::int16_t>& got) {
              k.group_row(g.data(), g.size(), row->rule(), static_cast<int>(largest), u.data(), codes.data());
              widen(codes, got);
              return std::uint64_t{0};
            },
            static_cast<std::uint64_t>(range.range), differences);
      }
    }
  }
  const std::uint64_t rows = 4 + (words == Words::kAll ? 256 : 4);
  differences.expect_none(ranges.size() * 4 * rows * supported_kernels().size() * g.size());
}

void sweep_niti_row() {
  const std::vector<std::int32_t> x = every_16_bit_value();
  Differences differences("niti_row, N24.1");
  std::vector<std::int8_t> codes(x.size());
  for (const int limit : {127, 7, 1}) {
    for (int shift = 0; shift <= 30; ++shift) {
      WantedRow want(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        want_requantized(want, i, spec::half_up_on_magnitude(x[i], shift), 0, limit);
      }
      compare_row(
          want,
          [&](const Kernels& k, std::vector<std::int16_t>& got) {
            const std::uint64_t saturated = k.niti_row(x.data(), x.size(), shift, limit, codes.data());
            widen(codes, got);
            return saturated;
          },
          static_cast<std::uint64_t>(shift), differences);
    }
  }
  differences.expect_none(3 * 31 * supported_kernels().size() * x.size());
}

}  // namespace bitloom::testing
