#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/io/npy.hpp"

namespace bitloom {

/// All state that lives across training steps, as one .npz file (a zip of .npy arrays that NumPy reads) with the facts
/// below in `meta.json`.
struct Checkpoint {
  std::string recipe;                       ///< "fp32" or the recipe's name
  std::string network;                      ///< name of the network
  std::uint64_t seed = 0;                   ///< of the run that wrote it
  int epoch = 0;                            ///< epochs completed; a resumed run starts with this one
  std::int64_t step = 0;                    ///< optimizer steps completed
  std::map<std::string, NpyArray> tensors;  ///< by name, for example "fc1.weight"
  int batch = 0;                            ///< samples a step; 0: not known (no such key in the file)
  std::int64_t train_images = 0;            ///< that the run trained on; 0: not known
};

/// Writes beside the file first and renames, so a reader never sees half of one. Throws Error.
void write_checkpoint(const std::string& file, const Checkpoint& checkpoint);
/// Throws Error for a missing, damaged or foreign file.
Checkpoint read_checkpoint(const std::string& file);

/// Refuses to resume with another seed or batch than the run that wrote the checkpoint: neither setting would give the
/// result again. Throws Error naming the option and both values.
void require_same_run(const Checkpoint& checkpoint, const std::string& file, std::uint64_t seed, int batch);
/// Likewise for the number of training images (--train-limit, --hold-out); `known` and `got`.
void require_same_images(std::int64_t known, std::int64_t got);

/// The tensor of that name with this shape and type; throws Error naming the file, tensor, expected and got.
const NpyArray& checkpoint_tensor(const Checkpoint& checkpoint, const std::string& file, const std::string& name,
                                  NpyType type, const std::vector<std::int64_t>& shape);

}  // namespace bitloom
