// SPDX-License-Identifier: Apache-2.0
#include "base/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "base/fd.hpp"

namespace berth {

namespace {

/// The write-ahead log is never cut, so that what is set aside for it once stays.
constexpr off_t log_reserve_bytes = 4 << 20;
/// The file itself grows in steps: what a step has left is room for checkpoints.
constexpr int growth_bytes = 1 << 20;

bool is_full(sqlite3* database) {
  const int code = sqlite3_errcode(database) & 0xff;
  if (code == SQLITE_FULL) return true;
  const int reason = sqlite3_system_errno(database);
  return (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) &&
         (reason == ENOSPC || reason == EDQUOT);
}

/// Best effort: a file system without it (an old one, or one that is full now) works as well.
void reserve_log(const std::filesystem::path& database) {
  // Locks lie on the database file and the shared memory, never on this file: closing it drops
  // none.
  const Fd log(::open((database.string() + "-wal").c_str(), O_RDWR | O_CLOEXEC));
  if (log) ::fallocate(log.get(), FALLOC_FL_KEEP_SIZE, 0, log_reserve_bytes);
}

[[noreturn]] void throw_error(sqlite3* database, std::string_view what) {
  if (is_full(database)) throw DatabaseFull();
  throw std::runtime_error("database: " + std::string(what) + ": " + sqlite3_errmsg(database));
}

}  // namespace

DatabaseFull::DatabaseFull()
    : std::runtime_error(
          "the disk is full, so the change could not be stored and nothing was done. Free some "
          "space (`berth system:df` shows what takes it), then try again") {}

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)),
      database_(other.database_),
      next_(other.next_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(database_, other.database_);
  std::swap(next_, other.next_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(std::string_view text) {
  if (sqlite3_bind_text64(statement_, next_++, text.data() ? text.data() : "", text.size(),
                          SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK)
    throw_error(database_, "bind");
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  if (sqlite3_bind_int64(statement_, next_++, number) != SQLITE_OK) throw_error(database_, "bind");
  return *this;
}

Statement& Statement::bind(double number) {
  if (sqlite3_bind_double(statement_, next_++, number) != SQLITE_OK) throw_error(database_, "bind");
  return *this;
}

Statement& Statement::bind(std::nullptr_t) {
  if (sqlite3_bind_null(statement_, next_++) != SQLITE_OK) throw_error(database_, "bind");
  return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
  if (sqlite3_bind_blob64(statement_, next_++, bytes.data() ? bytes.data() : "", bytes.size(),
                          SQLITE_TRANSIENT) != SQLITE_OK)
    throw_error(database_, "bind");
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw_error(database_, sqlite3_sql(statement_));
}

void Statement::run() {
  while (step()) {
  }
}

std::string Statement::text(int column) const {
  // The blob call, so that bytes with NUL survive; sqlite3_column_bytes counts what it returned.
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::optional<std::string> Statement::optional_text(int column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

Result<Database> Database::open(const std::filesystem::path& path) {
  const mode_t before = ::umask(0077);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   nullptr);
  Database database(handle);
  if (code != SQLITE_OK) {
    ::umask(before);
    return Error{ErrorKind::io, "open database " + path.string() + ": " + sqlite3_errmsg(handle)};
  }
  try {
    sqlite3_busy_timeout(handle, 5000);
    database.execute("PRAGMA journal_mode=WAL");
    database.execute("PRAGMA synchronous=FULL");
    database.execute("PRAGMA foreign_keys=ON");
    int keep = 1;
    int growth = growth_bytes;
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_CHUNK_SIZE, &growth);
    database.execute("BEGIN; SELECT 1 FROM sqlite_schema; COMMIT");  // makes the log's file
  } catch (const std::exception& failure) {
    ::umask(before);
    return Error{ErrorKind::io, "open database " + path.string() + ": " + failure.what()};
  }
  ::umask(before);
  reserve_log(path);
  return database;
}

Result<Database> Database::open_in_memory() {
  sqlite3* handle = nullptr;
  if (sqlite3_open(":memory:", &handle) != SQLITE_OK)
    return Error{ErrorKind::io, "open database in memory"};
  Database database(handle);
  database.execute("PRAGMA foreign_keys=ON");
  return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Database::~Database() { sqlite3_close(handle_); }

Statement Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr) !=
      SQLITE_OK)
    throw_error(handle_, sql);
  return Statement(statement, handle_);
}

void Database::execute(std::string_view sql) {
  const std::string copy(sql);
  if (sqlite3_exec(handle_, copy.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw_error(handle_, sql);
}

std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }

Result<void> Database::migrate(std::span<const std::string_view> scripts) {
  try {
    std::int64_t version = 0;
    {
      Statement read = prepare("PRAGMA user_version");
      if (read.step()) version = read.integer(0);
    }
    if (version > static_cast<std::int64_t>(scripts.size()))
      return Error{ErrorKind::conflict,
                   "the database has schema version " + std::to_string(version) +
                       ", this berth knows versions up to " + std::to_string(scripts.size()) +
                       ": it was written by a newer berth; upgrade this one"};
    for (; version < static_cast<std::int64_t>(scripts.size()); ++version) {
      Transaction transaction(*this);
      execute(scripts[static_cast<std::size_t>(version)]);
      execute("PRAGMA user_version=" + std::to_string(version + 1));
      transaction.commit();
    }
  } catch (const std::exception& failure) {
    return Error{ErrorKind::io, std::string("migrate the database: ") + failure.what()};
  }
  return {};
}

Transaction::Transaction(Database& database) : database_(&database) {
  database_->execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!database_) return;
  try {
    database_->execute("ROLLBACK");
  } catch (const std::exception&) {
    // SQLite has rolled back by itself (a full disk, an I/O error): nothing is left to undo.
  }
}

void Transaction::commit() {
  // A commit that fails, on a deferred constraint or a full disk, may leave the transaction open:
  // the destructor rolls it back.
  database_->execute("COMMIT");
  database_ = nullptr;
}

}  // namespace berth
