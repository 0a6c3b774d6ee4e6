#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace bitloom {

/// The files of a zip archive by name.
using ZipEntries = std::map<std::string, std::vector<std::byte>>;

/// Makes the content of a zip archive that stores its files uncompressed, as NumPy's savez does. Throws Error beyond 4
/// GiB.
std::vector<std::byte> encode_zip(const ZipEntries& entries);

/// Reads such an archive; `name` stands for the file in messages. Throws Error for damaged content (every file's CRC is
/// checked) and for compression.
ZipEntries decode_zip(std::span<const std::byte> content, const std::string& name);

}  // namespace bitloom
