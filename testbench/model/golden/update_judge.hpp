#pragma once
#include <string>
#include <vector>

#include "model/golden/step.hpp"
#include "model/numerics/adam.hpp"
#include "model/numerics/random.hpp"
#include "model/numerics/update.hpp"
#include "testbench/model/named_record.hpp"

namespace bitloom::testing {

using Ints = std::vector<std::int32_t>;

/// One tensor's gradient and where its random words are.
struct Gradient {
  const NamedTensor& raw;
  Scale unit;
  int layer;
  TensorKind kind;
};

/// What a step does to its state against loops over the element functions that draw each random word by itself; every
/// function reports what differs as test failures.
class UpdateJudge {
 public:
  UpdateJudge(const Recipe& recipe, const StepContext& context) : recipe_(recipe), context_(context) {}

  void layer(const std::string& name, int number, const RecipeLayer& rule, const NamedRecord& record,
             const LayerState& before, const LayerState& after);
  void norm(const std::string& name, int number, const NamedRecord& record, const NormState& before,
            const NormState& after);
  /// Judges one micro-batch by N26.1, N26.2 and N26.4.
  void buffer(const std::string& name, int number, const NamedRecord& record, const LayerState& before,
              const LayerState& after) const;
  void vector_sum(const std::string& what, const NamedTensor& g, Scale unit, const Ints& before,
                  const Ints& after) const;
  void set_powers(const AdamPowers& powers) { rate_ = adam_rate(from_scale(context_.lr), powers); }

 private:
  std::uint32_t word(const Gradient& g, RandomUse use, std::size_t i) const {
    if (!recipe_.update.stochastic) return kHalfUpWord16;
    const auto cols = static_cast<std::size_t>(g.raw.cols);
    return make_stream(context_.seed64, context_.step, tensor_id(g.layer, g.kind), use)
        .draw(static_cast<std::uint32_t>(i / cols), static_cast<std::uint32_t>(i % cols), 16);
  }
  void fixed(const std::string& what, const Gradient& g, int frac_bits, std::int64_t limit, Ints master, Ints momentum,
             AdamState adam, const Ints& master_after, const Ints& momentum_after, const AdamState& adam_after) const;
  void sgd(const Gradient& g, int frac_bits, std::int64_t limit, Ints& master, Ints& momentum) const;
  void adam(const Gradient& g, int frac_bits, std::int64_t limit, Ints& master, AdamState& state) const;
  std::vector<std::int64_t> adam_steps(const Gradient& g, AdamState& state) const;
  static void expect_adam(const std::string& what, const AdamState& expected, const AdamState& after);
  void latent(const std::string& name, const Gradient& g, std::size_t i, std::int64_t delta, int limit,
              const LayerState& before, const LayerState& after) const;
  void expect_levels(std::uint64_t moved, const LayerState& before, const LayerState& after) const;
  void lwq(const std::string& name, const Gradient& g, int limit, const LayerState& before,
           const LayerState& after) const;
  void lwq_adam(const std::string& name, const Gradient& g, int limit, const LayerState& before,
                const LayerState& after) const;

  bool buffered() const { return recipe_.update.micro_batches > 0; }
  bool is_first() const { return context_.step % static_cast<std::uint32_t>(recipe_.update.micro_batches) == 0; }
  /// Returns the unit of the mean over the micro-batches, of a sum in unit `of_sum` (N26.3, N26.4).
  Scale mean_unit(Real of_sum) const {
    std::uint64_t ignored = 0;
    return to_scale(rdiv(of_sum, from_int(recipe_.update.micro_batches)), ignored);
  }

  const Recipe& recipe_;
  StepContext context_;
  Real rate_;
};

}  // namespace bitloom::testing
