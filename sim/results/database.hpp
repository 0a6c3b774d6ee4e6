#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/io/error.hpp"

struct sqlite3;

namespace bitloom {

/// What a database of results can fail with: its file is damaged, foreign, of a newer program, in use, not writable, or
/// its disk is full. The message names the file and what to do.
class ResultsError : public Error {
 public:
  using Error::Error;
};

/// Bytes that are stored as they are.
struct Blob {
  std::string bytes;
};

/// A value of a column; monostate stands for NULL.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;

/// A file of SQLite. Each change is on the disk, whole or not at all, when the call returns, so a process may be killed
/// at any time. Several processes may use one file; a call waits up to ten seconds for another's change.
class Database {
 public:
  using Row = std::vector<Value>;

  /// Opens the file or makes it; an empty name stands for a private database that goes with the process. Throws
  /// ResultsError.
  explicit Database(const std::string& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs one statement with values for its question marks and returns all its rows. Throws ResultsError, and
  /// Interrupted where an interrupt comes while it waits for another process.
  std::vector<Row> query(const std::string& statement, const Row& values = {});

  /// Returns the integer that a statement gives in its only column and row.
  std::int64_t integer(const std::string& statement);

  /// Throws ResultsError: "<file>: <message>".
  [[noreturn]] void fail(const std::string& message) const;

 private:
  [[noreturn]] void fail_as_sqlite_says() const;

  std::string name_;  ///< for messages
  sqlite3* handle_ = nullptr;
};

/// Changes that happen together: those between begin and commit(). Without commit() none of them happened.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace bitloom
