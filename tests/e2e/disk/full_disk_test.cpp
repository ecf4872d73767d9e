// SPDX-License-Identifier: Apache-2.0
//
// A platform whose data lies on a small real disk that fills up: what runs goes on, what cannot be
// done is refused with the reason, what was accepted stays, and with room again all works without a
// restart.
#include <fcntl.h>
#include <fmt/format.h>

#include "base/crypto.hpp"
#include "base/sqlite.hpp"
#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"
#include "tests/support/small_disk.hpp"

#define NEEDS_SMALL_DISK()                                       \
  NEEDS_PLATFORM();                                              \
  if (const auto why = SmallDisk::cannot_be_made()) {            \
    MESSAGE("SKIP: " << *why);                                   \
    return;                                                      \
  }

namespace berth::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = 1U << 20;

/// The disk holds the base images twice (as tars and unpacked), and a little more.
struct Machine {
  SmallDisk disk{BERTH_BINARY_DIR, 4096 * mib};
  Platform berth{"min_free_disk: 16MiB\nlogs:\n  max_size: 1GiB\n", "", disk.path() / "data"};

  /// A static site, whose second process prints without end.
  std::filesystem::path talker() {
    if (!talker_.empty()) return talker_;
    auto path = talker_ = berth.repository("static-site");
    REQUIRE_FALSE(
        write_file(path / "Procfile",
                   "worker: while true; do echo a line of the talking worker; sleep 0.01; done\n")
            .has_error());
    berth.commit(path, "talk");
    berth.must({"create", "talker"}, path);
    const Output pushed = berth.push(path);
    REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
    berth.must({"ps:scale", "worker=1", "-a", "talker"});
    return path;
  }
  std::string log(const std::string& app) {
    return *read_file(berth.data() / "logs" /
                      std::string(berth.json_of({"info", "-a", app}).at("id").as_string()) /
                      "current.log", 1U << 30);
  }
  std::filesystem::path talker_;

  bool is_up(const std::string& name) {
    const json::value all = berth.json_of({"ps", "-a", "talker"});
    for (const json::value& replica : all.as_array())
      if (replica.at("name").as_string() == name && replica.at("state") == "up") return true;
    return false;
  }
};

/// Filling the disk with the base images takes longest, so the cases share it.
Machine& small_machine() {
  static Machine machine;
  machine.disk.empty();
  return machine;
}

/// Bytes that neither git nor the disk can make smaller.
void add_blob(const std::filesystem::path& file, std::uint64_t bytes) {
  const auto random = open_file("/dev/urandom", O_RDONLY);
  const auto blob = open_file(file, O_WRONLY | O_CREAT | O_TRUNC);
  std::string chunk(mib, '\0');
  for (std::uint64_t i = 0; i < bytes / mib; ++i) {
    REQUIRE(::read(random->get(), chunk.data(), chunk.size()) ==
            static_cast<ssize_t>(chunk.size()));
    REQUIRE_FALSE(write_all(blob->get(), chunk).has_error());
  }
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("on a full disk apps serve, changes are refused or kept, and room mends all") {
  NEEDS_SMALL_DISK();
  Machine& machine = small_machine();
  Platform& berth = machine.berth;
  machine.talker();
  const auto late = berth.repository("static-site");
  berth.must({"create", "late"}, late);
  REQUIRE(eventually([&] { return machine.is_up("worker.1"); }));

  machine.disk.fill();
  Load load([&] { return berth.get("talker"); }, 1);

  // A push ends before git stores anything.
  const Output pushed = berth.push(late);
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(has(pushed.err, "the disk is nearly full: 0 MiB are free"), pushed.err);
  CHECK_MESSAGE(has(pushed.err, "berth system:prune"), pushed.err);
  CHECK(berth.json_of({"builds", "-a", "late"}).as_array().empty());

  // Changes find the room set aside for them, until it is used up; then they say why.
  std::set<std::string> accepted;
  std::string refusal;
  for (int i = 0; i < 400 && refusal.empty(); ++i) {
    machine.disk.fill();
    const std::string name = "LARGE_" + std::to_string(i);
    const Output set =
        berth.cli({"config:set", name + "=" + random_hex(15'000), "-a", "late"});
    if (set.status.success()) accepted.insert(name);
    else refusal = set.err;
  }
  CHECK(accepted.size() > 10);
  CHECK_MESSAGE(has(refusal, "the disk is full"), refusal);
  CHECK_MESSAGE(has(refusal, "berth system:df"), refusal);

  // The server is killed, starts on the full disk, and has what it accepted.
  berth.kill_server();
  berth.start_server();
  const auto kept = [&] {
    const json::value vars = berth.json_of({"config", "-a", "late"});
    for (const std::string& name : accepted)
      if (!vars.as_object().contains(name)) return false;
    return vars.as_object().size() == accepted.size();
  };
  CHECK(kept());

  load.stop();
  CHECK(load.succeeded() > 0);
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  CHECK(machine.is_up("web.1"));
  CHECK(machine.is_up("worker.1"));

  machine.disk.empty();
  // Nobody restarts anything.
  CHECK(eventually([&] {
    const std::string log = machine.log("talker");
    return has(log, "berth[worker.1]: Error L10 (output buffer overflow)") &&
           has(log, "the log could not be written: the disk was full");
  }));
  CHECK(eventually([&] {
    return berth.get("talker").status == 200 &&
           has(machine.log("talker"), "berth[router]: Error L10 (output buffer overflow)");
  }));
  CHECK(kept());
  berth.must({"config:set", "AFTER=1", "-a", "late"});
  const Output again = berth.push(late);
  CHECK_MESSAGE(again.status.success(), again.err);
  CHECK(berth.get("late").status == 200);

  berth.stop_server();
  auto database = Database::open(berth.data() / "berth.db");
  REQUIRE(database.has_value());
  Statement check = database->prepare("PRAGMA integrity_check");
  REQUIRE(check.step());
  CHECK(check.text(0) == "ok");
  berth.start_server();
}

TEST_CASE("a disk that fills during a push or its build ends that push with the reason") {
  NEEDS_SMALL_DISK();
  Machine& machine = small_machine();
  Platform& berth = machine.berth;
  const auto path = machine.talker();
  const std::string before = berth.get("talker").body;
  const std::string app(berth.json_of({"info", "-a", "talker"}).at("id").as_string());
  const auto branch = [&] {
    const Output head = berth.git(berth.data() / "git" / (app + ".git"),
                                  {"-c", "safe.directory=*", "rev-parse", "main"});
    return head.out;
  };
  const std::string head = branch();
  const std::size_t releases = berth.json_of({"releases", "-a", "talker"}).as_array().size();

  SUBCASE("while git stores the push") {
    add_blob(path / "blob", 150 * mib);
    berth.commit(path, "large");
    machine.disk.fill(90 * mib);
    const Output pushed = berth.push(path);
    CHECK_FALSE(pushed.status.success());
    CHECK_MESSAGE(has(pushed.err, "The platform's disk is full"), pushed.err);
  }
  SUBCASE("while it is built") {
    add_blob(path / "blob", 60 * mib);
    berth.commit(path, "large");
    machine.disk.fill(110 * mib);
    const Output pushed = berth.push(path);
    CHECK_FALSE(pushed.status.success());
    CHECK_MESSAGE(has(pushed.err, "the disk is nearly full"), pushed.err);
    CHECK_MESSAGE(has(pushed.err, "pre-receive hook declined"), pushed.err);
    const json::value builds = berth.json_of({"builds", "-a", "talker"});
    CHECK(builds.as_array()[0].at("status") == "failed");
  }
  CHECK(branch() == head);
  CHECK(berth.get("talker").body == before);
  CHECK(berth.json_of({"releases", "-a", "talker"}).as_array().size() == releases);

  machine.disk.empty();
  const Output again = berth.push(path);
  CHECK_MESSAGE(again.status.success(), again.err);
  const auto sent = read_file(path / "blob", 1U << 30);
  CHECK(sha256_hex(berth.get("talker", "/blob").body) == sha256_hex(*sent));
}

}  // namespace
}  // namespace berth::test
