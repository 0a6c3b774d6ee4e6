#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bitloom {

/// A ContentHash takes what a thing consists of, piece by piece, and gives the SHA-256 of it. What is remembered (a
/// checkpoint, a result) is found again by this hash, as a name says nothing about what a file holds by now. Every
/// piece is framed, so that no two lists of pieces give the same bytes.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;

  ContentHash& add(std::int64_t value);
  ContentHash& add_real(double value);
  ContentHash& add_text(std::string_view text);
  ContentHash& add_bytes(std::span<const std::byte> bytes);

  /// Returns the hash of all pieces as 64 hexadecimal digits. It may be asked for once.
  std::string hex();

 private:
  friend std::string file_hash(const std::string& file);
  void update(const void* data, std::size_t bytes);

  struct Context;
  std::unique_ptr<Context> context_;
};

/// Returns the SHA-256 of a file's bytes alone, as sha256sum prints it. Throws Error naming the file where it cannot be
/// read.
std::string file_hash(const std::string& file);

}  // namespace bitloom
