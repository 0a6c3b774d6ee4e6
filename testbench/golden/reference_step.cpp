#include "testbench/golden/reference_step.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <numeric>

#include "model/functions.hpp"
#include "model/linear.hpp"
#include "model/random.hpp"
#include "model/update.hpp"

namespace bitloom::testing {
namespace {

/// A whole tensor of exact integers.
struct Matrix {
  int rows = 0;
  int cols = 0;
  std::vector<std::int64_t> values;

  Matrix() = default;
  Matrix(int r, int c) : rows(r), cols(c), values(static_cast<std::size_t>(r) * static_cast<std::size_t>(c)) {}
  template <class T>
  Matrix(int r, int c, const std::vector<T>& from) : rows(r), cols(c), values(from.begin(), from.end()) {}

  std::int64_t& at(int r, int c) { return values[index(r, c)]; }
  std::int64_t at(int r, int c) const { return values[index(r, c)]; }
  std::size_t index(int r, int c) const {
    return static_cast<std::size_t>(r) * static_cast<std::size_t>(cols) + static_cast<std::size_t>(c);
  }
};

Matrix filled(int rows, int cols, const std::function<std::int64_t(int, int)>& element) {
  Matrix result(rows, cols);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c) result.at(r, c) = element(r, c);
  }
  return result;
}

Matrix raw_of(const Matrix& exact, std::uint64_t& saturations) {
  return filled(exact.rows, exact.cols, [&](int r, int c) { return raw_view(exact.at(r, c), saturations); });
}

std::uint32_t maximum(const Matrix& raw) {
  std::int64_t max = 0;
  for (const std::int64_t value : raw.values) max = std::max(max, std::abs(value));
  return static_cast<std::uint32_t>(max);
}

NamedTensor named(const Matrix& matrix, int bits) {
  return {matrix.rows, matrix.cols, bits, {matrix.values.begin(), matrix.values.end()}};
}

/// One step at work.
class Reference {
 public:
  Reference(const Chain& chain, const Recipe& recipe, const Batch& batch, const StepContext& context)
      : chain_(chain), recipe_(recipe), batch_(batch), context_(context), count_(static_cast<int>(chain.size())) {}

  StepResult run(TrainState& state, bool exact, bool update, StepRecord& record);

 private:
  int bits(int l) const { return layer_recipe(recipe_, l, count_, chain_[static_cast<std::size_t>(l)].name).bits; }
  const std::string& name(int l) const { return chain_[static_cast<std::size_t>(l)].name; }

  /// N6.3, and N6.4 for weights.
  Matrix codes(const Matrix& exact, Scale unit, Scale scale, Rounding rounding, int layer, TensorKind kind, int width,
               std::uint64_t& saturations) {
    const Scale ratio = div(unit, scale, scale_saturations_);
    const Stream stream = make_stream(context_.seed64, context_.step, tensor_id(layer, kind), RandomUse::kQuantize);
    return filled(exact.rows, exact.cols, [&](int r, int c) {
      const std::uint32_t u = stream.draw(static_cast<std::uint32_t>(r), static_cast<std::uint32_t>(c), 8);
      return requantize_to(exact.at(r, c), ratio, rounding, u, 8, qmax(width), saturations);
    });
  }

  /// The scale to use (N6.1, N6.2); `next` receives what this step's maximum gives.
  Scale choose(ScaleRule rule, bool exact, std::uint32_t max, Scale unit, int width, Scale stored, Scale& next) {
    const bool hindsight = rule == ScaleRule::kHindsight && !exact;
    next = max_to_scale(max, unit, qmax(width), hindsight ? std::optional<Scale>(stored) : std::nullopt,
                        scale_saturations_);
    return hindsight ? stored : next;
  }

  /// N9 of one tensor.
  void update_tensor(std::vector<std::int32_t>& master, std::vector<std::int32_t>& momentum, const Matrix& gradient,
                     Scale unit, Scale state_unit, std::int64_t limit, int layer, TensorKind kind,
                     std::uint64_t& master_saturations, std::uint64_t& momentum_saturations) {
    const Scale momentum_unit = power_of_two(recipe_.update.momentum_frac_bits);
    const Scale ratio_g = div(unit, momentum_unit, scale_saturations_);
    const Scale ratio_w = div(mul(context_.lr, momentum_unit, scale_saturations_), state_unit, scale_saturations_);
    const std::uint32_t tensor = tensor_id(layer, kind);
    const Stream v_stream = make_stream(context_.seed64, context_.step, tensor, RandomUse::kMomentum);
    const Stream w_stream = make_stream(context_.seed64, context_.step, tensor, RandomUse::kMaster);
    for (int r = 0; r < gradient.rows; ++r) {
      for (int c = 0; c < gradient.cols; ++c) {
        const auto row = static_cast<std::uint32_t>(r);
        const auto col = static_cast<std::uint32_t>(c);
        const std::size_t at = gradient.index(r, c);
        const std::uint32_t u = recipe_.update.stochastic ? v_stream.draw(row, col, 16) : kHalfUpWord16;
        const std::uint32_t w = recipe_.update.stochastic ? w_stream.draw(row, col, 16) : kHalfUpWord16;
        momentum[at] = update_momentum(momentum[at], static_cast<std::int32_t>(gradient.values[at]), context_.mu16,
                                       ratio_g, u, momentum_saturations);
        master[at] = update_master(master[at], momentum[at], ratio_w, limit, w, master_saturations);
      }
    }
  }

  const Chain& chain_;
  const Recipe& recipe_;
  const Batch& batch_;
  StepContext context_;
  int count_;
  std::uint64_t scale_saturations_ = 0;
};

struct Counts {
  std::uint64_t x = 0, w = 0, d = 0, b_acc = 0, z = 0, d_raw = 0, dw = 0, db = 0, master = 0, momentum = 0, bias = 0,
                bias_momentum = 0;
};

StepResult Reference::run(TrainState& state, bool exact, bool update, StepRecord& record) {
  record = {};
  const int samples = batch_.M;
  const auto layers = chain_.size();
  std::vector<Matrix> x(layers), w(layers), a(layers), raw(layers), mask(layers), b_acc(layers), d(layers), g(layers);
  std::vector<Scale> sx(layers), sw(layers), sd(layers), s_acc(layers), sx_next(layers), sd_next(layers);
  std::vector<Counts> counts(layers);
  const Scale s_m = power_of_two(recipe_.update.master_frac_bits);
  const Scale s_b = power_of_two(recipe_.update.bias_frac_bits);

  // (2) of N10
  for (int l = 0; l < count_; ++l) {
    const auto i = static_cast<std::size_t>(l);
    const LayerState& of = state.layers[i];
    sw[i] = max_to_scale(of.wmax, s_m, qmax(bits(l)), std::nullopt, scale_saturations_);
    w[i] = codes(Matrix(chain_[i].in, chain_[i].out, of.master), s_m, sw[i], recipe_.weight_rounding, l,
                 TensorKind::kWeight, bits(l), counts[i].w);
  }

  // (3)
  x[0] = Matrix(samples, chain_[0].in, batch_.X);
  sx[0] = batch_.scale;
  for (int l = 0; l < count_; ++l) {
    const auto i = static_cast<std::size_t>(l);
    s_acc[i] = mul(sx[i], sw[i], scale_saturations_);
    b_acc[i] = Matrix(1, chain_[i].out);
    if (chain_[i].bias) {
      const Scale ratio_b = div(s_b, s_acc[i], scale_saturations_);
      record.scalars[name(l) + ".ratio_b"] = word(ratio_b);
      for (int o = 0; o < chain_[i].out; ++o) {
        const std::int32_t bias = state.layers[i].bias[static_cast<std::size_t>(o)];
        b_acc[i].at(0, o) = accumulator_bias(bias, ratio_b, counts[i].b_acc);
      }
    }
    mask[i] = Matrix(samples, chain_[i].out);
    a[i] = filled(samples, chain_[i].out, [&](int m, int o) {
      std::int64_t z = b_acc[i].at(0, o);
      for (int k = 0; k < chain_[i].in; ++k) z += x[i].at(m, k) * w[i].at(k, o);
      const Activation activation = activate(z, chain_[i].relu);
      mask[i].at(m, o) = activation.mask ? 1 : 0;
      return activation.a;
    });
    raw[i] = raw_of(a[i], counts[i].z);
    if (l + 1 == count_) break;
    sx[i + 1] = choose(recipe_.activation.scale, exact, maximum(raw[i]), s_acc[i], bits(l + 1),
                       state.layers[i + 1].sx_next, sx_next[i + 1]);
    const bool one_pass = recipe_.activation.scale == ScaleRule::kHindsight && !exact;
    x[i + 1] = codes(one_pass ? a[i] : raw[i], s_acc[i], sx[i + 1], recipe_.activation.rounding, l,
                     TensorKind::kActivation, bits(l + 1), counts[i + 1].x);
  }

  // (4)
  StepResult result;
  const std::size_t last = layers - 1;
  const int classes = chain_[last].out;
  g[last] = Matrix(samples, classes);
  const Scale c = logit_exponent_scale(s_acc[last], scale_saturations_);
  for (int m = 0; m < samples; ++m) {
    std::vector<std::int32_t> logits, gradient(static_cast<std::size_t>(classes));
    for (int o = 0; o < classes; ++o) logits.push_back(static_cast<std::int32_t>(raw[last].at(m, o)));
    const SampleLoss sample = softmax_cross_entropy(logits, batch_.labels[static_cast<std::size_t>(m)], c, gradient);
    result.loss = add_loss(result.loss, sample.loss);
    result.correct += sample.correct ? 1 : 0;
    for (int o = 0; o < classes; ++o) g[last].at(m, o) = gradient[static_cast<std::size_t>(o)];
  }
  Scale unit = loss_gradient_unit(static_cast<std::uint32_t>(samples), scale_saturations_);
  const auto quantize_gradient = [&](int l) {
    const auto i = static_cast<std::size_t>(l);
    sd[i] = choose(recipe_.gradient.scale, exact, maximum(g[i]), unit, bits(l), state.layers[i].sd_next, sd_next[i]);
    d[i] = codes(g[i], unit, sd[i], recipe_.gradient.rounding, l, TensorKind::kGradient, bits(l), counts[i].d);
  };
  quantize_gradient(count_ - 1);

  // (5)
  for (int l = count_ - 1; l >= 0; --l) {
    const auto i = static_cast<std::size_t>(l);
    const LinearLayer& facts = chain_[i];
    if (l > 0) {
      const Matrix exact_g = filled(samples, facts.in, [&](int m, int k) {
        std::int64_t sum = 0;
        for (int o = 0; o < facts.out; ++o) sum += d[i].at(m, o) * w[i].at(k, o);
        return mask_gradient(sum, mask[i - 1].at(m, k) != 0);
      });
      g[i - 1] = raw_of(exact_g, counts[i - 1].d_raw);
      unit = mul(sd[i], sw[i], scale_saturations_);
      quantize_gradient(l - 1);
    }
    if (!update) continue;
    LayerState& of = state.layers[i];
    const Matrix dw = raw_of(filled(facts.in, facts.out,
                                    [&](int k, int o) {
                                      std::int64_t sum = 0;
                                      for (int m = 0; m < samples; ++m) sum += x[i].at(m, k) * d[i].at(m, o);
                                      return sum;
                                    }),
                             counts[i].dw);
    update_tensor(of.master, of.momentum, dw, mul(sd[i], sx[i], scale_saturations_), s_m, kMasterLimit, l,
                  TensorKind::kWeight, counts[i].master, counts[i].momentum);
    of.wmax = maximum(Matrix(facts.in, facts.out, of.master));
    record.tensors[name(l) + ".dw"] = named(dw, 32);
    record.tensors[name(l) + ".master"] = named(Matrix(facts.in, facts.out, of.master), 32);
    record.tensors[name(l) + ".momentum"] = named(Matrix(facts.in, facts.out, of.momentum), 16);
    if (!facts.bias) continue;
    const Matrix db = raw_of(filled(1, facts.out,
                                    [&](int, int o) {
                                      std::int64_t sum = 0;
                                      for (int m = 0; m < samples; ++m) sum += d[i].at(m, o);
                                      return sum;
                                    }),
                             counts[i].db);
    update_tensor(of.bias, of.bias_momentum, db, sd[i], s_b, kBiasLimit, l, TensorKind::kBias, counts[i].bias,
                  counts[i].bias_momentum);
    record.tensors[name(l) + ".db"] = named(db, 32);
    record.tensors[name(l) + ".b_acc"] = named(b_acc[i], 32);
    record.tensors[name(l) + ".bias"] = named(Matrix(1, facts.out, of.bias), 32);
    record.tensors[name(l) + ".bias_momentum"] = named(Matrix(1, facts.out, of.bias_momentum), 16);
  }

  for (int l = 0; l < count_; ++l) {
    const auto i = static_cast<std::size_t>(l);
    const std::string prefix = name(l) + ".";
    record.tensors[prefix + "x"] = named(x[i], bits(l));
    record.tensors[prefix + "w"] = named(w[i], bits(l));
    record.tensors[prefix + "d"] = named(d[i], bits(l));
    record.tensors[prefix + "z_raw"] = named(raw[i], 32);
    record.tensors[prefix + "d_raw"] = named(g[i], 32);
    if (chain_[i].relu) record.tensors[prefix + "mask"] = named(mask[i], 1);
    auto& scalars = record.scalars;
    scalars[prefix + "sx"] = word(sx[i]);
    scalars[prefix + "sw"] = word(sw[i]);
    scalars[prefix + "sd"] = word(sd[i]);
    scalars[prefix + "s_acc"] = word(s_acc[i]);
    if (l > 0 && recipe_.activation.scale == ScaleRule::kHindsight) {
      state.layers[i].sx_next = sx_next[i];
      scalars[prefix + "sx_next"] = word(sx_next[i]);
    }
    if (recipe_.gradient.scale == ScaleRule::kHindsight) {
      state.layers[i].sd_next = sd_next[i];
      scalars[prefix + "sd_next"] = word(sd_next[i]);
    }
    scalars[prefix + "zmax"] = maximum(raw[i]);
    scalars[prefix + "dmax"] = maximum(g[i]);
    scalars[prefix + "wmax"] = state.layers[i].wmax;
    const auto count = [&](const char* what, std::uint64_t n) {
      scalars[prefix + what] = static_cast<std::uint32_t>(n);
      result.saturated += n;
    };
    if (l > 0) count("xsat", counts[i].x);
    count("wsat", counts[i].w);
    count("dsat", counts[i].d);
    count("zsat", counts[i].z);
    count("d_rawsat", counts[i].d_raw);
    count("dwsat", counts[i].dw);
    count("msat", counts[i].master);
    count("vsat", counts[i].momentum);
    if (!chain_[i].bias) continue;
    count("b_accsat", counts[i].b_acc);
    count("dbsat", counts[i].db);
    count("bsat", counts[i].bias);
    count("bvsat", counts[i].bias_momentum);
  }
  record.scalars["loss"] = result.loss;
  record.scalars["correct"] = result.correct;
  record.scalars["scale_sat"] = static_cast<std::uint32_t>(scale_saturations_);
  result.saturated += scale_saturations_;
  if (update) ++state.step;
  return result;
}

}  // namespace

StepResult reference_step(const Chain& chain, const Recipe& recipe, TrainState& state, const Batch& batch,
                          const StepContext& context, StepRecord& record) {
  return Reference(chain, recipe, batch, context).run(state, false, true, record);
}

void reference_calibrate(const Chain& chain, const Recipe& recipe, TrainState& state, const Batch& batch,
                         const StepContext& context) {
  StepRecord record;
  Reference(chain, recipe, batch, context).run(state, true, false, record);
}

}  // namespace bitloom::testing
