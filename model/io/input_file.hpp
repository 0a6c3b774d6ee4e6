#pragma once
#include <cstddef>
#include <string>

namespace bitloom {

/// The most bytes that a file which users write by hand (network, recipe, hardware, …) may have.
inline constexpr std::size_t kLargestText = std::size_t{1} << 26;
/// The most bytes of a checkpoint or array: what the zip format without its extension can hold.
inline constexpr std::size_t kLargestState = std::size_t{1} << 32;

/// Reads a whole file, pipe or device of at most `limit` bytes. While a pipe gives nothing, an interrupt throws
/// Interrupted. Throws Error naming the path and the reason: no such file, no permission, a folder, more than `limit`
/// bytes.
std::string read_input(const std::string& path, std::size_t limit);

}  // namespace bitloom
