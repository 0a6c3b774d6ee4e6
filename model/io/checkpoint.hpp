#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/io/npy.hpp"

namespace bitloom {

/// What made the bits of a training run besides its seed, its batch and its number of images. The texts are SHA-256
/// hashes (content_hash.hpp) of what was read, not of names or files: layout, comments and names do not count.
struct RunContent {
  std::string network;
  std::string recipe;
  std::string hyper;  ///< momentum, learning rate and input scaling
  std::string data;   ///< training images and labels; empty before the first epoch
  int epochs = 0;     ///< of the whole run where the learning rate's schedule depends on it; else 0
  int numerics = 0;   ///< kNumericsVersion
};

/// All state that lives across training steps, as one .npz file (a zip of .npy arrays that NumPy reads) with the facts
/// below in `meta.json`.
struct Checkpoint {
  std::string recipe;                       ///< "fp32" or the recipe's name
  std::string network;                      ///< name of the network
  std::uint64_t seed = 0;                   ///< of the run that wrote it
  int epoch = 0;                            ///< epochs completed; a resumed run starts with this one
  std::int64_t step = 0;                    ///< optimizer steps completed, at most 2^32 - 1
  std::map<std::string, NpyArray> tensors;  ///< by name, for example "fc1.weight"
  int batch = 0;                            ///< samples a step; 0: not known (no such key in the file)
  std::int64_t train_images = 0;            ///< that the run trained on; 0: not known
  std::optional<RunContent> content;        ///< of the run that wrote it; none in files of format 1
};

/// Writes a checkpoint, beside the file first, and renames it, so a reader never sees half of one. Throws Error.
void write_checkpoint(const std::string& file, const Checkpoint& checkpoint);
/// Reads a checkpoint. Throws Error for a missing, damaged or foreign file.
Checkpoint read_checkpoint(const std::string& file);

/// Returns the tensor of that name with this shape and type; throws Error naming the file, tensor, expected and got.
const NpyArray& checkpoint_tensor(const Checkpoint& checkpoint, const std::string& file, const std::string& name,
                                  NpyType type, const std::vector<std::int64_t>& shape);

/// Returns the values of a float32 tensor; beside what checkpoint_tensor() refuses, throws Error naming the first
/// element that is no finite number.
std::vector<float> checkpoint_reals(const Checkpoint& checkpoint, const std::string& file, const std::string& name,
                                    const std::vector<std::int64_t>& shape);

/// Throws Error naming the first element where a variance is negative.
void require_variance(const std::vector<float>& values, const std::string& file, const std::string& name);

}  // namespace bitloom
