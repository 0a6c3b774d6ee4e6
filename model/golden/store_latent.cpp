// The codes of LWQ: integer weights with residuals, or with the latent weights that they are compared with (N23).
#include <algorithm>
#include <cmath>

#include "model/golden/store.hpp"
#include "model/numerics/polyline.hpp"
#include "model/rows/row_factors.hpp"
#include "model/rows/row_random.hpp"

namespace bitloom {
namespace {

/// Is the latent weight itself kept, without a codebook (N23.2)?
bool whole(const UpdateRule& update) { return update.latent_bits == 24; }

CodeMoments moments_of(LayerState& state, int layer) {
  return {state.momentum, state.sv, state.sv_next, state.adam, state.sw, layer};
}

/// Takes changes off latent weights that are whole, and makes their integers (N23.2, N23.5). Returns how many were
/// limited.
std::uint64_t take_whole(LayerState& state, std::size_t at, std::size_t count, const std::int32_t* changes, int limit) {
  std::uint64_t saturated = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    state.latent[i] = limit_latent(std::int64_t{state.latent[i]} - changes[i - at], limit, saturated);
    state.q[i] = integer_weight(state.latent[i]);
  }
  return saturated;
}

/// Takes changes off latent weights that codes hold, and encodes them again (N23.2, N23.5).
class CodedRows {
 public:
  CodedRows(LayerState& state, const UpdateRule& update, int limit, std::size_t cols, const Stream& stream)
      : state_(state),
        cols_(cols),
        codes_(polyline_rule(state.level_read, state.level_write, limit, update.latent_bits)),
        stochastic_(update.stochastic),
        stream_(stream),
        random_(kernel_, cols, 16) {}

  /// Returns how many were limited.
  std::uint64_t take(std::size_t row, std::size_t rows, const std::int32_t* changes) {
    std::uint64_t saturated = 0;
    for (const std::size_t end = row + rows; row < end; row += rows_at_once(cols_)) {
      const std::size_t some = std::min(rows_at_once(cols_), end - row), at = row * cols_;
      const auto* words = stochastic_ ? random_.draw<RandomField16>(stream_, row, some) : nullptr;
      saturated +=
          kernel_.polyline_row(state_.q.data() + at, state_.residual.data() + at, changes, some * cols_, codes_, words);
      changes += some * cols_;
    }
    return saturated;
  }

 private:
  const Kernels& kernel_ = kernels(active_isa());
  LayerState& state_;
  std::size_t cols_;
  PolylineRule codes_;
  bool stochastic_;
  Stream stream_;
  RandomRows random_;
};

class LatentStore final : public GoldenStore {
 public:
  void list(StateList& to, const WeightPlace& place, const UpdateRule& update) const override {
    const std::int64_t largest = qmax(place.rule.width(place.rule.weight));
    const auto add = [&](StepTensor what, std::int64_t limit, auto LayerState::*field) -> StateTensor& {
      return to.weights(what, place.depth, place.out, limit, member(place.layer, field));
    };
    add(StepTensor::kQ, largest, &LayerState::q);
    if (whole(update)) {
      add(StepTensor::kLatent, largest * 65536 + 32767, &LayerState::latent);
    } else {
      const std::int64_t codes = polyline_codes(update.latent_bits);
      add(StepTensor::kResidual, codes, &LayerState::residual).limits.high = codes - 1;
    }
    golden_optimizer(update.optimizer).list_beside_codes(to, place.moments(), update);
  }

  StoreScalars scalars(const UpdateRule& update) const override {
    return {true, golden_optimizer(update.optimizer).has_scales(), true};
  }

  /// Chooses the fixed scale, and the nearest latent weights that the codes hold (N23.1).
  void start(const std::vector<float>& weights, const RecipeLayer& rule, const UpdateRule& update,
             LayerState& state) const override {
    const int limit = qmax(rule.width(rule.weight));
    const float max = largest_magnitude(weights);
    state.sw = nearest_scale(max > 0.0F ? static_cast<double>(max) * update.headroom / limit : 1.0);
    state.level_read = state.level_write = update.min_level;
    state.sv = kOne;
    state.sv_next = from_word(kNoScale);
    std::uint64_t uncounted = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double steps = static_cast<double>(weights[i]) / value(state.sw) * 65536.0;
      const auto latent = static_cast<std::int64_t>(std::floor(steps + 0.5));
      if (whole(update)) {
        state.latent[i] = limit_latent(latent, limit, uncounted);
        state.q[i] = integer_weight(state.latent[i]);
        continue;
      }
      const LatentCode code =
          polyline_encode(latent, state.level_read, 0, Rounding::kHalfUp, limit, uncounted, update.latent_bits);
      state.q[i] = code.q;
      state.residual[i] = code.s;
    }
  }

  std::vector<float> real_weights(const LayerState& state, const UpdateRule& update) const override {
    std::vector<float> weights;
    for (std::size_t i = 0; i < state.q.size(); ++i) {
      const std::int32_t latent =
          whole(update) ? state.latent[i]
                        : polyline_decode({state.q[i], state.residual[i]}, state.level_read, update.latent_bits);
      weights.push_back(static_cast<float>(latent / 65536.0 * value(state.sw)));
    }
    return weights;
  }

  /// Takes the optimizer's changes off the latent weights, and chooses the level of the next step (N23.5, N23.6).
  UpdateStatistics update(LayerState& state, const GradientView& gradient, const RecipeLayer& rule, int layer,
                          GoldenTools& tools) const override {
    const UpdateRule& update = tools.recipe.update;
    const int limit = qmax(rule.width(rule.weight));
    const std::size_t cols = gradient.cols;
    std::uint64_t saturated = 0;
    const auto change = [&](const TakeChanges& take) {
      return tools.optimizer.change(moments_of(state, layer), gradient, take, tools);
    };
    UpdateStatistics made;
    if (whole(update)) {
      made = change([&](std::size_t row, std::size_t rows, const std::int32_t* changes) {
        saturated += take_whole(state, row * cols, rows * cols, changes, limit);
      });
    } else {
      CodedRows codes(state, update, limit, cols, tools.stream(layer, TensorKind::kWeight, RandomUse::kMaster));
      made = change([&](std::size_t row, std::size_t rows, const std::int32_t* changes) {
        saturated += codes.take(row, rows, changes);
      });
    }
    made.saturated += saturated;
    state.level_read = state.level_write;
    state.level_write =
        lwq_next_level(state.level_write, state.q.size(), made.moved, update.min_level, update.max_level);
    return made;
  }

  void calibrate(LayerState& state, const GradientView& gradient, int layer, GoldenTools& tools) const override {
    tools.optimizer.calibrate(moments_of(state, layer), gradient, tools);
  }

  void record(const UpdateStatistics& made, const GoldenTools& tools, LayerRecord& to) const override {
    to.scalar(StepScalar::kMoved, static_cast<std::uint32_t>(made.moved));
    tools.optimizer.record(made, to);
  }
};

}  // namespace

namespace stores {

const GoldenStore& latent() { return object_of<LatentStore>(); }

}  // namespace stores
}  // namespace bitloom
