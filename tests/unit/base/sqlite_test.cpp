// SPDX-License-Identifier: Apache-2.0
#include "base/sqlite.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <array>
#include <tuple>

#include "base/file.hpp"

namespace berth {
namespace {

std::int64_t count(Database& database, std::string_view table) {
  Statement row = database.prepare("SELECT count(*) FROM " + std::string(table));
  REQUIRE(row.step());
  return row.integer(0);
}

struct Memory {
  Database database = Database::open_in_memory().value();
  Memory() { database.execute("CREATE TABLE t (a TEXT, b INTEGER, c REAL, d BLOB)"); }
};

TEST_CASE("values come back as they were bound, NUL bytes and nothing among them") {
  Memory memory;
  const std::string bytes("a\0b", 3);
  memory.database.prepare("INSERT INTO t VALUES (?,?,?,?)").bind(bytes).bind(INT64_MIN).bind(0.5)
      .bind_blob(bytes).run();
  memory.database.prepare("INSERT INTO t VALUES (?,?,?,?)")
      .bind(std::optional<std::string>())
      .bind(true)
      .bind(nullptr)
      .bind_blob({})
      .run();
  Statement rows = memory.database.prepare("SELECT a, b, c, d FROM t ORDER BY rowid");
  REQUIRE(rows.step());
  CHECK(rows.text(0) == bytes);
  CHECK(rows.integer(1) == INT64_MIN);
  CHECK(rows.real(2) == 0.5);
  CHECK(rows.text(3) == bytes);
  REQUIRE(rows.step());
  CHECK_FALSE(rows.optional_text(0).has_value());
  CHECK(rows.boolean(1));
  CHECK(rows.is_null(2));
  CHECK(rows.text(3).empty());
  CHECK_FALSE(rows.is_null(3));
  CHECK_FALSE(rows.step());
}

TEST_CASE("a transaction that is not committed changes nothing") {
  Memory memory;
  {
    Transaction transaction(memory.database);
    memory.database.execute("INSERT INTO t (b) VALUES (1)");
  }
  CHECK(count(memory.database, "t") == 0);
  {
    Transaction transaction(memory.database);
    memory.database.execute("INSERT INTO t (b) VALUES (1)");
    transaction.commit();
  }
  CHECK(count(memory.database, "t") == 1);
}

TEST_CASE("an exception inside a transaction rolls it back") {
  Memory memory;
  CHECK_THROWS([&] {
    Transaction transaction(memory.database);
    memory.database.execute("INSERT INTO t (b) VALUES (1)");
    memory.database.execute("INSERT INTO missing VALUES (1)");
    transaction.commit();
  }());
  CHECK(count(memory.database, "t") == 0);
  CHECK_NOTHROW(memory.database.execute("BEGIN; COMMIT"));
}

TEST_CASE("a commit that fails leaves no transaction open") {
  Memory memory;
  memory.database.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)");
  memory.database.execute(
      "CREATE TABLE child (p INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
  CHECK_THROWS([&] {
    Transaction transaction(memory.database);
    memory.database.execute("INSERT INTO child VALUES (7)");
    transaction.commit();
  }());
  CHECK_NOTHROW([&] {
    Transaction transaction(memory.database);
    transaction.commit();
  }());
  CHECK(count(memory.database, "child") == 0);
}

TEST_CASE("a change that finds no room is told apart, changes nothing and succeeds later") {
  Memory memory;
  Statement pages = memory.database.prepare("PRAGMA max_page_count=4");
  REQUIRE(pages.step());
  const std::string large(64 << 10, 'x');
  const auto insert = [&] {
    Transaction transaction(memory.database);
    memory.database.prepare("INSERT INTO t (a) VALUES (?)").bind(large).run();
    transaction.commit();
  };
  CHECK_THROWS_AS(insert(), DatabaseFull);
  CHECK(count(memory.database, "t") == 0);
  Statement more = memory.database.prepare("PRAGMA max_page_count=1000");
  REQUIRE(more.step());
  CHECK_NOTHROW(insert());
  CHECK(count(memory.database, "t") == 1);
}

TEST_CASE("room for changes is set aside, and stays over a clean end and a large change") {
  auto directory = TempDir::create(std::filesystem::temp_directory_path());
  REQUIRE(directory.has_value());
  const auto path = directory->path() / "berth.db";
  const auto reserved = [&] {
    struct stat status {};
    REQUIRE(::stat((path.string() + "-wal").c_str(), &status) == 0);
    return status.st_blocks * 512;
  };
  {
    auto database = Database::open(path);
    REQUIRE(database.has_value());
    CHECK(reserved() >= 4 << 20);
    database->execute("CREATE TABLE t (a TEXT)");
    database->prepare("INSERT INTO t VALUES (?)").bind(std::string(6 << 20, 'x')).run();
    CHECK(reserved() >= 4 << 20);
  }
  CHECK(reserved() >= 4 << 20);
  auto again = Database::open(path);
  REQUIRE(again.has_value());
  CHECK(count(*again, "t") == 1);
}

TEST_CASE("wrong SQL throws with the database's words") {
  Memory memory;
  CHECK_THROWS_WITH(memory.database.execute("SELEC"),
                    "database: SELEC: near \"SELEC\": syntax error");
  CHECK_THROWS(std::ignore = memory.database.prepare("SELECT x FROM t"));
}

TEST_CASE("what was committed is there after the file is opened again, for its owner alone") {
  auto directory = TempDir::create(std::filesystem::temp_directory_path());
  REQUIRE(directory.has_value());
  const auto path = directory->path() / "berth.db";
  {
    auto database = Database::open(path);
    REQUIRE(database.has_value());
    database->execute("CREATE TABLE t (a INTEGER)");
    database->execute("INSERT INTO t VALUES (42)");
    CHECK(database->last_insert_id() == 1);
    CHECK(database->changes() == 1);
  }
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  auto database = Database::open(path);
  REQUIRE(database.has_value());
  CHECK(count(*database, "t") == 1);
  Statement mode = database->prepare("PRAGMA journal_mode");
  REQUIRE(mode.step());
  CHECK(mode.text(0) == "wal");
}

TEST_CASE("a file that is no database is an error that names it") {
  auto directory = TempDir::create(std::filesystem::temp_directory_path());
  REQUIRE(directory.has_value());
  const auto path = directory->path() / "berth.db";
  REQUIRE_FALSE(write_file(path, std::string(5000, 'x')).has_error());
  const auto database = Database::open(path);
  REQUIRE(database.has_error());
  CHECK(database.error().message.find(path.string()) != std::string::npos);
  CHECK(Database::open("/nonexistent/berth.db").has_error());
}

TEST_CASE("migrations run once, in order, and a later start goes on from there") {
  Memory memory;
  const std::array<std::string_view, 2> two = {"CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y"};
  REQUIRE_FALSE(memory.database.migrate(two).has_error());
  REQUIRE_FALSE(memory.database.migrate(two).has_error());
  const std::array<std::string_view, 3> three = {two[0], two[1], "INSERT INTO a VALUES (1, 2)"};
  REQUIRE_FALSE(memory.database.migrate(three).has_error());
  CHECK(count(memory.database, "a") == 1);
}

TEST_CASE("a migration that fails halfway leaves the version before it") {
  Memory memory;
  const std::array<std::string_view, 2> broken = {
      "CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO missing VALUES (1)"};
  const auto failed = memory.database.migrate(broken);
  REQUIRE(failed.has_error());
  CHECK(failed.error().message.starts_with("migrate the database: "));
  CHECK_THROWS(std::ignore = memory.database.prepare("SELECT * FROM b"));
  const std::array<std::string_view, 2> mended = {broken[0], "CREATE TABLE b (x)"};
  CHECK_FALSE(memory.database.migrate(mended).has_error());
}

TEST_CASE("a database of a newer berth is refused") {
  Memory memory;
  memory.database.execute("PRAGMA user_version=9");
  const std::array<std::string_view, 1> one = {"CREATE TABLE a (x)"};
  const auto refused = memory.database.migrate(one);
  REQUIRE(refused.has_error());
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(refused.error().message.find("written by a newer berth") != std::string::npos);
}

}  // namespace
}  // namespace berth
