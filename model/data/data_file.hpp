#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bitloom {

/// Does a file of that name hold images or labels (….bin of CIFAR-10, …-ubyte of IDX, each perhaps with .gz)?
bool is_image_file(const std::string& name);

/// A file of a data set, read from its start, plain or gzip: told by its first bytes, not by its name. Every function
/// throws Error naming the file, and the field where there is one.
class DataFile {
 public:
  explicit DataFile(std::string name);

  /// Reads exactly `count` bytes.
  void read(std::uint8_t* to, std::size_t count, const char* field);
  /// Returns exactly `count` bytes. Memory grows with what the file holds, so that a damaged count cannot ask for more
  /// than there is.
  std::vector<std::uint8_t> read_data(std::size_t count, const char* field);
  /// Returns all bytes up to the file's end, at most `limit`.
  std::vector<std::uint8_t> read_rest(std::size_t limit, const char* field);
  /// Throws Error unless the file ends here.
  void finish();

  [[noreturn]] void fail(const std::string& message) const;

 private:
  std::size_t read_some(std::uint8_t* to, std::size_t count);
  void check_stream();

  struct Close {
    void operator()(void* file) const;
  };
  std::string name_;
  std::unique_ptr<void, Close> stream_;
};

/// Returns the path `folder`/`name`, or that with .gz where only it exists; throws Error when neither does.
std::string plain_or_gz(const std::string& folder, const std::string& name);

}  // namespace bitloom
