#pragma once
#include <verilated.h>

#include <cstdint>
#include <memory>

namespace bitloom::testing {

/// A Verilated unit in a context of its own: state without a reset gets random values from `seed`.
template <class Model>
class Unit {
 public:
  explicit Unit(int seed = 1) {
    context_->randReset(2);
    context_->randSeed(seed);
    model_ = std::make_unique<Model>(context_.get());
  }
  ~Unit() { model_->final(); }
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  Model* operator->() { return model_.get(); }
  Model& operator*() { return *model_; }

  /// Runs one clock cycle of a unit with a clock: the inputs set before are those of the rising edge.
  void cycle() {
    model_->clk_i = 0;
    model_->eval();
    model_->clk_i = 1;
    model_->eval();
  }
  /// Runs two cycles with the reset active.
  void reset() {
    model_->rst_ni = 0;
    cycle();
    cycle();
    model_->rst_ni = 1;
  }

 private:
  std::unique_ptr<VerilatedContext> context_ = std::make_unique<VerilatedContext>();
  std::unique_ptr<Model> model_;
};

/// The low `bits` of a value, as a port takes it.
constexpr std::uint64_t low_bits(std::int64_t value, int bits) {
  return static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << bits) - 1);
}
/// Returns the signed value of a port of `bits` bits.
constexpr std::int64_t signed_bits(std::uint64_t value, int bits) {
  return static_cast<std::int64_t>(value << (64 - bits)) >> (64 - bits);
}

}  // namespace bitloom::testing
