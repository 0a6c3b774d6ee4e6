#pragma once
#include <string>

#include "model/data/dataset.hpp"

namespace bitloom {

/// Reads one images file and one labels file in the IDX format of MNIST, plain or gzip (told by content, not by name).
/// Throws Error naming the file, the field, the expected and the found value for: a file that cannot be read, a wrong
/// magic number, truncated or extra bytes, image and label counts that differ, a label that is not below `classes`.
Dataset read_idx(const std::string& images_file, const std::string& labels_file, int classes = 10);

/// Reads a folder with the four files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
/// t10k-labels-idx1-ubyte, each plain or with .gz (plain first). Throws Error.
DataPair read_idx_folder(const std::string& folder);

}  // namespace bitloom
