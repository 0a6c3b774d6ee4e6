#include "testbench/model/golden/reference_step.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <numeric>

#include "model/numerics/functions.hpp"
#include "model/numerics/linear.hpp"
#include "model/numerics/random.hpp"
#include "model/numerics/update.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom::testing {
namespace {

using test::linear_layers;
using test::LinearLayer;

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

struct Counts {
  std::uint64_t x = 0, w = 0, d = 0, b_acc = 0, z = 0, d_raw = 0, dw = 0, db = 0, master = 0, momentum = 0, bias = 0,
                bias_momentum = 0;
};

/// One step at work.
class Reference {
 public:
  Reference(const Network& network, const Recipe& recipe, const Batch& batch, const StepContext& context);

  StepResult run(TrainState& state, bool exact, bool update, NamedRecord& record);

 private:
  void quantize_weights(const TrainState& state);
  void forward(int l, const TrainState& state);
  void loss();
  void quantize_gradient(int l, Scale unit, const TrainState& state);
  void activation_gradient(int l, const TrainState& state);
  void update_layer(int l, LayerState& of, NamedRecord& record);
  void record_tensors(int l, NamedRecord& record) const;
  void record_scalars(int l, LayerState& of, NamedRecord& record);

  static std::size_t at(int index) { return static_cast<std::size_t>(index); }
  int bits(int l) const { return layer_recipe(recipe_, l, count_, layers_[static_cast<std::size_t>(l)].name).bits; }
  const std::string& name(int l) const { return layers_[static_cast<std::size_t>(l)].name; }

  /// Makes codes by N6.3, for weights by N6.4.
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
  Scale choose(ScaleRule rule, std::uint32_t max, Scale unit, int width, Scale stored, Scale& next) {
    const bool hindsight = rule == ScaleRule::kHindsight && !exact_;
    next = max_to_scale(max, unit, qmax(width), hindsight ? std::optional<Scale>(stored) : std::nullopt,
                        scale_saturations_);
    return hindsight ? stored : next;
  }

  /// Updates one tensor (N9).
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
        const std::size_t e = gradient.index(r, c);
        const std::uint32_t u = recipe_.update.stochastic ? v_stream.draw(row, col, 16) : kHalfUpWord16;
        const std::uint32_t w = recipe_.update.stochastic ? w_stream.draw(row, col, 16) : kHalfUpWord16;
        momentum[e] = update_momentum(momentum[e], static_cast<std::int32_t>(gradient.values[e]), context_.mu16,
                                      ratio_g, u, momentum_saturations);
        master[e] = update_master(master[e], momentum[e], ratio_w, limit, w, master_saturations);
      }
    }
  }

  std::vector<LinearLayer> layers_;
  const Recipe& recipe_;
  const Batch& batch_;
  StepContext context_;
  int count_;
  bool exact_ = false;
  std::vector<Matrix> x_, w_, a_, raw_, mask_, b_acc_, d_, g_;
  std::vector<Scale> sx_, sw_, sd_, s_acc_, ratio_b_, sx_next_, sd_next_, dunit_, dw_unit_;
  std::vector<Counts> counts_;
  std::uint64_t scale_saturations_ = 0;
  StepResult result_;
};

Reference::Reference(const Network& network, const Recipe& recipe, const Batch& batch, const StepContext& context)
    : layers_(linear_layers(network)),
      recipe_(recipe),
      batch_(batch),
      context_(context),
      count_(static_cast<int>(layers_.size())) {
  for (auto* matrices : {&x_, &w_, &a_, &raw_, &mask_, &b_acc_, &d_, &g_}) matrices->resize(layers_.size());
  for (auto* scales : {&sx_, &sw_, &sd_, &s_acc_, &ratio_b_, &sx_next_, &sd_next_, &dunit_, &dw_unit_})
    scales->resize(layers_.size());
  counts_.resize(layers_.size());
}

StepResult Reference::run(TrainState& state, bool exact, bool update, NamedRecord& record) {
  exact_ = exact;
  record = {};
  quantize_weights(state);
  for (int l = 0; l < count_; ++l) forward(l, state);
  loss();
  quantize_gradient(count_ - 1, loss_gradient_unit(static_cast<std::uint32_t>(batch_.M), scale_saturations_), state);
  for (int l = count_ - 1; l >= 0; --l) {
    if (l > 0) activation_gradient(l, state);
    if (update) update_layer(l, state.layers[at(l)], record);
  }
  for (int l = 0; l < count_; ++l) {
    record_tensors(l, record);
    record_scalars(l, state.layers[at(l)], record);
  }
  record.scalars["loss"] = result_.loss;
  record.scalars["correct"] = result_.correct;
  record.scalars["scale_sat"] = static_cast<std::uint32_t>(scale_saturations_);
  result_.saturated += scale_saturations_;
  if (update) ++state.step;
  return result_;
}

/// Makes the codes of all weights, (2) of N10.
void Reference::quantize_weights(const TrainState& state) {
  const Scale unit = power_of_two(recipe_.update.master_frac_bits);
  for (int l = 0; l < count_; ++l) {
    const std::size_t i = at(l);
    sw_[i] = max_to_scale(state.layers[i].wmax, unit, qmax(bits(l)), std::nullopt, scale_saturations_);
    w_[i] = codes(Matrix(layers_[i].in, layers_[i].out, state.layers[i].master), unit, sw_[i], recipe_.weight.rounding,
                  l, TensorKind::kWeight, bits(l), counts_[i].w);
  }
}

/// Computes one layer forward, (3) of N10.
void Reference::forward(int l, const TrainState& state) {
  const std::size_t i = at(l);
  const LinearLayer& facts = layers_[i];
  if (l == 0) {
    x_[0] = Matrix(batch_.M, facts.in, batch_.X);
    sx_[0] = batch_.scale;
  }
  s_acc_[i] = mul(sx_[i], sw_[i], scale_saturations_);
  b_acc_[i] = Matrix(1, facts.out);
  if (facts.bias) {
    ratio_b_[i] = div(power_of_two(recipe_.update.bias_frac_bits), s_acc_[i], scale_saturations_);
    for (int o = 0; o < facts.out; ++o) {
      b_acc_[i].at(0, o) = accumulator_bias(state.layers[i].bias[at(o)], ratio_b_[i], counts_[i].b_acc);
    }
  }
  mask_[i] = Matrix(batch_.M, facts.out);
  a_[i] = filled(batch_.M, facts.out, [&](int m, int o) {
    std::int64_t z = b_acc_[i].at(0, o);
    for (int k = 0; k < facts.in; ++k) z += x_[i].at(m, k) * w_[i].at(k, o);
    const Activation activation = activate(z, facts.relu);
    mask_[i].at(m, o) = activation.mask ? 1 : 0;
    return activation.a;
  });
  raw_[i] = raw_of(a_[i], counts_[i].z);
  if (l + 1 == count_) return;
  sx_[i + 1] = choose(recipe_.activation.scale, maximum(raw_[i]), s_acc_[i], bits(l + 1), state.layers[i + 1].sx_next,
                      sx_next_[i + 1]);
  const bool one_pass = recipe_.activation.scale == ScaleRule::kHindsight && !exact_;
  x_[i + 1] = codes(one_pass ? a_[i] : raw_[i], s_acc_[i], sx_[i + 1], recipe_.activation.rounding, l + 1,
                    TensorKind::kInput, bits(l + 1), counts_[i + 1].x);
}

/// Computes the loss, (4) of N10 without the codes.
void Reference::loss() {
  const std::size_t last = layers_.size() - 1;
  const int classes = layers_[last].out;
  const Scale c = logit_exponent_scale(s_acc_[last], scale_saturations_);
  g_[last] = Matrix(batch_.M, classes);
  for (int m = 0; m < batch_.M; ++m) {
    std::vector<std::int32_t> logits, gradient(at(classes));
    for (int o = 0; o < classes; ++o) logits.push_back(static_cast<std::int32_t>(raw_[last].at(m, o)));
    const SampleLoss sample = softmax_cross_entropy(logits, batch_.labels[at(m)], c, gradient);
    result_.loss = add_loss(result_.loss, sample.loss);
    result_.correct += sample.correct ? 1 : 0;
    for (int o = 0; o < classes; ++o) g_[last].at(m, o) = gradient[at(o)];
  }
}

void Reference::quantize_gradient(int l, Scale unit, const TrainState& state) {
  const std::size_t i = at(l);
  dunit_[i] = unit;
  sd_[i] = choose(recipe_.gradient.scale, maximum(g_[i]), unit, bits(l), state.layers[i].sd_next, sd_next_[i]);
  d_[i] = codes(g_[i], unit, sd_[i], recipe_.gradient.rounding, l, TensorKind::kGradient, bits(l), counts_[i].d);
}

/// Computes the gradient that layer l gives to the layer before it (N5.3).
void Reference::activation_gradient(int l, const TrainState& state) {
  const std::size_t i = at(l);
  const LinearLayer& facts = layers_[i];
  const Matrix exact = filled(batch_.M, facts.in, [&](int m, int k) {
    std::int64_t sum = 0;
    for (int o = 0; o < facts.out; ++o) sum += d_[i].at(m, o) * w_[i].at(k, o);
    return mask_gradient(sum, mask_[i - 1].at(m, k) != 0);
  });
  g_[i - 1] = raw_of(exact, counts_[i - 1].d_raw);
  quantize_gradient(l - 1, mul(sd_[i], sw_[i], scale_saturations_), state);
}

/// Computes layer l's weight and bias gradients and updates both (N5.4, N9).
void Reference::update_layer(int l, LayerState& of, NamedRecord& record) {
  const std::size_t i = at(l);
  const LinearLayer& facts = layers_[i];
  const Matrix dw = raw_of(filled(facts.in, facts.out,
                                  [&](int k, int o) {
                                    std::int64_t sum = 0;
                                    for (int m = 0; m < batch_.M; ++m) sum += x_[i].at(m, k) * d_[i].at(m, o);
                                    return sum;
                                  }),
                           counts_[i].dw);
  dw_unit_[i] = mul(sd_[i], sx_[i], scale_saturations_);
  update_tensor(of.master, of.momentum, dw, dw_unit_[i], power_of_two(recipe_.update.master_frac_bits), kMasterLimit, l,
                TensorKind::kWeight, counts_[i].master, counts_[i].momentum);
  of.wmax = maximum(Matrix(facts.in, facts.out, of.master));
  record.tensors[name(l) + ".dw"] = named(dw, 32);
  record.tensors[name(l) + ".master"] = named(Matrix(facts.in, facts.out, of.master), 32);
  record.tensors[name(l) + ".momentum"] = named(Matrix(facts.in, facts.out, of.momentum), 16);
  if (!facts.bias) return;
  const Matrix db = raw_of(filled(1, facts.out,
                                  [&](int, int o) {
                                    std::int64_t sum = 0;
                                    for (int m = 0; m < batch_.M; ++m) sum += d_[i].at(m, o);
                                    return sum;
                                  }),
                           counts_[i].db);
  update_tensor(of.bias, of.bias_momentum, db, sd_[i], power_of_two(recipe_.update.bias_frac_bits), kBiasLimit, l,
                TensorKind::kBias, counts_[i].bias, counts_[i].bias_momentum);
  record.tensors[name(l) + ".db"] = named(db, 32);
  record.tensors[name(l) + ".b_acc"] = named(b_acc_[i], 32);
  record.tensors[name(l) + ".bias"] = named(Matrix(1, facts.out, of.bias), 32);
  record.tensors[name(l) + ".bias_momentum"] = named(Matrix(1, facts.out, of.bias_momentum), 16);
}

void Reference::record_tensors(int l, NamedRecord& record) const {
  const std::size_t i = at(l);
  record.tensors[name(l) + ".x"] = named(x_[i], bits(l));
  record.tensors[name(l) + ".w"] = named(w_[i], bits(l));
  record.tensors[name(l) + ".d"] = named(d_[i], bits(l));
  record.tensors[name(l) + ".z_raw"] = named(raw_[i], 32);
  record.tensors[name(l) + ".d_raw"] = named(g_[i], 32);
  if (layers_[i].relu) record.tensors[name(l) + ".mask"] = named(mask_[i], 1);
}

/// Scales, maxima and counts; what hindsight keeps goes into the state.
void Reference::record_scalars(int l, LayerState& of, NamedRecord& record) {
  const std::size_t i = at(l);
  const std::string prefix = name(l) + ".";
  auto& scalars = record.scalars;
  scalars[prefix + "sx"] = word(sx_[i]);
  scalars[prefix + "sw"] = word(sw_[i]);
  scalars[prefix + "sd"] = word(sd_[i]);
  scalars[prefix + "s_acc"] = word(s_acc_[i]);
  scalars[prefix + "dunit"] = word(dunit_[i]);
  scalars[prefix + "unit_dw"] = word(dw_unit_[i]);
  if (l > 0 && recipe_.activation.scale == ScaleRule::kHindsight) {
    of.sx_next = sx_next_[i];
    scalars[prefix + "sx_next"] = word(sx_next_[i]);
  }
  if (recipe_.gradient.scale == ScaleRule::kHindsight) {
    of.sd_next = sd_next_[i];
    scalars[prefix + "sd_next"] = word(sd_next_[i]);
  }
  scalars[prefix + "zmax"] = maximum(raw_[i]);
  scalars[prefix + "dmax"] = maximum(g_[i]);
  scalars[prefix + "wmax"] = of.wmax;
  const auto count = [&](const char* what, std::uint64_t n) {
    scalars[prefix + what] = static_cast<std::uint32_t>(n);
    result_.saturated += n;
  };
  if (l > 0) count("xsat", counts_[i].x);
  count("wsat", counts_[i].w);
  count("dsat", counts_[i].d);
  count("zsat", counts_[i].z);
  count("d_rawsat", counts_[i].d_raw);
  count("dwsat", counts_[i].dw);
  count("msat", counts_[i].master);
  count("vsat", counts_[i].momentum);
  if (!layers_[i].bias) return;
  scalars[prefix + "ratio_b"] = word(ratio_b_[i]);
  scalars[prefix + "unit_db"] = word(sd_[i]);
  count("b_accsat", counts_[i].b_acc);
  count("dbsat", counts_[i].db);
  count("bsat", counts_[i].bias);
  count("bvsat", counts_[i].bias_momentum);
}

}  // namespace

StepResult reference_step(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
                          const StepContext& context, NamedRecord& record) {
  return Reference(network, recipe, batch, context).run(state, false, true, record);
}

void reference_calibrate(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
                         const StepContext& context) {
  NamedRecord record;
  Reference(network, recipe, batch, context).run(state, true, false, record);
}

}  // namespace bitloom::testing
