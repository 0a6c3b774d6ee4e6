#pragma once
#include <compare>
#include <string>
#include <string_view>

#include "model/network/network.hpp"

namespace bitloom {

/// The one list of the tensors that a step may have, X(enumerator, word). docs/record.md says what each word stands
/// for, and the rule record.sh holds it to this list.
#define BITLOOM_STEP_TENSORS(X) \
  X(kX, "x")                    \
  X(kXMask, "x_mask")           \
  X(kW, "w")                    \
  X(kWMask, "w_mask")           \
  X(kWhatRaw, "what_raw")       \
  X(kDwhatRaw, "dwhat_raw")     \
  X(kBAcc, "b_acc")             \
  X(kZRaw, "z_raw")             \
  X(kMask, "mask")              \
  X(kArgmax, "argmax")          \
  X(kForwardA, "forward_a")     \
  X(kForwardC, "forward_c")     \
  X(kDRaw, "d_raw")             \
  X(kD, "d")                    \
  X(kDSample, "d_s")            \
  X(kLo, "lo")                  \
  X(kHi, "hi")                  \
  X(kStep, "step")              \
  X(kOff, "off")                \
  X(kWSum, "w_sum")             \
  X(kXSum, "x_sum")             \
  X(kBackwardA, "backward_a")   \
  X(kBackwardB, "backward_b")   \
  X(kBackwardC, "backward_c")   \
  X(kDw, "dw")                  \
  X(kDwMean, "dw_mean")         \
  X(kDb, "db")                  \
  X(kDgamma, "dgamma")          \
  X(kDbeta, "dbeta")            \
  X(kMaster, "master")          \
  X(kBias, "bias")              \
  X(kGamma, "gamma")            \
  X(kBeta, "beta")              \
  X(kQ, "q")                    \
  X(kResidual, "residual")      \
  X(kLatent, "latent")          \
  X(kMomentum, "momentum")      \
  X(kMomentum8, "momentum8")    \
  X(kAdamM, "adam_m")           \
  X(kAdamR, "adam_r")           \
  X(kAdamBlocks, "adam_blocks") \
  X(kAdamMStep, "adam_m_step")  \
  X(kAdamRLo, "adam_r_lo")      \
  X(kAdamRStep, "adam_r_step")  \
  X(kSum, "sum")                \
  X(kBuffer, "buffer")          \
  X(kBufferStep, "buffer_step") \
  X(kRunMean, "run_mean")       \
  X(kRunVar, "run_var")

/// The one list of the scalars that a step may have, likewise.
#define BITLOOM_STEP_SCALARS(X)  \
  X(kLoss, "loss")               \
  X(kCorrect, "correct")         \
  X(kScaleSat, "scale_sat")      \
  X(kAdamPow1, "adam_pow1")      \
  X(kAdamPow2, "adam_pow2")      \
  X(kSx, "sx")                   \
  X(kSw, "sw")                   \
  X(kSd, "sd")                   \
  X(kSAcc, "s_acc")              \
  X(kRatioB, "ratio_b")          \
  X(kSxNext, "sx_next")          \
  X(kSdNext, "sd_next")          \
  X(kSv, "sv")                   \
  X(kSvNext, "sv_next")          \
  X(kLevelRead, "lvl_rd")        \
  X(kLevelWrite, "lvl_wr")       \
  X(kMhat, "mhat")               \
  X(kLogMax, "log_max")          \
  X(kGroupZ, "group_z")          \
  X(kUnit, "unit")               \
  X(kDUnit, "dunit")             \
  X(kUnitDw, "unit_dw")          \
  X(kUnitDwMean, "unit_dw_mean") \
  X(kUnitDb, "unit_db")          \
  X(kZMax, "zmax")               \
  X(kDMax, "dmax")               \
  X(kWMax, "wmax")               \
  X(kVMax, "vmax")               \
  X(kMoved, "moved")             \
  X(kXSat, "xsat")               \
  X(kWSat, "wsat")               \
  X(kDSat, "dsat")               \
  X(kZSat, "zsat")               \
  X(kDRawSat, "d_rawsat")        \
  X(kDwSat, "dwsat")             \
  X(kDbSat, "dbsat")             \
  X(kBAccSat, "b_accsat")        \
  X(kMSat, "msat")               \
  X(kVSat, "vsat")               \
  X(kBSat, "bsat")               \
  X(kBVSat, "bvsat")             \
  X(kBufSat, "bufsat")

/// What an optimizer updates, X(enumerator, tensor of its value, prefix). The prefix stands before the words of what is
/// kept beside it: momentum, Adam's state, the sum of its gradients.
#define BITLOOM_PARAMETERS(X) \
  X(kWeight, kMaster, "")     \
  X(kBias, kBias, "bias_")    \
  X(kGamma, kGamma, "gamma_") \
  X(kBeta, kBeta, "beta_")

#define BITLOOM_ENUMERATOR(value, ...) value,
enum class StepTensor { BITLOOM_STEP_TENSORS(BITLOOM_ENUMERATOR) };
enum class StepScalar { BITLOOM_STEP_SCALARS(BITLOOM_ENUMERATOR) };
enum class Parameter { BITLOOM_PARAMETERS(BITLOOM_ENUMERATOR) };
#undef BITLOOM_ENUMERATOR

/// Returns the word of a tensor, of a scalar.
std::string_view word_of(StepTensor tensor);
std::string_view word_of(StepScalar scalar);

/// Returns the tensor that holds the value of a parameter, of weights their master.
StepTensor value_of(Parameter parameter);

/// Returns what stands before the words of what is kept beside a parameter.
std::string_view prefix_of(Parameter parameter);

/// Which of a node's tensors, or scalars: `Value` is StepTensor or StepScalar.
template <class Value>
struct What {
  What(Value the_value) : value(the_value) {}  // NOLINT: a word without parameter and part says which
  What(Value the_value, Parameter parameter) : value(the_value), of(parameter) {}
  What(Value the_value, int the_part) : value(the_value), part(the_part) {}

  Value value;
  Parameter of = Parameter::kWeight;
  int part = 0;  ///< the sample of kDSample; of a group view 1 where the weight gradient reads it (N21), else 0

  auto operator<=>(const What&) const = default;
};

/// Returns which tensor holds a gradient's codes of this sample of SMP (N19.4), from 0 on.
inline What<StepTensor> codes_of_sample(int sample) {
  return sample == 0 ? What(StepTensor::kD) : What(StepTensor::kDSample, sample);
}

inline constexpr int kWholeStep = -1;  ///< in place of a node: the value is of the step

/// Says which tensor or scalar of a step a value is. Golden's record, the list of the state and the accelerator's
/// program carry handles, and what has equal handles is compared. Names are made of them for people and files only.
template <class Value>
struct Handle {
  int node = kWholeStep;  ///< index in Network::nodes
  What<Value> what;

  auto operator<=>(const Handle&) const = default;
};
using TensorHandle = Handle<StepTensor>;
using ScalarHandle = Handle<StepScalar>;

/// Returns `<node>.<what>`, or `<what>` of the whole step.
std::string name_of(const TensorHandle& handle, const Network& network);
std::string name_of(const ScalarHandle& handle, const Network& network);

}  // namespace bitloom
