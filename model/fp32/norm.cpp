#include "model/fp32/norm.hpp"

#include <algorithm>
#include <cmath>

#include "model/fp32/kernels.hpp"

namespace bitloom::fp32 {

namespace {

std::size_t size(int value) { return static_cast<std::size_t>(value); }

/// Returns the elements of a stretch: whole rows, at least 64 elements.
int stretch(int channels) { return channels * ((63 + channels) / channels); }

/// Adds up the channels of a stretch's accumulators, and these over the parts.
std::vector<double> fold(const std::vector<std::vector<double>>& parts, int channels, int half) {
  std::vector<double> result(size(channels), 0.0);
  const int width = stretch(channels);
  for (const std::vector<double>& sums : parts) {
    for (int i = 0; i < width; ++i) result[size(i % channels)] += sums[size(half * width + i)];
  }
  return result;
}

double total(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum;
}

void repeat(const std::vector<double>& values, std::vector<float>& stretched) {
  for (std::size_t i = 0; i < stretched.size(); ++i) stretched[i] = static_cast<float>(values[i % values.size()]);
}

}  // namespace

Norm::Norm(const NormAttributes& attributes, Normalization over, int parts)
    : attributes_(attributes), whole_layer_(over == Normalization::kLayerBatch) {
  const std::size_t width = size(stretch(attributes.channels));
  sums_.assign(size(parts), std::vector<double>(2 * width, 0.0));
  for (std::vector<float>* values : {&centre_, &scale_, &shift_, &by_dy_, &by_x_, &offset_}) values->resize(width);
  for (std::vector<double>* values : {&mean_, &inverse_}) values->resize(size(attributes.channels));
  for (std::vector<float>* values : {&gamma_gradient_, &beta_gradient_}) values->resize(size(attributes.channels));
  running_mean.assign(whole_layer_ ? 1 : size(attributes.channels), 0.0F);
  running_variance.assign(running_mean.size(), 1.0F);
}

void Norm::add_sums(int part, const float* x, std::int64_t rows) {
  std::vector<double>& sums = sums_[size(part)];
  std::fill(sums.begin(), sums.end(), 0.0);
  const auto width = static_cast<std::int64_t>(sums.size() / 2);
  column_sums(x, rows * attributes_.channels, width, sums.data(), sums.data() + width);
}

void Norm::finish_sums(std::int64_t rows, const NodeParameters& parameters) {
  std::vector<double> mean = fold(sums_, attributes_.channels, 0);
  std::vector<double> variance = fold(sums_, attributes_.channels, 1);
  auto count = static_cast<double>(rows);
  if (whole_layer_) {
    mean = {total(mean)};
    variance = {total(variance)};
    count *= attributes_.channels;
  }
  for (std::size_t i = 0; i < mean.size(); ++i) {
    mean[i] /= count;
    variance[i] = std::max(0.0, variance[i] / count - mean[i] * mean[i]);
    const double unbiased = count > 1.0 ? variance[i] * count / (count - 1.0) : variance[i];
    const double share = attributes_.momentum;
    running_mean[i] = static_cast<float>((1.0 - share) * running_mean[i] + share * mean[i]);
    running_variance[i] = static_cast<float>((1.0 - share) * running_variance[i] + share * unbiased);
  }
  set_statistics(mean, variance, parameters);
}

void Norm::use_running_values(const NodeParameters& parameters) {
  set_statistics({running_mean.begin(), running_mean.end()}, {running_variance.begin(), running_variance.end()},
                 parameters);
}

void Norm::set_statistics(const std::vector<double>& mean, const std::vector<double>& variance,
                          const NodeParameters& parameters) {
  std::vector<double> scale(mean_.size());
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    mean_[c] = mean[c % mean.size()];
    inverse_[c] = 1.0 / std::sqrt(variance[c % variance.size()] + attributes_.eps);
    scale[c] = parameters.gamma[c] * inverse_[c];
  }
  repeat(mean_, centre_);
  repeat(scale, scale_);
  repeat({parameters.beta.begin(), parameters.beta.end()}, shift_);
}

void Norm::normalize(const float* x, std::int64_t rows, bool relu, float* y) const {
  centred_affine(x, rows * attributes_.channels, static_cast<std::int64_t>(centre_.size()), centre_.data(),
                 scale_.data(), shift_.data(), relu, y);
}

void Norm::add_gradient_sums(int part, const float* x, const float* dy, std::int64_t rows) {
  std::vector<double>& sums = sums_[size(part)];
  std::fill(sums.begin(), sums.end(), 0.0);
  const auto width = static_cast<std::int64_t>(sums.size() / 2);
  column_products(x, centre_.data(), dy, rows * attributes_.channels, width, sums.data(), sums.data() + width);
}

void Norm::finish_gradient_sums(std::int64_t rows, const NodeParameters& parameters) {
  const std::vector<double> plain = fold(sums_, attributes_.channels, 0);     // Σ dy
  const std::vector<double> products = fold(sums_, attributes_.channels, 1);  // Σ dy · (x - mean)
  const std::size_t channels = mean_.size();
  // dx = r · (gamma · dy - mean of (gamma · dy) - xhat · mean of (gamma · dy · xhat)), the means over what shares r.
  std::vector<double> first(channels), second(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    beta_gradient_[c] = static_cast<float>(plain[c]);
    gamma_gradient_[c] = static_cast<float>(products[c] * inverse_[c]);
    first[c] = parameters.gamma[c] * plain[c];
    second[c] = parameters.gamma[c] * products[c] * inverse_[c];
  }
  auto count = static_cast<double>(rows);
  if (whole_layer_) {
    count *= attributes_.channels;
    std::fill(first.begin(), first.end(), total(first));
    std::fill(second.begin(), second.end(), total(second));
  }
  std::vector<double> by_dy(channels), by_x(channels), offset(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    by_dy[c] = parameters.gamma[c] * inverse_[c];
    by_x[c] = -inverse_[c] * inverse_[c] * second[c] / count;
    offset[c] = -inverse_[c] * first[c] / count;
  }
  repeat(by_dy, by_dy_);
  repeat(by_x, by_x_);
  repeat(offset, offset_);
}

void Norm::propagate(const float* x, const float* dy, std::int64_t rows, bool add, float* dx) const {
  norm_gradient({centre_.data(), by_dy_.data(), by_x_.data(), offset_.data()},
                static_cast<std::int64_t>(centre_.size()), x, dy, rows * attributes_.channels, add, dx);
}

}  // namespace bitloom::fp32
