// SPDX-License-Identifier: Apache-2.0
//
// Volumes: there with either maker of containers, the app's user's, limited, kept, copied, put
// back, and had by one container at a time; and nothing of them is left over.
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "runtime/engine/local/detached_mount.hpp"
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

constexpr std::uint64_t small = 64ULL << 20;
const runtime::VolumePlace place{"app-1", "volume-1"};

/// Loop devices and mounts whose file lies in this test's directory.
std::string left_over(const ContainerBench& bench) {
  std::string result;
  for (const auto& entry : fs::directory_iterator("/sys/block")) {
    const auto file = read_file(entry.path() / "loop" / "backing_file", 8192);
    if (file.has_value() && file->find(bench.path("data").string()) != std::string::npos)
      result += entry.path().filename().string() + " ";
  }
  const auto mounts = read_file("/proc/self/mountinfo");
  if (mounts->find("volume-1") != std::string::npos) result += "a mount of the host";
  return result;
}

struct Bench : ContainerBench {
  Bench() {
    if (!why_no_containers().empty()) return;
    (void)open();
    const auto made = engine().make_volume(place, small);
    REQUIRE_MESSAGE(made.has_value(), why(made));
  }
  ~Bench() {
    if (!why_no_containers().empty()) return;
    for (const auto& status : engine().list())
      (void)engine().stop(status.spec.id, std::chrono::seconds(0));
    CHECK(eventually([this] { return left_over(*this).empty(); }, std::chrono::seconds(20)));
  }
  runtime::LocalEngine& engine() { return *opened; }
  void open() {
    runtime::LocalOptions impatient = options();
    impatient.volume_patience = std::chrono::seconds(3);
    opened = &ContainerBench::open(impatient);
  }

  [[nodiscard]] ReplicaSpec with_volume(const std::string& id, std::vector<std::string> words,
                                        bool shared = false) const {
    ReplicaSpec result = spec(id, std::move(words));
    result.name = id;
    result.volumes = {{.id = place.id, .name = "data", .target = "/data", .shared = shared}};
    return result;
  }
  /// What it printed, once it has ended.
  std::string end(const ReplicaSpec& spec) {
    const auto started = engine().start(spec);
    REQUIRE_MESSAGE(started.has_value(), why(started));
    events.wait_exit(spec.id);
    return printed(spec.name);
  }
  std::string does(const std::string& id, std::vector<std::string> words) {
    return end(with_volume(id, std::move(words)));
  }
  void stop(const std::string& id) {
    REQUIRE(engine().stop(ReplicaId(id), std::chrono::seconds(5)).has_value());
    events.wait_exit(ReplicaId(id));
  }

  runtime::LocalEngine* opened = nullptr;
};

}  // namespace

TEST_CASE("a volume is its user's, keeps what is written, and is no way to more rights") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  CHECK(bench.does("r-1", {"list", "/data"}).find("lost+found") == std::string::npos);
  CHECK(bench.does("r-2", {"store", "/data/file", "kept"}) == "stored\n");
  CHECK(bench.does("r-3", {"print", "/data/file"}) == "kept\n");
  CHECK(bench.does("r-4", {"owner", "/data", "/data/file"}) ==
        "/data 1000:1000\n/data/file 1000:1000\n");
  const std::string mounts = bench.does("r-5", {"print", "/proc/self/mountinfo"});
  const auto at = mounts.find(" /data ");
  REQUIRE(at != std::string::npos);
  const std::string line = mounts.substr(at, mounts.find('\n', at) - at);
  CHECK(line.find("nosuid") != std::string::npos);
  CHECK(line.find("nodev") != std::string::npos);
  CHECK(line.find(" - ext4 ") != std::string::npos);
  // Whoever is root inside has it too, and leaves it to whom it belongs.
  auto root = bench.with_volume("r-6", {"owner", "/data"});
  root.uid = root.gid = 0;
  CHECK(bench.end(root) == "/data 1000:1000\n");
}

TEST_CASE("a volume's size is a limit of bytes and of files, and others write on") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  REQUIRE(bench.engine().make_volume({"app-1", "volume-2"}, small).has_value());
  CHECK(bench.does("r-1", {"fill", "/data/big", "100"}) == "no room left\n");
  CHECK(bench.does("r-2", {"print", "/data/file"}).find("kept") == std::string::npos);
  auto other = bench.with_volume("r-3", {"store", "/data/file", "well"});
  other.volumes.front().id = "volume-2";
  CHECK(bench.end(other) == "stored\n");
  CHECK(bench.engine().volume_bytes(place, 0) <= small + (1 << 20));
  CHECK(bench.does("r-4", {"remove", "/data/big"}) == "");
  CHECK(bench.does("r-5", {"fill-files", "/data", "1000000"}) == "no room left\n");
  REQUIRE(bench.engine().remove_volume_files({"app-1", "volume-2"}, 0).has_value());
}

TEST_CASE("what is deleted in a volume is given back to the disk") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  CHECK(bench.does("r-1", {"fill", "/data/big", "30"}) == "written\n");
  const auto before = bench.engine().volume_bytes(place, 0);
  CHECK(before >= 30ULL << 20);
  CHECK(bench.does("r-2", {"remove", "/data/big"}) == "");
  CHECK(eventually(
      [&] { return bench.engine().volume_bytes(place, 0) + (20ULL << 20) < before; }));
}

TEST_CASE("a volume grows while nothing has it, and keeps what it holds") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  CHECK(bench.does("r-1", {"store", "/data/file", "kept"}) == "stored\n");
  CHECK(eventually([&] { return left_over(bench).empty(); }));
  const auto grown = bench.engine().grow_volume(place, 2 * small);
  REQUIRE_MESSAGE(grown.has_value(), why(grown));
  CHECK(bench.does("r-2", {"fill", "/data/big", "90"}) == "written\n");
  CHECK(bench.does("r-3", {"print", "/data/file"}) == "kept\n");
}

TEST_CASE("a volume grows while a program has it, where the server may") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  REQUIRE(bench.engine().start(bench.with_volume("r-1", {"wait-term"})).has_value());
  const auto grown = bench.engine().grow_volume(place, 2 * small);
  if (grown.has_error())
    CHECK(why(grown).find("CAP_SYS_RESOURCE") != std::string::npos);
  bench.stop("r-1");
  CHECK(bench.does("r-2", {"store", "/data/file", "kept"}) == "stored\n");
  if (grown.has_value())
    CHECK(bench.does("r-3", {"fill", "/data/big", "90"}) == "written\n");
}

TEST_CASE("one container at a time has a volume, be its shim killed; a shared one any number") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  REQUIRE(bench.engine().start(bench.with_volume("r-1", {"wait-term"})).has_value());
  const auto second = bench.engine().start(bench.with_volume("r-2", {"exit", "0"}));
  CHECK(why(second) == "start r-2: the volume data: something else still has it");
  SUBCASE("its shim is killed, and its program ends a moment later") {
    const pid_t shim = shim_of(bench.path("data") / "replicas" / "r-1");
    REQUIRE(shim > 0);
    ::kill(shim, SIGKILL);
    CHECK(bench.events.wait_exit(ReplicaId("r-1")).reason == ExitReason::lost);
    CHECK(bench.does("r-3", {"store", "/data/file", "kept"}) == "stored\n");
  }
  SUBCASE("the server goes and comes") {
    bench.close();
    bench.open();
    CHECK(bench.engine().list().front().spec.volumes == bench.with_volume("x", {}).volumes);
    CHECK(bench.engine().start(bench.with_volume("r-4", {"exit", "0"})).has_error());
    bench.stop("r-1");
    CHECK(bench.does("r-5", {"store", "/data/file", "kept"}) == "stored\n");
  }
  SUBCASE("shared") {
    bench.stop("r-1");
    REQUIRE(bench.engine().start(bench.with_volume("r-6", {"wait-term"}, true)).has_value());
    CHECK(bench.end(bench.with_volume("r-7", {"store", "/data/file", "one"}, true)) == "stored\n");
    CHECK(bench.end(bench.with_volume("r-8", {"print", "/data/file"}, true)) == "one\n");
  }
}

TEST_CASE("a snapshot is what the volume held, and a restore keeps what was there") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  auto& engine = bench.engine();
  CHECK(bench.does("r-1", {"store", "/data/file", "first"}) == "stored\n");
  SUBCASE("nobody has it") {
    const auto made = engine.snapshot_volume(place, 1);
    REQUIRE_MESSAGE(made.has_value(), why(made));
  }
  SUBCASE("while a program has it") {
    REQUIRE(engine.start(bench.with_volume("r-2", {"wait-term"})).has_value());
    const auto made = engine.snapshot_volume(place, 1);
    REQUIRE_MESSAGE(made.has_value(), why(made));
    CHECK(why(engine.restore_volume(place, 1, 2, small)) == "something else still has it");
    bench.stop("r-2");
  }
  CHECK(engine.volume_bytes(place, 1) > 0);
  CHECK(engine.volume_bytes(place, 1) < small / 2);  // its holes are holes
  CHECK(bench.does("r-3", {"store", "/data/file", "second"}) == "stored\n");
  CHECK(eventually([&] { return left_over(bench).empty(); }));
  REQUIRE(engine.grow_volume(place, 2 * small).has_value());
  const auto restored = engine.restore_volume(place, 1, 2, 2 * small);
  REQUIRE_MESSAGE(restored.has_value(), why(restored));
  CHECK(bench.does("r-4", {"print", "/data/file"}) == "first\n");
  CHECK(bench.does("r-5", {"fill", "/data/big", "90"}) == "written\n");
  CHECK(engine.restore_volume(place, 2, 3, 2 * small).has_value());
  CHECK(bench.does("r-6", {"print", "/data/file"}) == "second\n");
  CHECK(bench.does("r-7", {"list", "/data"}).find("big") == std::string::npos);
  CHECK(engine.remove_volume_files(place, 1).has_value());
  CHECK(engine.volume_bytes(place, 1) == 0);
}

TEST_CASE("a restore that was broken off is finished, wherever that was") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  auto& engine = bench.engine();
  CHECK(bench.does("r-1", {"store", "/data/file", "first"}) == "stored\n");
  REQUIRE(engine.snapshot_volume(place, 1).has_value());
  CHECK(bench.does("r-2", {"store", "/data/file", "second"}) == "stored\n");
  CHECK(eventually([&] { return left_over(bench).empty(); }));
  const fs::path folder = bench.path("data") / "volumes" / place.app_id / place.id;
  const fs::path data = folder / ("data-" + place.id + ".img");
  SUBCASE("half a copy is there") { (void)write_file(folder / "restore.img", "half"); }
  SUBCASE("the old content is put away, the new not yet there") {
    fs::copy_file(folder / "snapshots/1.img", folder / "restore.img");
    fs::rename(data, folder / "snapshots/2.img");
  }
  SUBCASE("all is done, and nobody was told") {
    REQUIRE(engine.restore_volume(place, 1, 2, small).has_value());
  }
  const auto restored = engine.restore_volume(place, 1, 2, small);
  REQUIRE_MESSAGE(restored.has_value(), why(restored));
  CHECK(bench.does("r-3", {"print", "/data/file"}) == "first\n");
  CHECK(fs::exists(folder / "snapshots/2.img"));
  CHECK(!fs::exists(folder / "restore.img"));
}

TEST_CASE("a server that was killed in a snapshot leaves a volume that the next one frees") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  REQUIRE(bench.engine().start(bench.with_volume("r-1", {"wait-term"})).has_value());
  {
    const auto device =
        runtime::find_loop_device(bench.path("data") / "volumes/app-1/volume-1/data-volume-1.img");
    REQUIRE(device.has_value());
    REQUIRE(device->has_value());
    const auto root = runtime::detached_ext4((*device)->path);
    REQUIRE_MESSAGE(root.has_value(), why(root));
    REQUIRE(::ioctl(root->get(), FIFREEZE, 0) == 0);
  }
  CHECK(why(bench.engine().snapshot_volume(place, 1)).find("hold the writes") !=
        std::string::npos);
  bench.close();
  bench.open();
  REQUIRE(bench.engine().snapshot_volume(place, 1).has_value());  // which freezes it itself
  bench.stop("r-1");
}

TEST_CASE("a volume that is destroyed is its container's until that ends") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  REQUIRE(bench.engine().start(bench.with_volume("r-1", {"wait-term"})).has_value());
  REQUIRE(bench.engine().remove_volume_files(place, 0).has_value());
  CHECK(!fs::exists(bench.path("data") / "volumes" / place.app_id));
  REQUIRE(bench.engine().make_volume(place, small).has_value());
  CHECK(bench.does("r-2", {"store", "/data/file", "new"}) == "stored\n");
  bench.stop("r-1");
}

TEST_CASE("a volume that the disk has no room for is refused") {
  SKIP_WITHOUT_CONTAINERS();
  Bench bench;
  const auto made = bench.engine().make_volume({"app-1", "volume-2"}, 4ULL << 40);
  CHECK(why(made).find("MiB free, and with this volumes could write") != std::string::npos);
}
