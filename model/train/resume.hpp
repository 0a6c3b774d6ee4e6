#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "model/data/dataset.hpp"
#include "model/io/checkpoint.hpp"
#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// In what a run that goes on may differ from the run that it resumes, where the user says so by name.
enum class ResumeDifference {
  kEpochs,    ///< the length of the run, where the learning rate depends on it
  kHyper,     ///< momentum, learning rate, input scaling
  kData,      ///< training images
  kNumerics,  ///< the program computes other bits by now
  kUnknown,   ///< the checkpoint is of format 1 and says nothing of these
};

/// Returns the word that allows a difference: "epochs", "hyper", "data", "numerics", "unknown".
const char* difference_name(ResumeDifference difference);
/// Returns all of them, in the order of the enum.
std::vector<ResumeDifference> all_differences();

using ResumeDifferences = std::set<ResumeDifference>;

/// What a training run consists of, kept beside its state: written into checkpoints, compared when one is resumed.
class RunIdentity {
 public:
  RunIdentity(const Network& network, const Recipe& recipe, const Hyper& hyper, const TrainOptions& options);

  /// Writes seed, batch, images and content into a checkpoint.
  void write(Checkpoint& checkpoint) const;

  /// Compares the run with the one that wrote the checkpoint, all but the images. Returns the sentences that say which
  /// of the allowed differences there are. Throws Error, naming file, what differs and the word that would allow it.
  std::vector<std::string> resume(const Checkpoint& checkpoint, const std::string& file,
                                  const ResumeDifferences& allowed);

  /// Takes the images that the run trains on; the same set again costs nothing. After resume() it compares them with
  /// those of the checkpoint's run, and returns and throws as resume() does.
  std::vector<std::string> use_images(const Dataset& train);

  /// Forgets a resumed run: the state starts afresh.
  void restart();

 private:
  std::string network_name_;
  std::string recipe_name_;
  std::uint64_t seed_;
  int batch_;
  std::int64_t train_images_ = 0;  ///< 0: not known yet
  RunContent content_;
  std::string resumed_;  ///< the checkpoint's file; empty for a run from its start
  ResumeDifferences allowed_;
  bool images_known_ = false;  ///< use_images() was called
};

}  // namespace bitloom
