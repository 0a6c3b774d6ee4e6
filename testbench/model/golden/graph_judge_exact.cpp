// The part of the judge that derives what the engine chooses, bit for bit, by the specifications of
// testbench/model/numerics/spec_*.hpp: scales (N6, N18, N19.1, N22, N23.1, N24.1), codes with their random words, masks
// (N14.3, N17.1), and of grouped gradients minima, maxima, kept groups, steps and offsets (N21).
#include "testbench/model/golden/graph_judge.hpp"

namespace bitloom::testing {

using spec::AnyScale;
using spec::Wide;
using spec::Word;

spec::AnyScale GraphJudge::unit_word(int node) const {
  AnyScale unit = scale_word(of(node).name + (is_layer(node) ? ".s_acc" : ".unit"));
  if (is_layer(node)) unit.s -= view_shift(node);
  return unit;
}

void GraphJudge::same_scale(const std::string& name, AnyScale want) const {
  ASSERT_EQ(record_.scalars.at(name), spec::word_of_scale(want)) << recipe_.name << " " << name;
}

/// Judges the scale of a maximum (N6.1, N6.2). `next` remembers what N2.4 gives, for the next step.
void GraphJudge::maximum_scale(const std::string& name, std::uint32_t max, AnyScale unit, int largest_code,
                               ScaleRule rule, std::map<std::string, AnyScale>& next) {
  const AnyScale got = scale_word(name);
  const bool first = !next.contains(name);  // calibrated with this very step (N6.2)
  if (rule == ScaleRule::kExact || first) {
    ASSERT_TRUE(spec::is_maximum_scale(got, max, unit, largest_code, spec::one())) << recipe_.name << " " << name;
  } else {
    same_scale(name, next.at(name));
  }
  if (rule == ScaleRule::kExact) return;
  const AnyScale after = scale_word(name + "_next");
  ASSERT_TRUE(spec::is_maximum_scale(after, max, unit, largest_code, got)) << recipe_.name << " " << name << "_next";
  next[name] = after;
}

/// N3 by a ratio, and the word that a tensor draws.
struct GraphJudge::Requantization {
  AnyScale ratio;
  Rounding rounding = Rounding::kHalfUp;
  std::int64_t low = 0, high = 0;
  spec::WordSource random;

  Wide code(std::int64_t x, std::uint64_t row, std::uint64_t col) const {
    const auto rounded = [&]() -> Wide {
      switch (rounding) {
        case Rounding::kHalfUp:
          return spec::half_up(x, ratio.m, ratio.s);
        case Rounding::kNearestEven:
          return spec::nearest_even(x, ratio.m, ratio.s);
        case Rounding::kFloor:
          return spec::toward_minus_infinity(x, ratio.m, ratio.s);
        default:
          return spec::stochastic(x, ratio.m, ratio.s, random.word(row, col, 8), 8);
      }
    };
    return std::clamp<Wide>(rounded(), low, high);
  }
};

void GraphJudge::same_codes(const std::string& name, const spec::Values& raw, const Requantization& by) const {
  const NamedTensor& codes = record_.tensors.at(name);
  const auto cols = static_cast<std::size_t>(codes.cols);
  ASSERT_EQ(codes.values.size(), raw.size()) << name;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    ASSERT_TRUE(codes.values[i] == by.code(raw[i], i / cols, i % cols)) << recipe_.name << " " << name << " " << i;
  }
}

/// Judges a mask of `low` <= raw <= `high`.
void GraphJudge::window(const std::string& name, const spec::Values& raw, std::int64_t low, std::int64_t high) const {
  const spec::Values& mask = ints(name);
  ASSERT_EQ(mask.size(), raw.size()) << name;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    ASSERT_EQ(mask[i] != 0, raw[i] >= low && raw[i] <= high) << recipe_.name << " " << name << " " << i;
  }
}

/// Judges a ReLU's mask (N14.3). The raw view is behind the ReLU, so what it let through is above 0.
void GraphJudge::same_mask(int node) const {
  if (!has(of(node).name + ".mask")) return;
  window(of(node).name + ".mask", ints(of(node).name + ".z_raw"), 1, INT64_MAX);
}

void GraphJudge::exact_input(int n, const RecipeLayer& rule) {
  const std::string name = of(n).name, x = name + ".x";
  const ViewRule& view = rule.activation;
  const spec::Values& raw = ints(of(source(n)).name + ".z_raw");
  const AnyScale unit = unit_word(source(n));
  const spec::WordSource random = words(n, TensorKind::kInput, RandomUse::kQuantize);
  const auto by_scale = [&](std::int64_t low, std::int64_t high) {
    same_codes(x, raw,
               {spec::nearest(spec::quotient(unit, scale_word(name + ".sx"))), view.rounding, low, high, random});
  };
  const auto in_units = [&](Word real) {
    return spec::to_integer(spec::over(real, spec::word_of_scale(unit)), 0).value;
  };
  switch (view.quantizer) {
    case Quantizer::kSign: {
      same_scale(name + ".sx", spec::one());
      const std::int64_t limit = std::max<std::int64_t>(1, in_units(spec::power(0)));
      window(name + ".x_mask", raw, 1 - limit, limit - 1);
      return;
    }
    case Quantizer::kRoundClip: {
      const Word clip = spec::real_of(view.clip), levels = spec::integer(view.levels);
      same_scale(name + ".sx", spec::as_scale(spec::over(clip, levels)));
      const Word ratio = spec::over(spec::times(spec::word_of_scale(unit), levels), clip);
      for (std::size_t i = 0; i < raw.size(); ++i) {
        const Wide code = std::clamp<Wide>(spec::by_factor(raw[i], ratio), 0, view.levels);
        ASSERT_TRUE(ints(x)[i] == code) << recipe_.name << " " << x << " " << i;
      }
      window(name + ".x_mask", raw, 1, in_units(clip));
      return;
    }
    case Quantizer::kSawb: {
      const bool positive = record_.tensors.at(x).kind == CodeKind::kUnsigned;
      ASSERT_EQ(positive, view.is_unsigned && !std::any_of(raw.begin(), raw.end(), [](int v) { return v < 0; }));
      same_scale(name + ".sx", spec::sawb_scale(raw, unit, view.c1, view.c2, positive));
      by_scale(positive ? 0 : -7, positive ? 15 : 7);
      return;
    }
    case Quantizer::kNiti: {
      const int shift = spec::niti_shift(spec::largest(raw), rule.bits);
      same_scale(name + ".sx", {unit.m, unit.s - shift, false});
      for (std::size_t i = 0; i < raw.size(); ++i) {
        const Wide code = spec::clamp(spec::half_up_on_magnitude(raw[i], shift), qmax(rule.bits));
        ASSERT_TRUE(ints(x)[i] == code) << recipe_.name << " " << x << " " << i;
      }
      return;
    }
    default: {
      const int q = qmax(rule.width(view));
      maximum_scale(name + ".sx", spec::largest(raw), unit, q, view.scale, next_x_);
      by_scale(-q, q);
    }
  }
}

/// Returns the scale that the initial weights got, for good (N23.1, N24.3).
double GraphJudge::initial_scale(int n, const RecipeLayer& rule) const {
  double max = 0.0;
  for (const float w : parameters_[static_cast<std::size_t>(n)].weight) max = std::fmax(max, std::fabs(w));
  const int q = qmax(rule.width(rule.weight));
  if (rule.weight.quantizer == Quantizer::kLwq) return max * recipe_.update.headroom / q;
  double scale = 1.0;
  while (scale * q < max) scale *= 2.0;
  while (scale / 2.0 * q >= max) scale /= 2.0;
  return scale;
}

void GraphJudge::exact_weights(int n, const RecipeLayer& rule) {
  const std::string name = of(n).name, w = name + ".w";
  const ViewRule& view = rule.weight;
  const spec::Values& master = before_.layers[static_cast<std::size_t>(layer_number(n))].master;
  const int frac_bits = recipe_.update.master_frac_bits;
  const AnyScale unit{32768, 15 + frac_bits, false};
  const int q = qmax(rule.width(view));
  const auto by_scale = [&] {
    same_codes(w, master,
               {spec::nearest(spec::quotient(unit, scale_word(name + ".sw"))), view.rounding, -q, q,
                words(n, TensorKind::kWeight, RandomUse::kQuantize)});
  };
  switch (view.quantizer) {
    case Quantizer::kSign:
      same_scale(name + ".sw", spec::one());
      window(name + ".w_mask", master, 1 - (1 << frac_bits), (1 << frac_bits) - 1);
      return;
    case Quantizer::kStandardizedRoundClip: {  // of what_raw, which codes_of_weights() holds against float64
      const Word clip = spec::real_of(view.clip), levels = spec::integer(view.levels);
      same_scale(name + ".sw", spec::as_scale(spec::over(clip, levels)));
      const Word ratio = spec::over(spec::times(spec::power(-16), levels), clip);
      const spec::Values& raw = ints(name + ".what_raw");
      for (std::size_t i = 0; i < raw.size(); ++i) {
        ASSERT_TRUE(ints(w)[i] == spec::clamp(spec::by_factor(raw[i], ratio), view.levels)) << w << " " << i;
      }
      const std::int64_t limit = spec::to_integer(clip, 16).value;
      window(name + ".w_mask", raw, -limit, limit);
      return;
    }
    case Quantizer::kSawb:
      same_scale(name + ".sw", spec::sawb_scale(master, unit, view.c1, view.c2, false));
      by_scale();
      return;
    case Quantizer::kLwq:
    case Quantizer::kNiti:
      same_scale(name + ".sw", spec::scale_of(initial_scale(n, rule)));
      return;
    default:
      ASSERT_TRUE(spec::is_maximum_scale(scale_word(name + ".sw"), spec::largest(master), unit, q, spec::one()))
          << name;
      by_scale();
  }
}

void GraphJudge::exact_gradient(int n, const RecipeLayer& rule) {
  const std::string name = of(n).name;
  const ViewRule& view = rule.gradient;
  const spec::Values& raw = ints(name + ".d_raw");
  const AnyScale unit = scale_word(name + ".dunit");
  switch (view.quantizer) {
    case Quantizer::kLog:
      exact_log(n, view);
      return;
    case Quantizer::kGroup:
      if (source(n) != kNetworkInput) exact_groups(n, view, false);
      exact_groups(n, view, true);
      return;
    case Quantizer::kNiti: {
      const int shift = spec::niti_shift(spec::largest(raw), rule.bits);
      same_scale(name + ".sd", {unit.m, unit.s - shift, false});
      for (std::size_t i = 0; i < raw.size(); ++i) {
        const Wide code = spec::clamp(spec::half_up_on_magnitude(raw[i], shift), qmax(rule.bits));
        ASSERT_TRUE(ints(name + ".d")[i] == code) << recipe_.name << " " << name << ".d " << i;
      }
      return;
    }
    default: {
      const int q = qmax(rule.width(view));
      maximum_scale(name + ".sd", spec::largest(raw), unit, q, view.scale, next_d_);
      same_codes(name + ".d", raw,
                 {spec::nearest(spec::quotient(unit, scale_word(name + ".sd"))), view.rounding, -q, q,
                  words(n, TensorKind::kGradient, RandomUse::kQuantize)});
    }
  }
}

/// Judges the logarithmic codes of node n's gradient and their top (N19.1, N19.2).
void GraphJudge::exact_log(int n, const ViewRule& view) {
  const std::string name = of(n).name;
  const spec::Values& raw = ints(name + ".d_raw");
  const Word unit = record_.scalars.at(name + ".dunit");
  std::int64_t max = spec::largest(raw);
  if (view.scale == ScaleRule::kHindsight) {
    // Before the first step: calibrated with it.
    if (!mhat_.contains(name)) mhat_[name] = spec::times(spec::integer(std::max<std::int64_t>(1, max)), unit);
    const Word now = spec::times(spec::integer(max), unit), half = spec::power(-1);
    max = std::max<std::int64_t>(1, spec::to_integer(spec::over(mhat_[name], unit), 0).value);
    mhat_[name] = spec::plus(spec::times(mhat_[name], half), spec::times(now, half));
    ASSERT_EQ(record_.scalars.at(name + ".mhat"), mhat_[name]) << name;
  }
  const std::int64_t top = spec::top_of(max, view.power_of_two);
  ASSERT_EQ(record_.scalars.at(name + ".log_max"), top) << recipe_.name << " " << name;
  same_scale(name + ".sd", spec::as_scale(spec::times(unit, spec::integer(top, view.binades))));
  for (int sample = 0; sample < view.samples; ++sample) {
    const std::string what = name + (sample == 0 ? ".d" : ".d_s" + std::to_string(sample));
    const spec::WordSource random =
        words(n, TensorKind::kGradient, RandomUse::kQuantize, static_cast<std::uint64_t>(sample));
    const auto cols = static_cast<std::size_t>(record_.tensors.at(what).cols);
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const spec::LogCell cell = spec::log_cell(raw[i], top, view.binades);
      const bool up = view.rounding == Rounding::kStochastic
                          ? random.word(i / cols, i % cols, 8) < spec::words_above(cell.distance, 8)
                          : 2 * cell.distance.numerator >= cell.distance.denominator;
      ASSERT_EQ(ints(what)[i], spec::log_code_of(raw[i], cell.lower + (up ? 1 : 0))) << what << " " << i;
    }
  }
}

/// Judges N21.1, N21.2 and N21.4 of the activation gradient's view or the `second`, the weight gradient's.
void GraphJudge::exact_groups(int n, const ViewRule& view, bool second) const {
  const std::string name = of(n).name, suffix = second ? "2" : "";
  const GroupView& by = second ? view.wgrad : view.dgrad;
  const spec::Values& raw = ints(name + ".d_raw");
  const auto cols = static_cast<std::size_t>(conv_of(of(n)).out);
  const std::size_t of_sample = raw.size() / static_cast<std::size_t>(samples_);
  const std::size_t groups = by.groups == Groups::kTensor   ? 1
                             : by.groups == Groups::kColumn ? cols
                                                            : static_cast<std::size_t>(samples_);
  const auto group_of = [&](std::size_t i) {
    return by.groups == Groups::kTensor ? 0 : by.groups == Groups::kColumn ? i % cols : i / of_sample;
  };
  const spec::Extremes found = spec::extremes(raw, groups, group_of);
  ASSERT_EQ(ints(name + ".lo" + suffix), found.lo) << name;
  ASSERT_EQ(ints(name + ".hi" + suffix), found.hi) << name;
  std::vector<Word> keep(groups, spec::power(0)), step, offset;
  std::vector<spec::Grid> grids;
  const RandomUse prune = second ? RandomUse::kPruneWgrad : RandomUse::kPruneDgrad;
  if (view.pruning == Pruning::kTop) keep = spec::keep_top(found, view.factor);
  if (view.pruning == Pruning::kBernoulli) {
    keep = spec::keep_bernoulli(found, view.factor, words(n, TensorKind::kGradient, prune));
  }
  const int largest_code = (1 << by.bits) - 1;
  for (std::size_t g = 0; g < groups; ++g) {
    grids.push_back(by.groups == Groups::kTensor && by.bits > 1
                        ? spec::grid_of_tensor(found.lo[g], found.hi[g], largest_code)
                        : spec::grid(found.lo[g], found.hi[g], largest_code));
    step.push_back(spec::times(keep[g], grids[g].step));
    offset.push_back(spec::times(keep[g], spec::integer(grids[g].lo)));
    ASSERT_EQ(static_cast<Word>(ints(name + ".step" + suffix)[g]), step[g]) << recipe_.name << " " << name << " " << g;
    ASSERT_EQ(static_cast<Word>(ints(name + ".off" + suffix)[g]), offset[g]) << recipe_.name << " " << name << " " << g;
  }
  const Conv2dAttributes conv = conv_of(of(n));
  const RecipeLayer with = rule(n);
  const bool signs = (second ? with.activation : with.weight).quantizer == Quantizer::kSign;
  const std::int64_t terms = second ? static_cast<std::int64_t>(raw.size() / cols)
                                    : conv.kernel.rows * conv.kernel.cols * (conv.out / conv.groups);
  const bool view16 = !second && recipe_.raw_bits == 16;
  const Word common = view16
                          ? spec::group_common16(step, offset, largest_code,
                                                 spec::growth(terms, 1, this->largest_code(name + ".w", with.weight)))
                          : spec::group_common(step, offset, terms, signs ? 0 : 7);
  ASSERT_EQ(record_.scalars.at(name + ".group_z" + suffix), common) << recipe_.name << " " << name;
  const spec::WordSource random =
      words(n, TensorKind::kGradient, second ? RandomUse::kQuantizeWgrad : RandomUse::kQuantize);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const std::size_t g = group_of(i);
    const std::int64_t from = std::max<std::int64_t>(0, std::int64_t{raw[i]} - grids[g].lo);  // below 0: code 0
    const spec::Chance chance = spec::group_chance(from, grids[g].ratio, 8);
    const Wide code = chance.below + (random.word(i / cols, i % cols, 8) < chance.words_up ? 1 : 0);
    ASSERT_TRUE(ints(name + ".d" + suffix)[i] == std::min<Wide>(code, largest_code)) << name << ".d" << suffix << i;
  }
}

/// Judges N7.3 against softmax in float64. Errors in units of the gradient, 2^-16 of a sample's: the scale of the
/// logits is off by two roundings, 2^-15, of a binary logarithm t, which t · 2^-t < 0.54 turns into 0.54 · ln 2 · 2 =
/// 0.75 at most; exp2neg 1.72 and its argument's half place 0.35 (N8.4); each of the C terms of the sum likewise in
/// proportion to its share; one rounding of the product.
void GraphJudge::exact_loss(const Batch& batch) const {
  const int n = source(static_cast<int>(network_.nodes.size()) - 1);
  const Reals z = output(n), g = tensor(of(n).name + ".d_raw");
  const std::size_t classes = z.size() / batch.labels.size();
  AnyScale unit = spec::nearest({Wide{1}, samples_, 16});
  if (recipe_.update.store == WeightStore::kInteger && unit.m != 32768) unit = {32768, unit.s - 1, false};  // N24.4
  same_scale(of(n).name + ".dunit", unit);
  const double each = 0.75 + 1.72 + 0.35, tolerance = each * (1.0 + static_cast<double>(classes)) + 0.5;
  for (std::size_t m = 0; m < batch.labels.size(); ++m) {
    double sum = 0.0;
    for (std::size_t j = 0; j < classes; ++j) sum += std::exp(z[m * classes + j]);
    for (std::size_t j = 0; j < classes; ++j) {
      const double p = std::exp(z[m * classes + j]) / sum - (j == batch.labels[m] ? 1.0 : 0.0);
      ASSERT_NEAR(g[m * classes + j], 65536.0 * p, tolerance) << recipe_.name << " " << m << " " << j;
    }
  }
}

}  // namespace bitloom::testing
