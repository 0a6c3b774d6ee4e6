#pragma once
#include <memory>
#include <vector>

#include "model/data/dataset.hpp"
#include "model/train/trainer.hpp"
#include "sim/program/options.hpp"
#include "sim/program/report.hpp"
#include "sim/program/workload.hpp"

namespace bitloom::program {

/// What a training run gave, as far as it came.
struct TrainRun {
  std::vector<EpochResult> epochs;  ///< the complete ones
  Evaluation test;                  ///< valid where `finished`
  bool finished = false;
  bool interrupted = false;

  double seconds() const;             ///< of all complete epochs, s
  double samples_per_second() const;  ///< 0 where no epoch ran
};

/// Throws Error where training with this batch, and what `more` says besides, needs more memory than there is.
void require_training_memory(const Workload& workload, int batch, std::vector<MemoryPart> more = {});

std::unique_ptr<Trainer> make_trainer(const Workload& workload, const TrainOptions& options);

/// Called after each complete epoch, to save what there is. May be empty.
using AfterEpoch = std::function<void(const TrainRun& so_far)>;

/// Trains until `options.epochs` and then judges once by the test images. Stops between steps when interrupted.
/// `label` heads the progress line.
TrainRun run_training(Trainer& trainer, const DataPair& data, const TrainOptions& options, const std::string& label,
                      bool progress, const AfterEpoch& after_epoch);

}  // namespace bitloom::program
