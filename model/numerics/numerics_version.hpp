#pragma once

namespace bitloom {

/// Which numerics this program computes. A commit that moves a bit of training, of golden or of FP32, raises the
/// number: results and checkpoints of another number are not taken for this program's own.
inline constexpr int kNumericsVersion = 2;

}  // namespace bitloom
