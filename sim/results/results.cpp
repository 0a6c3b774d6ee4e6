#include "sim/results/results.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace bitloom {
namespace {

/// Marks the file as ours: "BtLm".
constexpr std::int64_t kApplication = 0x42744c6d;

using Member = std::variant<std::string RunRecord::*, std::int64_t RunRecord::*, RunStatus RunRecord::*,
                            std::optional<double> RunRecord::*, std::optional<std::int64_t> RunRecord::*>;

/// A column of the table `runs` beside its key config_hash.
struct Column {
  const char* name;
  int since;  ///< the version of the schema that brought it
  Member member;
};

/// To add a column, add a member to RunRecord and a line at the end here, with the next version. Databases of older
/// versions get the column, empty, when they are opened.
const auto kColumns = std::to_array<Column>({
    {"status", 1, &RunRecord::status},
    {"error", 1, &RunRecord::error},
    {"network", 1, &RunRecord::network},
    {"recipe", 1, &RunRecord::recipe},
    {"data", 1, &RunRecord::data},
    {"seed", 1, &RunRecord::seed},
    {"batch", 1, &RunRecord::batch},
    {"epochs", 1, &RunRecord::epochs},
    {"program", 1, &RunRecord::program},
    {"epochs_done", 1, &RunRecord::epochs_done},
    {"test_accuracy", 1, &RunRecord::test_accuracy},
    {"test_loss", 1, &RunRecord::test_loss},
    {"train_loss", 1, &RunRecord::train_loss},
    {"train_seconds", 1, &RunRecord::train_seconds},
    {"saturated_values", 1, &RunRecord::saturated_values},
    {"train_accuracy", 2, &RunRecord::train_accuracy},
});

int newest_schema() { return std::ranges::max(kColumns, {}, &Column::since).since; }

struct TypeName {
  const char* operator()(std::string RunRecord::* /*m*/) const { return "TEXT NOT NULL DEFAULT ''"; }
  const char* operator()(std::int64_t RunRecord::* /*m*/) const { return "INTEGER NOT NULL DEFAULT 0"; }
  const char* operator()(RunStatus RunRecord::* /*m*/) const { return "TEXT NOT NULL DEFAULT ''"; }
  const char* operator()(std::optional<double> RunRecord::* /*m*/) const { return "REAL"; }
  const char* operator()(std::optional<std::int64_t> RunRecord::* /*m*/) const { return "INTEGER"; }
};

/// The value of a member, for the table.
struct Getter {
  const RunRecord& record;
  Value operator()(std::string RunRecord::*member) const { return record.*member; }
  Value operator()(std::int64_t RunRecord::*member) const { return record.*member; }
  Value operator()(RunStatus RunRecord::*member) const { return status_name(record.*member); }
  template <class T>
  Value operator()(std::optional<T> RunRecord::*member) const {
    return record.*member ? Value(*(record.*member)) : Value();
  }
};

/// Sets a member to a value of the table, whose column has the member's type.
struct Setter {
  RunRecord& record;
  const Value& value;
  void operator()(std::string RunRecord::*member) const { record.*member = std::get<std::string>(value); }
  void operator()(std::int64_t RunRecord::*member) const { record.*member = std::get<std::int64_t>(value); }
  void operator()(RunStatus RunRecord::*member) const {
    // A word that another hand wrote means: not done.
    record.*member = RunStatus::kRunning;
    for (const RunStatus status : {RunStatus::kDone, RunStatus::kFailed}) {
      if (std::get<std::string>(value) == status_name(status)) record.*member = status;
    }
  }
  template <class T>
  void operator()(std::optional<T> RunRecord::*member) const {
    if (!std::holds_alternative<std::monostate>(value)) record.*member = std::get<T>(value);
  }
};

std::string column_names() {
  std::vector<std::string> names;
  for (const Column& column : kColumns) names.emplace_back(column.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

void refuse_what_is_not_ours(Database& database) {
  const std::int64_t version = database.integer("PRAGMA user_version");
  const bool ours = database.integer("PRAGMA application_id") == kApplication;
  const bool empty = version == 0 && database.integer("SELECT count(*) FROM sqlite_master") == 0;
  if (!ours && !empty) database.fail("expected a database of results, got another one; give --db another name");
  if (version > newest_schema()) {
    database.fail(
        fmt::format("the database has version {} of the schema, this program knows versions up to {}; take the program "
                    "that wrote it or give --db another name",
                    version, newest_schema()));
  }
}

/// Makes the tables, or adds the columns that have come since the database was written. Its transaction also proves
/// that the file can be written.
void bring_up_to_date(Database& database) {
  Transaction transaction(database);
  refuse_what_is_not_ours(database);
  const std::int64_t version = database.integer("PRAGMA user_version");
  if (version == 0) {
    database.query("CREATE TABLE runs (config_hash TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID");
    database.query("CREATE TABLE checkpoints (config_hash TEXT PRIMARY KEY NOT NULL, bytes BLOB NOT NULL)");
  }
  for (const Column& column : kColumns) {
    if (column.since <= version) continue;
    database.query(
        fmt::format("ALTER TABLE runs ADD COLUMN {} {}", column.name, std::visit(TypeName{}, column.member)));
  }
  database.query(fmt::format("PRAGMA application_id = {}", kApplication));
  database.query(fmt::format("PRAGMA user_version = {}", newest_schema()));
  transaction.commit();
}

}  // namespace

const char* status_name(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning:
      return "running";
    case RunStatus::kDone:
      return "done";
    case RunStatus::kFailed:
      return "failed";
  }
  return "?";
}

Results::Results(const std::string& file) : database_(file) {
  // Read first: what is not ours is refused also where it may not be written.
  refuse_what_is_not_ours(database_);
  bring_up_to_date(database_);
}

std::optional<RunRecord> Results::find(const std::string& config_hash) {
  const std::string select = fmt::format("SELECT {} FROM runs WHERE config_hash = ?", column_names());
  const std::vector<Database::Row> rows = database_.query(select, {config_hash});
  if (rows.empty()) return std::nullopt;
  RunRecord record;
  record.config_hash = config_hash;
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    try {
      std::visit(Setter{record, rows[0][i]}, kColumns[i].member);
    } catch (const std::bad_variant_access&) {
      database_.fail(
          fmt::format("column {} of run {} has a value of another type; delete the row, and the run is made "
                      "again",
                      kColumns[i].name, config_hash));
    }
  }
  return record;
}

void Results::put_row(const RunRecord& record) {
  Database::Row values{record.config_hash};
  for (const Column& column : kColumns) values.push_back(std::visit(Getter{record}, column.member));
  std::string marks = "?";
  for (std::size_t i = 0; i < kColumns.size(); ++i) marks += ", ?";
  database_.query(fmt::format("INSERT OR REPLACE INTO runs (config_hash, {}) VALUES ({})", column_names(), marks),
                  values);
}

void Results::put(const RunRecord& record) { put_row(record); }

void Results::put(const RunRecord& record, const std::string& checkpoint) {
  Transaction transaction(database_);
  put_row(record);
  database_.query("INSERT OR REPLACE INTO checkpoints (config_hash, bytes) VALUES (?, ?)",
                  {record.config_hash, Blob{checkpoint}});
  transaction.commit();
}

void Results::finish(const RunRecord& record, bool keep_checkpoint) {
  Transaction transaction(database_);
  put_row(record);
  if (!keep_checkpoint) drop_checkpoint(record.config_hash);
  transaction.commit();
}

bool Results::has_checkpoint(const std::string& config_hash) {
  return !database_.query("SELECT 1 FROM checkpoints WHERE config_hash = ?", {config_hash}).empty();
}

std::optional<std::string> Results::checkpoint(const std::string& config_hash) {
  const auto rows = database_.query("SELECT bytes FROM checkpoints WHERE config_hash = ?", {config_hash});
  if (rows.empty()) return std::nullopt;
  return std::get<Blob>(rows[0][0]).bytes;
}

void Results::drop_checkpoint(const std::string& config_hash) {
  database_.query("DELETE FROM checkpoints WHERE config_hash = ?", {config_hash});
}

}  // namespace bitloom
