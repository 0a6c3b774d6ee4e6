// The part of the judge that derives the sums and the operations on real numbers.
#include "testbench/model/golden/graph_judge.hpp"

namespace bitloom::testing {

std::int64_t GraphJudge::largest_code(const std::string& name, const ViewRule& view) const {
  const NamedTensor& codes = record_.tensors.at(name);
  if (view.quantizer == Quantizer::kRoundClip || view.quantizer == Quantizer::kStandardizedRoundClip)
    return view.levels;
  switch (codes.kind) {
    case CodeKind::kSign:
      return 1;
    case CodeKind::kLog:
      return std::int64_t{1} << view.binades;
    case CodeKind::kUnsigned:
      return (std::int64_t{1} << codes.bits) - 1;
    case CodeKind::kSigned:
      break;
  }
  return (std::int64_t{1} << (codes.bits - 1)) - 1;
}

int GraphJudge::view_shift(int node) const {
  const std::string& name = of(node).name;
  if (!has_16_bits(name + ".z_raw")) return 0;
  if (of(node).op == Op::kAveragePool) {
    const auto& facts = std::get<PoolAttributes>(of(node).attributes);
    return spec::pool_shift(std::int64_t{facts.kernel.rows} * facts.kernel.cols);
  }
  if (!is_layer(node)) return 0;
  const Conv2dAttributes conv = conv_of(of(node));
  const RecipeLayer with = rule(node);
  return spec::view_shift(std::int64_t{conv.kernel.rows} * conv.kernel.cols * (conv.in / conv.groups),
                          largest_code(name + ".x", with.activation), largest_code(name + ".w", with.weight));
}

double GraphJudge::place_of_input_gradient(int n, const RecipeLayer& with) const {
  const std::string& name = of(n).name;
  if (!has_16_bits(of(source(n)).name + ".d_raw")) return 0.0;
  if (with.gradient.quantizer == Quantizer::kGroup) {
    return scale(name + ".dunit") * scale(name + ".sw") * value(Real::from_word(record_.scalars.at(name + ".group_z")));
  }
  const Conv2dAttributes conv = conv_of(of(n));
  const int shift = spec::view_shift(std::int64_t{conv.kernel.rows} * conv.kernel.cols * (conv.out / conv.groups),
                                     largest_code(name + ".d", with.gradient), largest_code(name + ".w", with.weight));
  return std::ldexp(scale(name + ".sd") * scale(name + ".sw"), shift);
}

void GraphJudge::into_view(int node, Reals& sums) const {
  if (!has_16_bits(of(node).name + ".z_raw")) return;
  for (double& v : sums) {  // nearbyint() takes halves to the even neighbour
    v = std::clamp(std::nearbyint(std::ldexp(v, -view_shift(node))), -32767.0, 32767.0);
  }
}

void GraphJudge::layer(int n) {
  const std::string name = of(n).name;
  const Conv2dAttributes conv = conv_of(of(n));
  const RecipeLayer with = rule(n);
  if (source(n) != kNetworkInput) {
    exact_input(n, with);
    codes_of_input(n, with);
  } else {
    same_scale(name + ".sx", {batch_scale_.m, batch_scale_.s, false});
  }
  exact_weights(n, with);
  codes_of_weights(n, with);
  same_scale(name + ".s_acc", spec::nearest(spec::product(scale_word(name + ".sx"), scale_word(name + ".sw"))));
  const Dims in = of(n).op == Op::kLinear ? Dims{samples_, 1, 1, conv.in} : dims(source(n));
  Reals z = conv_forward(conv, in, dims(n), tensor(name + ".x"), tensor(name + ".w"));
  if (conv.bias) {
    const Reals b = tensor(name + ".b_acc");
    const LayerState& state = before_.layers[static_cast<std::size_t>(layer_number(n))];
    for (std::size_t o = 0; o < b.size(); ++o) {
      const double bias = std::ldexp(state.bias[o], -recipe_.update.bias_frac_bits);
      // DIV rounds the ratio, N3.1 the result.
      const double place = scale(name + ".s_acc");
      ASSERT_NEAR(b[o] * place, bias, place * 0.5 + std::fabs(bias) * kRounding) << name;
    }
    for (std::size_t i = 0; i < z.size(); ++i) z[i] += b[i % b.size()];
  }
  if (has(name + ".mask")) {
    for (double& v : z) v = std::fmax(v, 0.0);
  }
  into_view(n, z);
  near(name + ".z_raw", tensor(name + ".z_raw"), z, 0.0);
}

/// Judges a weight gradient. `terms`: the sums of the magnitudes that add up to dw.
void GraphJudge::weight_gradient(int n, const RecipeLayer& with, const Reals& dw, const Reals& terms) const {
  const std::string name = of(n).name;
  const double unit_of_dw = scale(name + ".unit_dw");
  const Reals got = tensor(name + ".dw", unit_of_dw);
  if (with.weight.quantizer != Quantizer::kStandardizedRoundClip) {
    near(name + ".dw", got, dw, product_bound(with, terms, unit_of_dw));
    return;
  }
  const auto out = static_cast<std::size_t>(conv_of(of(n)).out);
  Reals master;
  const LayerState& state = before_.layers[static_cast<std::size_t>(layer_number(n))];
  for (const std::int32_t m : state.master) master.push_back(std::ldexp(m, -recipe_.update.master_frac_bits));
  const Reals ones(out, 1.0);
  const double half_of_dw = half_place(ints(name + ".dwhat_raw"), scale(name + ".sd") * scale(name + ".sx"));
  near(
      name + ".dw", got, norm_gradient(false, kStandardizationEps, out, master, ones, dw).dx,
      norm_bounds({false, kStandardizationEps, out,
                   half_place(state.master, std::ldexp(1.0, -recipe_.update.master_frac_bits)), half_of_dw, unit_of_dw},
                  master, ones, Reals(out), dw)
          .dx);
}

/// Elementwise tolerance of sums of products whose magnitudes add up to `terms`. The sums themselves are exact. Their
/// unit is one product of scales (N5.3, N5.4), and with SMP a quotient besides (N19.4). By groups (N21.3): a step or an
/// offset is divided by Z, the unit is a product of three, and N12 rounds to a whole unit.
Reals GraphJudge::product_bound(const RecipeLayer& with, Reals terms, double unit) const {
  const bool groups = with.gradient.quantizer == Quantizer::kGroup;
  for (double& t : terms) t = t * (groups ? 3.0 : 2.0) * kRounding + (groups ? unit : 0.0);
  return terms;
}

void GraphJudge::backward_layer(int n) {
  const std::string name = of(n).name;
  const Conv2dAttributes conv = conv_of(of(n));
  const RecipeLayer with = rule(n);
  exact_gradient(n, with);
  codes_of_gradient(n, with);
  const Dims in = of(n).op == Op::kLinear ? Dims{samples_, 1, 1, conv.in} : dims(source(n));
  const Reals x = tensor(name + ".x", scale(name + ".sx"));
  const Reals w = tensor(name + ".w", scale(name + ".sw"));
  const Reals for_weights = gradient_view(n, with, true), size = gradient_size(n, with, true);
  Reals dw = conv_weight_gradient(conv, in, dims(n), x, for_weights);
  if (has(name + ".w_mask")) {
    const Reals mask = tensor(name + ".w_mask");
    for (std::size_t i = 0; i < dw.size(); ++i) dw[i] *= mask[i];
  }
  weight_gradient(n, with, dw, conv_weight_gradient(conv, in, dims(n), magnitudes(x), size));
  if (conv.bias) {
    Reals db(static_cast<std::size_t>(conv.out)), terms = db;
    for (std::size_t i = 0; i < for_weights.size(); ++i) {
      db[i % db.size()] += for_weights[i];
      terms[i % db.size()] += size[i];
    }
    const double unit_of_db = scale(name + ".unit_db");
    near(name + ".db", tensor(name + ".db", unit_of_db), db, product_bound(with, terms, unit_of_db));
  }
  if (source(n) == kNetworkInput) return;
  Reals g = conv_input_gradient(conv, in, dims(n), gradient_view(n, with, false), w);
  if (has(name + ".x_mask")) {
    const Reals mask = tensor(name + ".x_mask");
    for (std::size_t i = 0; i < g.size(); ++i) g[i] *= mask[i];
  }
  const Reals terms = conv_input_gradient(conv, in, dims(n), gradient_size(n, with, false), magnitudes(w));
  Reals bound = product_bound(with, terms, 0.0);
  const double place = place_of_input_gradient(n, with);
  if (place > 0.0 && gradients_.count(source(n)) == 0 && readers(source(n)) == 1) {
    const double unit_of_g = scale(of(source(n)).name + ".dunit");
    ASSERT_NEAR(unit_of_g, place, 3.0 * kRounding * place) << name;  // RMUL twice, TO_SCALE
  }
  for (double& b : bound) b += place;
  deliver(source(n), g, bound);
}

void GraphJudge::pool(int n) {
  const auto& facts = std::get<PoolAttributes>(of(n).attributes);
  const bool max = of(n).op == Op::kMaxPool;
  const int from = source(n);
  const Reals x = tensor(of(from).name + ".z_raw");
  Reals pooled = pool_forward(facts, max, dims(from), dims(n), x);
  into_view(n, pooled);
  near(of(n).name + ".z_raw", tensor(of(n).name + ".z_raw"), pooled, 0.0);
  const double divisor = std::ldexp(max ? 1.0 : facts.kernel.rows * facts.kernel.cols, -view_shift(n));
  if (recipe_.update.store != WeightStore::kInteger) {
    ASSERT_NEAR(unit(n), unit(from) / divisor, 2.0 * unit(n) * kRounding) << of(n).name;  // RDIV, RMUL
  }
}

void GraphJudge::add(int n) {
  Reals want = output(source(n, 0));
  const Reals other = output(source(n, 1));
  Reals bound;
  for (std::size_t i = 0; i < want.size(); ++i) {
    bound.push_back(kRounding * (std::fabs(want[i]) + std::fabs(other[i])) + unit(n));  // N14.6: two RDIV, N12
    want[i] += other[i];
  }
  if (has(of(n).name + ".mask")) {
    for (double& v : want) v = std::fmax(v, 0.0);
  }
  near(of(n).name + ".z_raw", output(n), want, bound);
  deliver(source(n, 0), gradient(n), Reals(want.size()));
  deliver(source(n, 1), gradient(n), Reals(want.size()));
}

/// Judges the gradient that a node's readers delivered against what the engine made of it.
void GraphJudge::delivered(int n) {
  Reals want = gradients_.at(n).sum, bound = gradients_.at(n).bound;
  behind_relu(n, want);
  // N12 rounds each part and each sum to a place, and before it a norm's constant (N16.3) to half a place.
  const double places = 1.5 * gradients_.at(n).count * scale(of(n).name + ".dunit");
  for (double& b : bound) b += places;
  near(of(n).name + ".d_raw", gradient(n), want, bound);
}

void GraphJudge::step(int number) {
  std::mt19937_64 random(static_cast<std::uint64_t>(number) + 17);
  const InputFormat input = input_format(network_, recipe_, {73, 0.353});
  Batch batch;
  batch.M = samples_;
  batch.scale = input.scale;
  const int q = input.largest_code;
  const Dims in = dims_of(network_.input, samples_);
  for (std::size_t i = 0; i < in.size(); ++i) {
    batch.X.push_back(static_cast<std::int8_t>(static_cast<int>(random() % static_cast<unsigned>(2 * q + 1)) - q));
  }
  const auto classes = static_cast<std::uint64_t>(network_.nodes.back().shape[0]);
  for (int m = 0; m < samples_; ++m) batch.labels.push_back(static_cast<std::uint8_t>(random() % classes));
  batch_scale_ = batch.scale;
  context_ = {99, state_.step, nearest_scale(0.05), 58982};
  if (number == 0) engine_.calibrate(state_, batch, context_);
  before_ = state_;
  engine_.step(state_, batch, context_, ByName(record_, network_));
  gradients_.clear();
  const int loss = static_cast<int>(network_.nodes.size()) - 1;
  for (int n = 0; n < loss; ++n) {
    if (of(n).op == Op::kLinear || of(n).op == Op::kConv2d) layer(n);
    same_mask(n);
    if (::testing::Test::HasFatalFailure()) return;
  }
  exact_loss(batch);
  for (int n = loss - 1; n >= 0; --n) {
    const Op op = of(n).op;
    if (op == Op::kRelu || op == Op::kFlatten) continue;
    if (n != source(loss)) delivered(n);
    if (::testing::Test::HasFatalFailure()) return;
    if (op == Op::kLinear || op == Op::kConv2d) backward_layer(n);
    if (op == Op::kMaxPool || op == Op::kAveragePool) {
      pool(n);
      const auto& facts = std::get<PoolAttributes>(of(n).attributes);
      const bool max = op == Op::kMaxPool;
      Reals g = pool_gradient(facts, max, dims(source(n)), dims(n), tensor(of(source(n)).name + ".z_raw"), gradient(n));
      Reals bound(g.size());
      for (std::size_t i = 0; i < g.size() && !max; ++i) {
        g[i] /= facts.kernel.rows * facts.kernel.cols;
        bound[i] = 2.0 * kRounding * std::fabs(g[i]);  // N15.2's unit: RDIV, RMUL
      }
      deliver(source(n), g, bound);
    }
    if (op == Op::kBatchNorm) norm(n);
    if (op == Op::kAdd) add(n);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace bitloom::testing
