// SPDX-License-Identifier: Apache-2.0
//
// A thin typed skin over SQLite: prepared statements, transactions that roll back unless committed,
// and migrations by user_version. WAL with synchronous=FULL: a committed change survives kill -9
// and power loss. One Database is used by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace berth {

class Database;

/// Thrown where a change finds no room on the disk: nothing of it is stored, the database is whole,
/// and the same change succeeds once there is room. Reading goes on meanwhile.
class DatabaseFull final : public std::runtime_error {
 public:
  DatabaseFull();
};

class Statement final {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();

  /// Binds the parameters in order, `?1` first. Strings are copied.
  Statement& bind(std::string_view text);
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind(std::int64_t number);
  Statement& bind(int number) { return bind(static_cast<std::int64_t>(number)); }
  Statement& bind(std::uint64_t number) { return bind(static_cast<std::int64_t>(number)); }
  Statement& bind(double number);
  Statement& bind(bool flag) { return bind(static_cast<std::int64_t>(flag)); }
  Statement& bind(std::nullptr_t);
  Statement& bind_blob(std::string_view bytes);
  template <class T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind(nullptr);
  }

  /// Moves to the next row; false at the end. Errors throw: with checked SQL they mean a full disk
  /// (DatabaseFull), a broken one or a bug, and the transaction rolls back on the way out.
  bool step();
  /// Steps a statement that returns no rows.
  void run();

  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] bool boolean(int column) const { return integer(column) != 0; }
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::optional<std::string> optional_text(int column) const;

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* statement, sqlite3* database)
      : statement_(statement), database_(database) {}
  sqlite3_stmt* statement_;
  sqlite3* database_;
  int next_ = 1;
};

class Database final {
 public:
  /// Opens or creates the file (mode 0600). Room for some hundred small changes is set aside on the
  /// disk, so that a full one does not stop those that make room.
  [[nodiscard]] static Result<Database> open(const std::filesystem::path& path);
  [[nodiscard]] static Result<Database> open_in_memory();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  [[nodiscard]] Statement prepare(std::string_view sql);
  void execute(std::string_view sql);
  [[nodiscard]] std::int64_t last_insert_id() const;
  [[nodiscard]] std::int64_t changes() const;

  /// Brings the schema to `scripts.size()`; script i leads from version i to i+1, each in one
  /// transaction. A database that is newer than we know is an error that says so.
  [[nodiscard]] Result<void> migrate(std::span<const std::string_view> scripts);

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_;
};

/// BEGIN IMMEDIATE … COMMIT; rolls back in the destructor unless commit() was called.
class Transaction final {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database* database_;
};

}  // namespace berth
