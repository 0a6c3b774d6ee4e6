#include "model/io/content_hash.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "model/io/error.hpp"

namespace bitloom {

struct ContentHash::Context {
  EVP_MD_CTX* evp = nullptr;
};

ContentHash::ContentHash() : context_(std::make_unique<Context>()) {
  context_->evp = EVP_MD_CTX_new();
  if (context_->evp == nullptr || EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) != 1) {
    EVP_MD_CTX_free(context_->evp);
    throw Error("SHA-256: the cryptographic library refuses to start");
  }
}

ContentHash::~ContentHash() { EVP_MD_CTX_free(context_->evp); }

void ContentHash::update(const void* data, std::size_t bytes) {
  if (EVP_DigestUpdate(context_->evp, data, bytes) != 1) throw Error("SHA-256: the cryptographic library failed");
}

ContentHash& ContentHash::add(std::int64_t value) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  update(bytes.data(), bytes.size());
  return *this;
}

ContentHash& ContentHash::add_real(double value) { return add(std::bit_cast<std::int64_t>(value)); }

ContentHash& ContentHash::add_text(std::string_view text) { return add_bytes(std::as_bytes(std::span(text))); }

ContentHash& ContentHash::add_bytes(std::span<const std::byte> bytes) {
  add(static_cast<std::int64_t>(bytes.size()));
  update(bytes.data(), bytes.size());
  return *this;
}

std::string ContentHash::hex() {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context_->evp, digest.data(), &size) != 1) {
    throw Error("SHA-256: the cryptographic library failed");
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string file_hash(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(fmt::format("{}: cannot read the file: {}", file, std::strerror(errno)));
  ContentHash hash;
  std::array<char, 65536> part{};
  while (stream.read(part.data(), part.size()) || stream.gcount() > 0) {
    hash.update(part.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) throw Error(fmt::format("{}: cannot read the file: {}", file, std::strerror(errno)));
  return hash.hex();
}

}  // namespace bitloom
