#pragma once
#include <cstdint>
#include <vector>

#include "model/network/init.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom::fp32 {

/// One normalization layer on rows of channels (a row is a sample, or a place of a sample's image): running values, and
/// what one training step finds out. Sums run in double, part of the batch by part, and are added in the order of the
/// parts, so threads change no bit.
///
/// Forward: add_sums for each part, then finish_sums, then normalize for each part. Backward: add_gradient_sums,
/// finish_gradient_sums, propagate. Evaluation: use_running_values, then normalize.
class Norm {
 public:
  Norm(const NormAttributes& attributes, Normalization over, int parts);

  void add_sums(int part, const float* x, std::int64_t rows);
  /// Ends the sums over all parts, of `rows` rows together. Updates the running values, those of the variance with the
  /// unbiased batch variance.
  void finish_sums(std::int64_t rows, const NodeParameters& parameters);
  void use_running_values(const NodeParameters& parameters);
  /// Computes y = gamma · (x - mean) / sqrt(variance + eps) + beta, then max(·, 0) where `relu`.
  void normalize(const float* x, std::int64_t rows, bool relu, float* y) const;

  void add_gradient_sums(int part, const float* x, const float* dy, std::int64_t rows);
  /// Leaves the gradients of gamma and beta.
  void finish_gradient_sums(std::int64_t rows, const NodeParameters& parameters);
  /// Computes dx, through the statistics of the batch; added to dx where `add`.
  void propagate(const float* x, const float* dy, std::int64_t rows, bool add, float* dx) const;

  const std::vector<float>& gamma_gradient() const { return gamma_gradient_; }
  const std::vector<float>& beta_gradient() const { return beta_gradient_; }

  /// [channels], or one value for the whole layer.
  std::vector<float> running_mean;
  std::vector<float> running_variance;

 private:
  void set_statistics(const std::vector<double>& mean, const std::vector<double>& variance,
                      const NodeParameters& parameters);

  NormAttributes attributes_;
  bool whole_layer_;
  std::vector<std::vector<double>> sums_;  ///< by part: Σ of each channel, then Σ of squares or products
  std::vector<double> mean_, inverse_;     ///< by channel (equal values for the whole layer)
  // One value an element of a stretch of whole rows, so that the loops are long enough to vectorise.
  std::vector<float> centre_, scale_, shift_;  ///< normalize
  std::vector<float> by_dy_, by_x_, offset_;   ///< propagate
  std::vector<float> gamma_gradient_, beta_gradient_;
};

}  // namespace bitloom::fp32
