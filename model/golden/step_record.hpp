#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/golden/handle.hpp"

namespace bitloom {

/// What the bits of a code mean.
enum class CodeKind {
  kSigned,    ///< a two's-complement number
  kUnsigned,  ///< a number from 0
  kSign,      ///< ±1 in one bit: 1 is +1
  kLog,       ///< N19.2: the value is the code, e | 8 for negative numbers
};

/// A tensor of a recorded step. `bits` is the width of its container in memory: 1, 2, 4, 8, 16 or 32.
struct NamedTensor {
  int rows = 0;
  int cols = 0;
  int bits = 32;
  std::vector<std::int32_t> values;  ///< [rows][cols], the canonical view (N4.4, N14.1)
  CodeKind kind = CodeKind::kSigned;
};

/// Every tensor and scalar of one training step. name_of() calls them `<node>.<what>`.
///
/// Tensors of a layer (linear, conv2d): x (codes of the layer's input), w (codes, [K][out]), b_acc, z_raw (raw view of
/// the layer's output, after its ReLU), mask (layers with ReLU), d (codes of the gradient of the layer's output before
/// its ReLU), d_raw (raw view of the same), dw, db, and after the update master, momentum, bias, bias_momentum. Layers
/// without a bias have no b_acc, db, bias and bias_momentum. By recipe: x_mask, w_mask (N17.1); d_s1, d_s2, … (SMP); d2
/// (the weight gradient's view where it differs; layers that read the network's input then have no d), lo hi step off
/// and lo2 hi2 step2 off2 of the groups of d and d2 ([1][groups]; step and off are reals), w_sum [pixels of a
/// sample][in] and x_sum [K][groups] (T and X1 of N21.3); what_raw and dwhat_raw (standardized weights: raw view and
/// its masked gradient; dw is then the gradient of the master); q (stores kLatent and kInteger), residual or latent
/// (kLatent), momentum8 (SGD beside codes); adam_m, adam_r and the reals adam_m_step, adam_r_lo, adam_r_step
/// ([1][blocks]), and bias_adam_… likewise. Only layers of the store kMaster have a master; momentum and bias_momentum
/// are SGD's.
///
/// Tensors of other nodes: z_raw, mask (with a ReLU), d_raw; max pools argmax; norms gamma, beta, gamma_momentum,
/// beta_momentum, dgamma, dbeta, run_mean, run_var, and the constants of N12 as forward_a forward_c backward_a
/// backward_b backward_c (reals and integers). Views are [m][channels] of the node's own output.
///
/// Scalars: scales as words (N2.1) sx sw sd s_acc ratio_b, sx_next and sd_next (hindsight only; after the step); maxima
/// zmax (of |z_raw|), dmax (of |d_raw|), wmax (of |master| after the update); saturation counts xsat (making x; absent
/// for layers that read the network's input, whose codes come from the host) wsat dsat zsat d_rawsat dwsat dbsat
/// b_accsat msat vsat bsat bvsat; and without a layer: loss (N7.4), correct, scale_sat (N2.1). By recipe: mhat (after
/// the step), log_max; group_z and group_z2 (Z of N21.2, reals); sv sv_next vmax lvl_rd lvl_wr (after the step), moved
/// (low 32 bits of A). With several micro-batches a step (N26): buffer (codes), buffer_step ([1][out], reals),
/// bias_sum, gamma_sum and beta_sum of norms, bufsat, and after the last one dw_mean (what the optimizer reads in place
/// of dw) and unit_dw_mean. For every node also dunit (unit of d_raw) and d_rawsat (of the gradients that the node made
/// or added up); unit_dw and unit_db for layers, and for nodes that are no layers unit (of z_raw), zmax, dmax, zsat.
struct StepRecord {
  std::map<TensorHandle, NamedTensor> tensors;
  std::map<ScalarHandle, std::uint32_t> scalars;
};

/// Writes each tensor of a step of `network` as `<folder>/<name>.npy` (the narrowest of int8, int16, int32 that holds
/// its container) and the scalars as `<folder>/scalars.json`. Throws Error.
void write_step_record(const StepRecord& record, const Network& network, const std::string& folder);

}  // namespace bitloom
