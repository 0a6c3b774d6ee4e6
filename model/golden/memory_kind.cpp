#include "model/golden/memory_kind.hpp"

namespace bitloom {

MemoryKind kind_of(StepTensor tensor) {
  switch (tensor) {
    case StepTensor::kW:
    case StepTensor::kWMask:
    case StepTensor::kWhatRaw:
    case StepTensor::kBAcc:
    case StepTensor::kBias:
    case StepTensor::kGamma:
    case StepTensor::kBeta:
    case StepTensor::kQ:
      return MemoryKind::kWeights;
    case StepTensor::kMaster:
    case StepTensor::kResidual:
    case StepTensor::kLatent:
      return MemoryKind::kLatentWeights;
    case StepTensor::kMomentum:
    case StepTensor::kMomentum8:
    case StepTensor::kAdamM:
    case StepTensor::kAdamR:
    case StepTensor::kAdamBlocks:
    case StepTensor::kAdamMStep:
    case StepTensor::kAdamRLo:
    case StepTensor::kAdamRStep:
      return MemoryKind::kOptimizerState;
    case StepTensor::kX:
    case StepTensor::kXMask:
    case StepTensor::kZRaw:
    case StepTensor::kMask:
    case StepTensor::kArgmax:
      return MemoryKind::kActivations;
    case StepTensor::kDRaw:
    case StepTensor::kD:
    case StepTensor::kDSample:
    case StepTensor::kWSum:
    case StepTensor::kXSum:
    case StepTensor::kDw:
    case StepTensor::kDwhatRaw:
    case StepTensor::kDwMean:
    case StepTensor::kDb:
    case StepTensor::kDgamma:
    case StepTensor::kDbeta:
    case StepTensor::kSum:
    case StepTensor::kBuffer:
    case StepTensor::kBufferStep:
      return MemoryKind::kGradients;
    case StepTensor::kForwardA:
    case StepTensor::kForwardC:
    case StepTensor::kBackwardA:
    case StepTensor::kBackwardB:
    case StepTensor::kBackwardC:
    case StepTensor::kLo:
    case StepTensor::kHi:
    case StepTensor::kStep:
    case StepTensor::kOff:
    case StepTensor::kRunMean:
    case StepTensor::kRunVar:
      return MemoryKind::kOther;
  }
  return MemoryKind::kOther;
}

}  // namespace bitloom
