#pragma once
#include <cstdint>
#include <vector>

#include "model/network/init.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "model/network/training_graph.hpp"
#include "model/numerics/adam.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom {

/// Adam's state of one tensor (N25); empty for other optimizers.
struct AdamState {
  std::vector<std::int32_t> m;    ///< codes
  std::vector<std::int32_t> r;    ///< codes of √v
  std::vector<AdamBlock> blocks;  ///< one a column
};

/// What one linear or conv2d layer keeps from step to step. Weights are [K][out] (N14.1), for linear layers input-major
/// [in][out]. The vectors that its store (N9, N23, N24) and the recipe's optimizer have no use for are empty.
struct LayerState {
  std::vector<std::int32_t> master;         ///< store kMaster: units 2^-master_frac_bits
  std::vector<std::int32_t> momentum;       ///< SGD: units 2^-momentum_frac_bits; beside codes: of sv
  std::vector<std::int32_t> bias;           ///< [out], units 2^-bias_frac_bits; empty without a bias
  std::vector<std::int32_t> bias_momentum;  ///< SGD: [out], units 2^-momentum_frac_bits
  std::uint32_t wmax = 0;                   ///< max |master| (N9.3)
  Scale sx_next = from_word(kNoScale);      ///< hindsight scale of x (layers after the first); else no scale
  Scale sd_next = from_word(kNoScale);      ///< hindsight scale of d; else no scale

  std::vector<std::int8_t> q;         ///< stores kLatent, kInteger: integer weights
  std::vector<std::int8_t> residual;  ///< kLatent with a codebook: codes s (N23.1)
  std::vector<std::int32_t> latent;   ///< kLatent without one: L (N23.2)
  Scale sw;                           ///< kLatent, kInteger: fixed scale of q
  Scale sv;                           ///< kLatent and SGD: scale of the momentum codes
  Scale sv_next;                      ///< the same: of the next step's (N23.4); no scale before the calibration
  int level_read = 0;                 ///< kLatent: level of the residual codes
  int level_write = 0;                ///< kLatent: level that the next step writes (N23.6)
  Real mhat;                          ///< logarithmic hindsight (N19.1); 0 before the calibration
  AdamState adam, bias_adam;

  // Gradients that a step's micro-batches add up (N26); empty without. The first one overwrites what it finds, so a
  // checkpoint, which is made between steps, holds none of it.
  std::vector<std::int32_t> buffer;    ///< codes
  std::vector<Real> buffer_step;       ///< [out], value of a code
  std::vector<std::int32_t> bias_sum;  ///< [out], units 2^-24
};

/// What one batch_norm keeps. Parameters are [channels] in units 2^-24, momenta in units 2^-momentum_frac_bits; running
/// values are one a channel, or one for the layer with LBN.
struct NormState {
  std::vector<std::int32_t> gamma, beta;
  std::vector<std::int32_t> gamma_momentum, beta_momentum;
  std::vector<Real> run_mean, run_var;
  AdamState gamma_adam, beta_adam;
  std::vector<std::int32_t> gamma_sum, beta_sum;  ///< of a step's micro-batches (N26.4); empty without
};

inline constexpr int kNormFracBits = 24;  ///< of gamma and beta (N14.7)

/// Everything that lives across steps: what a checkpoint holds and co-simulation compares. state_schema.hpp lists which
/// of it a network and a recipe have.
struct TrainState {
  std::vector<LayerState> layers;  ///< by linear and conv2d node, in the order of nodes
  std::vector<NormState> norms;    ///< by batch_norm node, in the order of nodes
  std::uint32_t step = 0;          ///< optimizer steps done; micro-batches where a step has several (N26.5)
  AdamPowers powers;               ///< N25.7
};

/// Makes the first state: parameters rounded half up to the recipe's formats and clamped, or as the weights' store
/// says, momenta zero, running values 0 and 1, no hindsight scales yet (see calibrate() in step.hpp). `parameters` has
/// one element a node, as initial_parameters() gives.
TrainState initial_state(const Network& network, const Recipe& recipe, const std::vector<NodeParameters>& parameters);

/// Returns max |x|, 0 of no values.
std::uint32_t largest_magnitude(const std::vector<std::int32_t>& values);
float largest_magnitude(const std::vector<float>& values);

/// Returns a real number in units 2^-frac_bits, rounded half up and limited to ±limit.
std::int32_t to_fixed(float real, int frac_bits, std::int64_t limit);

/// Returns weights, biases and norm parameters as real numbers, one element a node.
std::vector<NodeParameters> real_parameters(const Network& network, const Recipe& recipe, const TrainState& state);

}  // namespace bitloom
