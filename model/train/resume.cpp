#include "model/train/resume.hpp"

#include <fmt/format.h>

#include "model/io/error.hpp"
#include "model/numerics/numerics_version.hpp"
#include "model/train/content.hpp"

namespace bitloom {
namespace {

struct Found {
  ResumeDifference difference;
  std::string sentence;
};

/// Returns the sentences of what was found. Throws Error when one is not allowed.
std::vector<std::string> judge(const std::vector<Found>& all, const ResumeDifferences& allowed,
                               const std::string& file) {
  std::vector<std::string> said;
  std::string refused, words;
  for (const Found& found : all) {
    said.push_back(found.sentence);
    if (allowed.contains(found.difference)) continue;
    refused += (refused.empty() ? "" : "; ") + found.sentence;
    words += (words.empty() ? "" : ",") + std::string(difference_name(found.difference));
  }
  if (!refused.empty()) {
    throw Error(fmt::format("{}: --resume: {}; to go on all the same: --resume-with {}", file, refused, words));
  }
  return said;
}

void require_content(const std::string& file, const char* what, const std::string& there, const std::string& here,
                     const std::string& hash_there, const std::string& hash_here) {
  if (hash_there == hash_here) return;
  throw Error(
      fmt::format("{}: --resume: {}: expected the content of {} when the checkpoint was written, got {}, "
                  "whose content is another",
                  file, what, there, here));
}

void require_name(const std::string& file, const char* what, const std::string& there, const std::string& here) {
  if (there != here) throw Error(fmt::format("{}: {}: expected {}, got {}", file, what, here, there));
}

}  // namespace

const char* difference_name(ResumeDifference difference) {
  switch (difference) {
    case ResumeDifference::kEpochs:
      return "epochs";
    case ResumeDifference::kHyper:
      return "hyper";
    case ResumeDifference::kData:
      return "data";
    case ResumeDifference::kNumerics:
      return "numerics";
    case ResumeDifference::kUnknown:
      return "unknown";
  }
  return "?";
}

std::vector<ResumeDifference> all_differences() {
  return {ResumeDifference::kEpochs, ResumeDifference::kHyper, ResumeDifference::kData, ResumeDifference::kNumerics,
          ResumeDifference::kUnknown};
}

RunIdentity::RunIdentity(const Network& network, const Recipe& recipe, const Hyper& hyper, const TrainOptions& options)
    : network_name_(network.name), recipe_name_(recipe.name), seed_(options.seed), batch_(options.batch) {
  content_.network = content_hash(network);
  content_.recipe = content_hash(recipe);
  content_.hyper = content_hash(hyper);
  content_.epochs = depends_on_epochs(hyper.learning_rate) ? options.epochs : 0;
  content_.numerics = kNumericsVersion;
}

void RunIdentity::write(Checkpoint& checkpoint) const {
  checkpoint.recipe = recipe_name_;
  checkpoint.network = network_name_;
  checkpoint.seed = seed_;
  checkpoint.batch = batch_;
  checkpoint.train_images = train_images_;
  checkpoint.content = content_;
}

std::vector<std::string> RunIdentity::resume(const Checkpoint& checkpoint, const std::string& file,
                                             const ResumeDifferences& allowed) {
  if (!checkpoint.content) {
    require_name(file, "network", checkpoint.network, network_name_);
    require_name(file, "recipe", checkpoint.recipe, recipe_name_);
  } else {
    const RunContent& there = *checkpoint.content;
    require_content(file, "network", checkpoint.network, network_name_, there.network, content_.network);
    require_content(file, "recipe", checkpoint.recipe, recipe_name_, there.recipe, content_.recipe);
  }
  if (checkpoint.seed != seed_) {
    throw Error(
        fmt::format("{}: --seed: expected {}, of the run that is resumed, got {}", file, checkpoint.seed, seed_));
  }
  if (checkpoint.batch != 0 && checkpoint.batch != batch_) {
    throw Error(
        fmt::format("{}: --batch: expected {}, of the run that is resumed, got {}", file, checkpoint.batch, batch_));
  }
  std::vector<Found> found;
  const auto add = [&](ResumeDifference difference, std::string sentence) {
    found.push_back({difference, std::move(sentence)});
  };
  if (!checkpoint.content) {
    add(ResumeDifference::kUnknown,
        "the checkpoint (format 1) does not say with which recipe, hyper-parameters and data its run was made");
  } else {
    const RunContent& there = *checkpoint.content;
    if (there.hyper != content_.hyper) {
      add(ResumeDifference::kHyper, "the hyper-parameters differ from those of the run that is resumed");
    } else if (there.epochs != content_.epochs) {
      add(ResumeDifference::kEpochs,
          fmt::format("the learning rate is that of {} epochs, in the run that is resumed it was that of {}",
                      content_.epochs, there.epochs));
    }
    if (there.numerics != content_.numerics) {
      add(ResumeDifference::kNumerics, fmt::format("this program has version {} of the numerics, the run had {}",
                                                   content_.numerics, there.numerics));
    }
    content_.data = there.data;
  }
  std::vector<std::string> said = judge(found, allowed, file);
  train_images_ = checkpoint.train_images;
  resumed_ = file;
  allowed_ = allowed;
  images_known_ = false;
  return said;
}

std::vector<std::string> RunIdentity::use_images(const Dataset& train) {
  const bool same_count = train_images_ == 0 || train_images_ == train.size();
  if (images_known_) {
    if (!same_count) {
      throw Error(fmt::format("{}: expected {} training images, as in the epochs before, got {}", train.name,
                              train_images_, train.size()));
    }
    return {};
  }
  std::string hash = content_hash(train);
  std::vector<Found> found;
  const bool same = content_.data.empty() ? same_count : hash == content_.data;
  if (!same) {
    const std::string counts = fmt::format(
        " (--train-limit, --hold-out or --data: expected {} training images, got {})", train_images_, train.size());
    found.push_back({ResumeDifference::kData,
                     "the training images are not those of the run that is resumed" + (same_count ? "" : counts)});
  }
  std::vector<std::string> said = judge(found, allowed_, resumed_);
  content_.data = std::move(hash);
  train_images_ = train.size();
  images_known_ = true;
  return said;
}

void RunIdentity::restart() {
  resumed_.clear();
  allowed_.clear();
  images_known_ = false;
  train_images_ = 0;
  content_.data.clear();
}

}  // namespace bitloom
