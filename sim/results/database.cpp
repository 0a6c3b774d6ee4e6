#include "sim/results/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstring>
#include <filesystem>

#include "model/io/interrupt.hpp"

namespace bitloom {
namespace {

constexpr int kWaitMilliseconds = 20;
constexpr int kLongestWait = 10'000 / kWaitMilliseconds;

/// Waits for another process's change, unless an interrupt came.
int wait_for_others(void* /*unused*/, int waited) {
  if (interrupted() || waited >= kLongestWait) return 0;
  sqlite3_sleep(kWaitMilliseconds);
  return 1;
}

/// A statement of SQLite, which is freed at its end.
using Prepared = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

struct Binder {
  sqlite3_stmt* statement;
  int at;
  int operator()(std::monostate /*null*/) const { return sqlite3_bind_null(statement, at); }
  int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, at, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, at, value); }
  int operator()(const std::string& text) const {
    return sqlite3_bind_text64(statement, at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  int operator()(const Blob& blob) const {
    return sqlite3_bind_blob64(statement, at, blob.bytes.data(), blob.bytes.size(), SQLITE_STATIC);
  }
};

std::string bytes_of(sqlite3_stmt* statement, int column) {
  const void* data = sqlite3_column_blob(statement, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

Value value_of(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT:
      return bytes_of(statement, column);
    case SQLITE_BLOB:
      return Blob{bytes_of(statement, column)};
    default:  // not ours: SQLite's numbers
      return {};
  }
}

/// Says what went wrong and what to do, for the codes that users can cause.
std::string advice(int code, sqlite3* handle) {
  switch (code & 0xff) {
    case SQLITE_NOTADB:
      return "expected a database of results, got another file; give --db another name";
    case SQLITE_CORRUPT:
      return "the database is damaged; move it away, and its runs are made again";
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return "the database or its folder may not be written; change their mode or give --db another name";
    case SQLITE_CANTOPEN:
      return fmt::format("cannot open the database: {}; give --db a file in a folder that may be written",
                         std::strerror(sqlite3_system_errno(handle)));
    case SQLITE_FULL:
      return "No space left on device; make some and give the same command again: runs that are done are kept";
    case SQLITE_BUSY:
      return "another process has been writing to the database for ten seconds; wait for it or give --db another name";
    case SQLITE_TOOBIG:
      return "a checkpoint is larger than a database takes";
    default:  // not ours: SQLite's numbers
      return sqlite3_errmsg(handle);
  }
}

}  // namespace

Database::Database(const std::string& file) : name_(file.empty() ? "temporary results" : file) {
  // An absolute path, as SQLite gives some relative names another meaning (":memory:").
  const std::string path = file.empty() ? "" : std::filesystem::absolute(file).string();
  if (sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) != SQLITE_OK) {
    const std::string message = handle_ == nullptr ? "out of memory" : advice(sqlite3_errcode(handle_), handle_);
    sqlite3_close(handle_);
    fail(message);
  }
  sqlite3_busy_handler(handle_, wait_for_others, nullptr);
}

Database::~Database() { sqlite3_close(handle_); }

void Database::fail(const std::string& message) const { throw ResultsError(fmt::format("{}: {}", name_, message)); }

void Database::fail_as_sqlite_says() const {
  const int code = sqlite3_extended_errcode(handle_);
  if ((code & 0xff) == SQLITE_BUSY && interrupted()) throw Interrupted{};
  fail(advice(code, handle_));
}

std::vector<Database::Row> Database::query(const std::string& statement, const Row& values) {
  sqlite3_stmt* raw = nullptr;
  const auto length = static_cast<int>(statement.size());
  if (sqlite3_prepare_v2(handle_, statement.data(), length, &raw, nullptr) != SQLITE_OK) fail_as_sqlite_says();
  const Prepared prepared(raw, &sqlite3_finalize);
  int at = 0;
  for (const Value& value : values) {
    if (std::visit(Binder{raw, ++at}, value) != SQLITE_OK) fail_as_sqlite_says();
  }
  std::vector<Row> rows;
  int code = 0;
  while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
    Row& row = rows.emplace_back();
    for (int column = 0; column < sqlite3_column_count(raw); ++column) row.push_back(value_of(raw, column));
  }
  if (code != SQLITE_DONE) fail_as_sqlite_says();
  return rows;
}

std::int64_t Database::integer(const std::string& statement) { return std::get<std::int64_t>(query(statement)[0][0]); }

// IMMEDIATE takes the right to write at once, so that what was read inside cannot change before it is written.
Transaction::Transaction(Database& database) : database_(database) { database_.query("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.query("ROLLBACK");
  } catch (const ResultsError&) {
    // SQLite has rolled back by itself, as it does after an error of the disk.
  }
}

void Transaction::commit() {
  database_.query("COMMIT");
  open_ = false;
}

}  // namespace bitloom
