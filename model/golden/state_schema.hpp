#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/golden/handle.hpp"
#include "model/golden/state.hpp"
#include "model/network/init.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// What the words of a state tensor mean.
enum class StateCoding {
  kInteger,    ///< integers within StateTensor::limits
  kReal,       ///< words of reals (N11.1)
  kMagnitude,  ///< words of reals that are never negative
};

/// The smallest and the largest integer that a state tensor may hold. Every width follows from them.
struct StateLimits {
  std::int64_t low = 0;
  std::int64_t high = 0;
  bool operator==(const StateLimits&) const = default;
};

/// A tensor that lives across steps: [rows][cols] words, weights as [K][out].
struct StateTensor {
  explicit StateTensor(const TensorHandle& the_handle) : handle(the_handle) {}

  TensorHandle handle;  ///< in records and in the accelerator's memory
  std::string name;     ///< of the handle
  std::string stored;   ///< its name in checkpoints; empty: a step's micro-batches share it, and no checkpoint holds it
  int rows = 1;
  int cols = 0;
  bool matrix = false;  ///< a checkpoint keeps it as [rows][cols]; else as one dimension
  StateCoding coding = StateCoding::kInteger;
  StateLimits limits{};  ///< of kInteger
  /// The real parameter that it starts from and that it stands for; nullptr: it starts with zeros, or with what the
  /// store of the weights makes of them.
  std::vector<float> NodeParameters::*parameter = nullptr;
  int frac_bits = 0;  ///< of kInteger with a parameter: v stands for v · 2^-frac_bits
  double start = 0;   ///< value where the parameter is not given
  /// Handles of its rows, where each row is recorded as a tensor of its own, and the whole is not. A checkpoint keeps
  /// such a tensor column by column.
  std::vector<TensorHandle> recorded_rows{};

  std::size_t size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols); }
  /// Returns the width of an element in the accelerator's memory: 4, 8 or 32 bits.
  int memory_bits() const;
  /// Returns the width of its container in a record: 4, 8, 16 or 32 bits.
  int record_bits() const;
  /// Returns the width of its container in a checkpoint, always signed: 8, 16 or 32 bits.
  int stored_bits() const;
  bool is_unsigned() const { return coding == StateCoding::kInteger && limits.low >= 0; }

  std::function<std::size_t(const TrainState&)> count;  ///< how many elements a state holds of it
  std::function<std::vector<std::int32_t>(const TrainState&)> read;
  std::function<void(TrainState&, const std::vector<std::int32_t>&)> write;
};

/// What the word of a state scalar means.
enum class ScalarCoding {
  kScale,      ///< a scale, or kNoScale (N2.1)
  kMagnitude,  ///< a real that is never negative
  kLevel,      ///< 0 … 3 (N23.5)
  kCount,      ///< an integer
};

/// A scalar that lives across steps.
struct StateScalar {
  explicit StateScalar(const ScalarHandle& the_handle) : handle(the_handle) {}

  ScalarHandle handle;    ///< in records and in the accelerator's table
  std::string name;       ///< of the handle
  std::string stored;     ///< the checkpoint's tensor that holds it; empty: it follows from other tensors
  std::size_t place = 0;  ///< its index in that tensor
  ScalarCoding coding = ScalarCoding::kCount;
  bool used = true;         ///< does a step read it? False: only a checkpoint has room for it
  bool calibrated = false;  ///< does the first step need what calibrate() sets?
  std::function<std::uint32_t(const TrainState&)> read;
  std::function<void(TrainState&, std::uint32_t)> write;

  /// Is it there? A calibrated one is not before calibrate().
  bool is_set(const TrainState& state) const;
};

/// All that lives across steps but the count of the steps. Initial values, checkpoints, records, the accelerator's
/// memory and its comparison go through these lists.
struct StateSchema {
  std::vector<StateTensor> tensors;  ///< by node, in the order in which the accelerator's memory has them
  std::vector<StateScalar> scalars;
  std::size_t layers = 0;
  std::size_t norms = 0;

  /// Makes a state of zeros, without scales.
  TrainState zeros() const;
  /// Returns the name of a calibrated scalar that is not set; empty where none is missing.
  std::string missing_scalar(const TrainState& state) const;
  /// Throws Error naming a tensor that has another number of elements in the state, or a scale that is none.
  void require_fit(const TrainState& state) const;
};

/// Lists the state of a network that is trained by a recipe of integers. Throws Error as training_graph() does.
StateSchema state_schema(const Network& network, const Recipe& recipe);

}  // namespace bitloom
