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

/// Every tensor and scalar of one training step, by handle; name_of() calls them `<node>.<word>`. docs/record.md says
/// of each word which nodes have it, its shape and what it is. Views are those of the node's own output, codes are as
/// memory has them, and what lives across steps is as the step left it. A recipe has only the tensors that it makes.
struct StepRecord {
  std::map<TensorHandle, NamedTensor> tensors;
  std::map<ScalarHandle, std::uint32_t> scalars;
};

/// Writes each tensor of a step of `network` as `<folder>/<name>.npy` (the narrowest of int8, int16, int32 that holds
/// its container) and the scalars as `<folder>/scalars.json`. Throws Error.
void write_step_record(const StepRecord& record, const Network& network, const std::string& folder);

}  // namespace bitloom
