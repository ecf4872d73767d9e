// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "platform/store.hpp"

namespace berth::platform {
namespace {

const Actor ada{"ada@example.com"};

struct Fixture {
  Store store = *Store::open_in_memory(SecretBox::ephemeral());
  App app = *store.create_app(*AppName::parse("shop"), ada);
  NewVolume wanted{.name = "data", .size_bytes = 1 << 30, .mounts = {{"web", "/data"}}};

  Volume add() {
    const VolumeId id("11111111-2222");
    store.files_begun({app.id, id});
    return *store.add_volume(app.id, id, wanted, ada);
  }
  void deploy() {
    (void)*store.create_release(
        app.id, {.image = "sha256:1", .commit = {}, .processes = {{"web", "x"}, {"worker", "y"}}},
        ada);
  }
  std::string refusal() { return store.check_new_volume(app.id, wanted).error().message; }
  std::string scale(const FormationChange& change) {
    const auto changed = store.update_formation(app.id, {change}, ada);
    return changed.has_error() ? changed.error().message : "";
  }
};

TEST_CASE("mounts are process types with paths, and come back as they were written") {
  const auto mounts = parse_volume_mounts("web:/data,worker:/srv/files");
  REQUIRE(mounts.has_value());
  CHECK(*mounts == std::vector<VolumeMount>{{"web", "/data"}, {"worker", "/srv/files"}});
  CHECK(volume_mounts_text(*mounts) == "web:/data,worker:/srv/files");
  CHECK(parse_volume_mounts("/data").has_error());
  CHECK(parse_volume_mounts("web").error().message ==
        "the mount 'web' is not a process type and a path, for example web:/data");
}

TEST_CASE_FIXTURE(Fixture, "a mount is at an absolute path that neither the image nor the platform "
                           "has use for") {
  for (const char* good : {"/data", "/app/storage", "/var/lib/app", "/home/me", "/Data_1/x.y-z"}) {
    wanted.mounts = {{"web", good}};
    CHECK_MESSAGE(store.check_new_volume(app.id, wanted).has_value(), good);
  }
  for (const char* bad : {"", "data", "/", "/app", "/proc", "/sys/x", "/dev", "/tmp/x", "/etc",
                          "/usr/local", "/run/x", "/layers/x", "/a/../b", "/a/", "/a//b", "/./a",
                          "/var/lib", "/a b", "/a\nb", "/a:b"}) {
    wanted.mounts = {{"web", bad}};
    CHECK_MESSAGE(store.check_new_volume(app.id, wanted).has_error(), bad);
  }
  wanted.mounts = {{"web", "/etc/x"}};
  CHECK(refusal() == "the mount path '/etc/x' lies in /etc, which is not free. Use an absolute "
                     "path of its own, for example /data");
}

TEST_CASE_FIXTURE(Fixture, "no mount of a process type hides another") {
  (void)add();
  wanted = {.name = "more", .mounts = {{"web", "/data/below"}}};
  CHECK(refusal() == "the mount web:/data/below meets web:/data of the volume data: one would hide "
                     "the other. Use a path apart");
  wanted.mounts = {{"web", "/data"}};
  CHECK(!refusal().empty());
  wanted.mounts = {{"web", "/data2"}};
  CHECK(store.check_new_volume(app.id, wanted).has_value());
  wanted.mounts = {{"worker", "/data"}};
  CHECK(store.check_new_volume(app.id, wanted).has_value());
  wanted.name = "data";
  CHECK(refusal() == "the app has a volume 'data' already. `berth volumes` lists them");
}

TEST_CASE_FIXTURE(Fixture, "names and sizes have bounds") {
  for (const char* bad : {"", "Data", "1data", "data-", "da/ta", "..",
                          "abcdefghijabcdefghijabcdefghijx"}) {
    wanted.name = bad;
    CHECK_MESSAGE(store.check_new_volume(app.id, wanted).has_error(), bad);
  }
  wanted.name = "data";
  wanted.size_bytes = 1 << 20;
  CHECK(refusal() == "a volume has 32 MiB to 4 TiB, not 1 MiB. Say for example --size 1GiB");
}

TEST_CASE("a volume's size is a whole number and a unit") {
  constexpr std::uint64_t mib = 1 << 20;
  CHECK(*parse_volume_size("500m") == 500 * mib);
  CHECK(*parse_volume_size("1G") == 1024 * mib);
  CHECK(*parse_volume_size("20GiB") == 20 * 1024 * mib);
  CHECK(*parse_volume_size("65536KB") == 64 * mib);
  for (const char* bad : {"", "1", "g", "-1g", "1.5g", "1x", "1gg", "1g ", "99999999999999999999g",
                          "5t", "1m", "9999999999t"})
    CHECK_MESSAGE(parse_volume_size(bad).has_error(), bad);
}

TEST_CASE_FIXTURE(Fixture, "a volume is for one replica at a time, unless it is shared") {
  wanted.mounts = {{"web", "/data"}, {"worker", "/data"}};
  CHECK(refusal() == "the volume data has several mounts, but only one replica at a time may have "
                     "it. Say --shared if what runs there can write at the same time, or give it "
                     "one mount");
  wanted.mounts = {{"run", "/data"}};
  CHECK(refusal() == "'run' runs beside the app's replicas, so it can have shared volumes only. "
                     "Say --shared, or look into a replica that runs: berth ps:exec");
  wanted.mounts = {{"web", "/data"}, {"worker", "/data"}, {"run", "/data"}};
  wanted.shared = true;
  CHECK(store.check_new_volume(app.id, wanted).has_value());
}

TEST_CASE_FIXTURE(Fixture, "a type with an exclusive volume has one replica, whoever scales") {
  deploy();
  (void)add();
  CHECK(scale({.type = "web", .quantity = 2}) ==
        "web can have one replica only: its volume data is for one at a time. What can write "
        "beside others needs a volume that was created with --shared");
  CHECK(scale({.type = "web", .autoscale = AutoscalePolicy{.min = 0, .max = 2}}).starts_with(
      "web can have one replica only"));
  CHECK(scale({.type = "web", .autoscale = AutoscalePolicy{.min = 0, .max = 1}}).empty());
  CHECK(scale({.type = "web", .quantity = 0}).empty());
  CHECK(scale({.type = "worker", .quantity = 3}).empty());
  wanted = {.name = "jobs", .mounts = {{"worker", "/data"}}};
  CHECK(refusal() == "worker has 3 replicas, but only one at a time may have the volume. Say "
                     "--shared if they can write at the same time, or first: berth ps:scale "
                     "worker=1");
  wanted.shared = true;
  CHECK(store.check_new_volume(app.id, wanted).has_value());
}

TEST_CASE_FIXTURE(Fixture, "files are unwanted until their volume is there, and when it is gone") {
  const Volume volume = add();
  CHECK(store.unwanted_volume_files().empty());
  CHECK(*store.find_volume(app.id, "data") == volume);
  CHECK(*store.find_volume(app.id, volume.id.value) == volume);
  CHECK(store.remove_volume(volume, ada).has_value());
  CHECK(store.find_volume(app.id, "data").error().message ==
        "the app has no volume 'data'. `berth volumes` lists them");
  REQUIRE(store.unwanted_volume_files().size() == 1);
  CHECK(store.unwanted_volume_files().front() == VolumeFiles{app.id, volume.id});
  store.files_gone({app.id, volume.id});
  CHECK(store.unwanted_volume_files().empty());
}

TEST_CASE_FIXTURE(Fixture, "an app's volumes go with it, and are known to be unwanted then") {
  const Volume volume = add();
  (void)*store.add_snapshot(volume, store.begin_snapshot(volume), "", ada);
  CHECK(store.destroy_app(app.id, ada).has_value());
  CHECK(store.unwanted_volume_files() == std::vector{VolumeFiles{app.id, volume.id}});
  CHECK(store.volume_snapshots(volume.id).empty());
}

TEST_CASE_FIXTURE(Fixture, "snapshots are numbered, and a number is never used again") {
  const Volume volume = add();
  const auto first = store.begin_snapshot(volume);
  CHECK(store.unwanted_volume_files() == std::vector{VolumeFiles{app.id, volume.id, first}});
  CHECK(store.add_snapshot(volume, first, "by hand", ada)->name() == "s1");
  CHECK(store.unwanted_volume_files().empty());
  CHECK(store.remove_snapshot(volume, "s1", ada).has_value());
  CHECK(store.unwanted_volume_files() == std::vector{VolumeFiles{app.id, volume.id, 1}});
  CHECK(store.begin_snapshot(volume) == 2);
  CHECK(store.find_snapshot(volume, "s1").error().message ==
        "the volume data has no snapshot s1. `berth volumes:snapshots data` lists them");
  CHECK(store.find_snapshot(volume, "../x").has_error());
}

TEST_CASE_FIXTURE(Fixture, "a restore stands until it is ended, and keeps what was there") {
  Volume volume = add();
  (void)*store.add_snapshot(volume, store.begin_snapshot(volume), "", ada);
  volume = *store.begin_restore(volume, "s1", ada);
  CHECK(volume.restore == VolumeRestore{1, 2});
  CHECK(store.begin_restore(volume, "s1", ada).error().message ==
        "the volume data is being restored already");
  SUBCASE("well") {
    store.end_restore(volume, "");
    const auto snapshots = store.volume_snapshots(volume.id);
    REQUIRE(snapshots.size() == 2);
    CHECK(snapshots.front().name() == "s2");
    CHECK(snapshots.front().description == "before it was restored from s1");
  }
  SUBCASE("it did not come about") {
    store.end_restore(volume, "the disk is full");
    CHECK(store.volume_snapshots(volume.id).size() == 1);
  }
  CHECK(!store.find_volume(app.id, "data")->restore);
}

}  // namespace
}  // namespace berth::platform
