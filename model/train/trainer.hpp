#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/data/dataset.hpp"
#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/train/resume.hpp"

namespace bitloom {

/// What an epoch of training gave.
struct EpochResult {
  int epoch = 0;                ///< from 0
  double loss = 0.0;            ///< mean over the epoch's samples, each taken before its own update
  double train_accuracy = 0.0;  ///< fraction, taken likewise
  double learning_rate = 0.0;   ///< of the last step
  double seconds = 0.0;
  std::int64_t samples = 0;
  std::int64_t steps = 0;
  std::int64_t saturated = 0;  ///< values clamped by integer recipes
  bool complete = true;        ///< false when interrupted() ended the epoch early
};

/// What an evaluation of a whole set gave.
struct Evaluation {
  double loss = 0.0;
  double accuracy = 0.0;  ///< fraction
  std::int64_t correct = 0;
  std::int64_t samples = 0;
};

/// Called after each step with the epoch so far (epoch, loss, train_accuracy, samples, steps, seconds) and the number
/// of steps of a whole epoch. May be empty.
using Progress = std::function<void(const EpochResult& so_far, std::int64_t steps)>;

/// One training run: a network, its parameters and its optimizer state. Epochs depend only on the state, the seed and
/// the epoch's number, so a loaded checkpoint continues with the bits of an uninterrupted run.
class Trainer {
 public:
  virtual ~Trainer() = default;

  /// Takes the images that the run trains on, as run_epoch() would at its first call. After resume() they are compared
  /// with those of the run that is resumed. Returns what differs and was allowed, as sentences; throws Error for what
  /// was not.
  virtual std::vector<std::string> use_images(const Dataset& train) = 0;

  /// Trains one epoch (from 0) in the order that order.hpp gives. Polls interrupted() between steps; when it is set the
  /// state is mid-epoch and the result says `complete = false`. Throws Error when the data does not fit the network or
  /// is smaller than a batch.
  virtual EpochResult run_epoch(const Dataset& train, int epoch, const Progress& progress) = 0;

  /// Returns loss and accuracy on a whole set, without changing any state.
  virtual Evaluation evaluate(const Dataset& data) = 0;

  /// Returns the epochs completed, including those of a loaded checkpoint.
  virtual int epochs_done() const = 0;

  /// Writes all state to a checkpoint (checkpoint.hpp). Throws Error.
  virtual void save(const std::string& file) const = 0;
  /// Continues from a checkpoint of a run of the same content (`--resume`): network, recipe, hyper-parameters, seed,
  /// batch, length, and the images that run_epoch() gets. Names and places of files may differ. Returns what differs
  /// and is among `allowed`, as sentences; throws Error naming what differs and may not.
  virtual std::vector<std::string> resume(const std::string& file, const ResumeDifferences& allowed = {}) = 0;
  /// Takes only weights and biases as real numbers from a checkpoint of any recipe of the same network (`--init`);
  /// optimizer state and epochs start afresh. Every checkpoint therefore holds float32 "<layer>.weight"
  /// (NodeParameters' order: [out][in] or [out][rows][columns][in / groups]), "<layer>.bias" [out] and, of norms,
  /// "<layer>.gamma", "<layer>.beta" [channels], "<layer>.running_mean" and "<layer>.running_variance" ([channels], or
  /// [1] where the statistics are of the whole layer). Throws Error.
  virtual void init_from(const std::string& file) = 0;
  /// Writes parameters and optimizer state as one .npy a tensor into an existing folder (`--dump`). Throws Error.
  virtual void dump(const std::string& folder) const = 0;
};

/// Makes a training in FP32 through oneDNN, of any network that ends in softmax_cross_entropy; `normalization` (by
/// default of the batch) is what batch_norm does. Throws Error.
std::unique_ptr<Trainer> make_fp32_trainer(const Network& network, const Hyper& hyper, const TrainOptions& options,
                                           Normalization normalization = {});

/// Makes a training in integers by a recipe, with the accelerator's own bits.
std::unique_ptr<Trainer> make_integer_trainer(const Network& network, const Recipe& recipe, const Hyper& hyper,
                                              const TrainOptions& options);

}  // namespace bitloom
