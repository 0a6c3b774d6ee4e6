#pragma once
#include <cstdint>
#include <vector>

#include "model/golden/graph.hpp"
#include "model/golden/state.hpp"
#include "model/golden/step_record.hpp"
#include "model/golden/tools.hpp"

namespace bitloom {

/// The arithmetic of N16.1 and N16.3 on one tensor: of a norm, or of a weight tensor that is standardized (N16.4).
/// Vectors are one value a column, or one for the tensor where `whole`.
class Normalizer {
 public:
  bool whole = false;  ///< LBN
  int frac_bits = 16;  ///< of the result's unit
  int finer = 1;       ///< H: bits by which the gradient's unit is finer than one for 16 bits without what is taken off
  Real eps;

  /// Finds the statistics of z and the constants of forward(); gamma, beta are one a column.
  void prepare(const std::int32_t* z, std::size_t rows, std::size_t cols, Scale unit, std::uint32_t max,
               const std::vector<Real>& gamma, const std::vector<Real>& beta, GoldenTools& tools);
  /// Normalizes by N12 with the constants of prepare(); unit 2^-frac_bits.
  RowStatistics forward(const std::int32_t* z, std::size_t rows, std::size_t cols, bool relu, GoldenTools& tools,
                        std::int32_t* y) const;
  /// Computes the gradient of z from dy (N16.3).
  void backward(const std::int32_t* z, const RawTensor& dy, RawTensor& dz, GoldenTools& tools);
  /// Computes the raw gradients of gamma and beta, after backward() (N16.3). (Standardized weights have neither, so
  /// nothing of theirs is limited and counted.)
  void parameter_gradients(GoldenTools& tools);

  // What is known of the batch at work.
  int shift = 0;
  Real n, u;                                ///< N, U
  std::vector<std::int64_t> s1;             ///< [cols or 1]
  std::vector<Real> v, r;                   ///< [cols or 1]
  std::vector<Real> gamma, gr;              ///< [cols]
  std::vector<Real> a;                      ///< forward: factor of z, [cols]
  std::vector<std::int32_t> c;              ///< forward: constant, [cols]
  Real ud;                                  ///< backward: Ud
  std::vector<Real> x, d1;                  ///< backward: X, D1, [cols]
  std::vector<Real> by_dy, by_z;            ///< backward: [cols]; [cols or 1]
  std::vector<std::int32_t> by_one;         ///< backward: [cols or 1]
  std::vector<std::int32_t> dgamma, dbeta;  ///< [cols], unit 2^-24
  std::uint64_t dz_saturated = 0;
};

/// One batch_norm node in a step.
class GoldenNorm {
 public:
  GoldenNorm(const GoldenNode& node, const Recipe& recipe);

  /// Computes y from z: by the statistics of the batch in training (N16.1), else by the running ones (N16.2). Returns
  /// the saturations.
  std::uint64_t forward(const RawTensor& z, const NormState& state, GoldenTools& tools, RawTensor& y);
  /// Moves the running mean and variance towards those of the batch at work (N16.2).
  void update_running(NormState& state, GoldenTools& tools) const;
  /// Computes dz, and the raw gradients of gamma and beta (N16.3).
  void backward(const RawTensor& z, const RawTensor& dy, GoldenTools& tools, RawTensor& dz);
  /// Updates gamma and beta by their raw gradients (N14.7).
  void update(NormState& state, GoldenTools& tools);

  /// Returns how many values the node clamped in this step, but those of y.
  std::uint64_t saturated() const { return at_work_.dz_saturated + updated_; }
  /// Adds the constants of N12 and the raw gradients of gamma and beta to a record.
  void record(StepRecord& record) const;

 private:
  std::uint64_t keep(const RowStatistics& made, GoldenTools& tools, RawTensor& y) const;
  std::uint64_t evaluate(const RawTensor& z, const NormState& state, GoldenTools& tools, RawTensor& y) const;

  const GoldenNode& node_;
  Normalizer at_work_;
  Real keep_, share_;
  std::uint64_t updated_ = 0;
};

}  // namespace bitloom
