#pragma once
#include <string>
#include <vector>

#include "model/data/dataset.hpp"

namespace bitloom {

/// Reads files of CIFAR-10's binary version one after the other, each plain or gzip (told by content): records of 3073
/// bytes, a label and the 32×32 values of red, green and blue. Images come out as [rows][cols][channels]. Throws Error
/// naming the file and record for: a file that cannot be read, is empty or ends within a record, a label not below 10.
Dataset read_cifar(const std::vector<std::string>& files);

/// Does the folder hold a training file of CIFAR-10 (data_batch_*.bin or .bin.gz)?
bool is_cifar_folder(const std::string& folder);

/// Reads all data_batch_*.bin as training and all test_batch*.bin as test images, in the order of their names, each
/// plain or with .gz (plain first). A part of the files is enough. Throws Error.
DataPair read_cifar_folder(const std::string& folder);

/// Reads a folder of CIFAR-10 or, where it has no training file of that, of IDX files (idx.hpp). Throws Error.
DataPair read_image_folder(const std::string& folder);

}  // namespace bitloom
