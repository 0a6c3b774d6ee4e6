// UPDATE, with LWQ too, and LOSS.
#include <algorithm>
#include <cstdlib>

#include "model/numerics/functions.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/polyline.hpp"
#include "model/numerics/update.hpp"
#include "sim/command_values.hpp"
#include "sim/vector_tile.hpp"

namespace bitloom {
namespace {

/// The two words of an element's update; constants where nothing is drawn.
class Words {
 public:
  Words(bool half_up, const Stream& momentum, const Stream& master, const Execution& e)
      : half_up_(half_up), momentum_(momentum), master_(master), e_(e) {}
  std::uint32_t momentum(std::int64_t i, std::int64_t j) const { return draw(momentum_, i, j); }
  std::uint32_t master(std::int64_t i, std::int64_t j) const { return draw(master_, i, j); }

 private:
  std::uint32_t draw(const Stream& stream, std::int64_t i, std::int64_t j) const {
    if (half_up_) return kHalfUpWord16;
    return stream.draw(e_.row0 + static_cast<std::uint32_t>(i), e_.col0 + static_cast<std::uint32_t>(j), 16);
  }
  bool half_up_;
  Stream momentum_, master_;
  const Execution& e_;
};

}  // namespace

void CommandValues::update(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const Words words(has_flag(c, Flag::HALF_UP), stream(c, RandomUse::kMomentum), stream(c, RandomUse::kMaster), e);
  const Scale ratio_g = from_word(entry(c.RATIO)), ratio_w = from_word(entry(c.RATIO_W));
  const std::int64_t limit = has_flag(c, Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  const int gradient = t.input(Part::gradient), master = t.input(Part::master), momentum = t.input(Part::momentum);
  const int master_out = t.output(Part::master), momentum_out = t.output(Part::momentum);
  Statistics& s = statistics(e);
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.width(); ++j) {
      std::int32_t v = 0, w = 0;
      if (j < t.cols) {
        v = update_momentum(t.in(momentum, i, j), t.in(gradient, i, j), c.MU16, ratio_g, words.momentum(i, j), s[2]);
        w = update_master(t.in(master, i, j), v, ratio_w, limit, words.master(i, j), s[1]);
        s[0] = std::max(s[0], static_cast<std::uint64_t>(std::abs(std::int64_t{w})));
      }
      t.out(master_out, i, j, w);
      t.out(momentum_out, i, j, v);
    }
  }
  save_statistics(e, t.operands.statistics);
}

void CommandValues::update_lwq(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const bool half_up = has_flag(c, Flag::HALF_UP);
  const Words words(half_up, stream(c, RandomUse::kMomentum), stream(c, RandomUse::kMaster), e);
  const Rounding rounding = half_up ? Rounding::kHalfUp : Rounding::kStochastic;
  const int momentum = t.input(Part::momentum), latent_in = t.input(Part::latent);
  const int weight = t.input(Part::weight), residual = t.input(Part::residual);
  const bool whole = latent_in >= 0;    // the latent weight is kept as it is
  const bool made_step = momentum < 0;  // N25.8
  const int moves = t.input(made_step ? Part::step : Part::gradient);
  const Real by_gradient = Real::from_word(entry(c.RATIO));
  const Real by_momentum = made_step ? Real{} : Real::from_word(entry(c.RATIO_W));
  const Real decay = made_step ? Real{} : Real::from_word(entry(c.LIMIT));
  const int read = static_cast<int>(entry(c.ADDEND)), write = static_cast<int>(entry(c.ADDEND + 1));
  const int limit = static_cast<int>(c.QMAX);
  const auto code8 = [&t](std::int64_t k, std::int64_t i, std::int64_t j) {
    return static_cast<std::int8_t>(t.in(k, i, j));
  };
  Statistics& s = statistics(e);
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.width(); ++j) {
      std::int32_t first = 0, second = 0;  // q and residual, or L and q
      std::int8_t v = 0;
      if (j < t.cols) {
        const std::int8_t old = made_step ? std::int8_t{0} : code8(momentum, i, j);
        const std::int64_t sum = lwq_momentum(old, decay, t.in(moves, i, j), by_gradient);
        s[0] = std::max<std::uint64_t>(s[0], lwq_momentum_magnitude(sum));
        std::int64_t delta = 0;
        if (made_step) {
          delta = lwq_delta(t.in(moves, i, j), by_gradient, s[1]);
        } else {
          v = lwq_momentum_code(sum, words.momentum(i, j), s[2]);
          delta = lwq_delta(v, by_momentum, s[1]);
        }
        s[3] += static_cast<std::uint64_t>(std::abs(delta));
        if (whole) {
          first = limit_latent(t.in(latent_in, i, j) - delta, limit, s[1]);
          second = integer_weight(first);
        } else {
          const std::int64_t latent = polyline_decode({code8(weight, i, j), code8(residual, i, j)}, read);
          const LatentCode to = polyline_encode(latent - delta, write, words.master(i, j), rounding, limit, s[1]);
          first = to.q;
          second = to.s;
        }
      }
      t.out(t.output(whole ? Part::latent : Part::weight), i, j, first);
      t.out(t.output(whole ? Part::weight : Part::residual), i, j, second);
      if (!made_step) t.out(t.output(Part::momentum), i, j, v);
    }
  }
  save_statistics(e, t.operands.statistics);
}

void CommandValues::loss(const Execution& e) {
  VectorTile t = vector_tile(e);
  const Scale scale = from_word(entry(e.command->RATIO));
  const int logits = t.input(Part::logits), labels = t.input(Part::labels), gradient = t.output(Part::gradient);
  const std::int64_t written = (t.cols + t.lanes - 1) / t.lanes * t.lanes;
  Statistics& s = statistics(e);
  std::vector<std::uint32_t> exponentials(static_cast<std::size_t>(t.cols));
  for (std::int64_t i = 0; i < t.rows; ++i) {
    std::int64_t top = 0;
    for (std::int64_t j = 1; j < t.cols; ++j) top = t.in(logits, i, j) > t.in(logits, i, top) ? j : top;
    const std::int64_t label = t.packed_value(labels, i);
    std::uint32_t sum = 0, of_label = 0;
    for (std::int64_t j = 0; j < t.cols; ++j) {
      const std::uint32_t distance =
          exponent_of_distance(std::int64_t{t.in(logits, i, top)} - t.in(logits, i, j), scale);
      if (j == label) of_label = distance;
      exponentials[static_cast<std::size_t>(j)] = exp2neg(distance);
      sum += exponentials[static_cast<std::size_t>(j)];
    }
    const std::uint32_t reciprocal = recip(sum);
    for (std::int64_t j = 0; j < written; ++j) {
      const bool real = j < t.cols;
      const std::int64_t p = real ? probability(exponentials[static_cast<std::size_t>(j)], reciprocal) : 0;
      t.out(gradient, i, j, p - (real && j == label ? 65536 : 0));
    }
    s[0] = add_loss(static_cast<std::uint32_t>(s[0]), log2fix(sum) - 16 * 65536 + of_label);
    s[1] += top == label ? 1 : 0;
  }
  save_statistics(e, t.operands.statistics);
}

}  // namespace bitloom
