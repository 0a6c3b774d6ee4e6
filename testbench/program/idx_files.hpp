#pragma once
#include <cstdint>
#include <string>

namespace bitloom::testing {

/// Makes the bytes of an IDX images file: `count` images of 28×28 pseudo-random pixels whose brightness follows the
/// label i mod 10, so that a network can learn them.
std::string idx_images(int count);
/// Returns the bytes of the labels file that goes with it.
std::string idx_labels(int count);
/// Returns four big-endian bytes.
std::string big_endian(std::uint32_t value);
/// Writes the four files of a data set, plain, into an existing folder.
void write_idx_folder(const std::string& folder, int train_count, int test_count);

}  // namespace bitloom::testing
