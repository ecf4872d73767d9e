// SPDX-License-Identifier: Apache-2.0
#include "builder/image_store.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "builder/layer_unpack.hpp"
#include "builder/oci.hpp"

using namespace berth;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  fs::path root = directory.path() / "data";
  ImageStore store = *ImageStore::open(root);

  fs::path tree(const std::string& name, const std::string& text = "hello") {
    const fs::path path = directory.path() / name;
    fs::create_directories(path / "app/bin");
    REQUIRE(write_file(path / "app/bin/run", text, 0755).has_value());
    REQUIRE(write_file(path / "app/a.txt", "a").has_value());
    fs::create_symlink("bin/run", path / "app/link");
    return path;
  }

  Image image(const ImageLayer& layer) {
    Image value;
    value.layers = {layer};
    value.env = {"PATH=/bin"};
    value.entrypoint = {"/cnb/process/web"};
    value.working_directory = "/app";
    value.user = "1000:1000";
    value.labels = {{"a", "b"}};
    return *store.add_image(value);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a layer is hashed, stored as a blob and moved, not copied") {
  const fs::path from = tree("one");
  struct stat before{};
  REQUIRE(::stat((from / "app/bin/run").c_str(), &before) == 0);
  const auto layer = store.add_layer(from, "test");
  REQUIRE(layer.has_value());
  CHECK(is_digest(layer->diff_id));
  CHECK_FALSE(fs::exists(from));
  struct stat after{};
  const fs::path to = store.layer_directory(layer->diff_id) / "app/bin/run";
  REQUIRE(::stat(to.c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(fs::file_size(root / "images/blobs/sha256" / layer->diff_id.substr(7)) ==
        layer->size_bytes);
}

TEST_CASE_FIXTURE(Fixture, "the same tree with other times in another place has the same digest") {
  const auto one = store.add_layer(tree("one"), "");
  const fs::path second = tree("two");
  fs::last_write_time(second / "app/a.txt",
                      fs::file_time_type::clock::now() - std::chrono::hours(99));
  const auto two = store.add_layer(second, "");
  const auto other = store.add_layer(tree("three", "other"), "");
  REQUIRE(one.has_value());
  CHECK(one->diff_id == two->diff_id);
  CHECK(one->diff_id != other->diff_id);
  CHECK_FALSE(fs::exists(second));
}

TEST_CASE_FIXTURE(Fixture, "an image that was added is found by digest and by tag") {
  const Image added = image(*store.add_layer(tree("one"), "created by test"));
  const auto found = store.find(added.digest);
  REQUIRE(found.has_value());
  CHECK(*found == added);
  CHECK(store.find_tag("app:v1").error().kind == ErrorKind::not_found);
  REQUIRE(store.tag("app:v1", added.digest).has_value());
  REQUIRE(store.tag("app:v1", added.digest).has_value());
  CHECK(store.find_tag("app:v1")->digest == added.digest);
  REQUIRE(store.untag("app:v1").has_value());
  CHECK(store.find_tag("app:v1").has_error());
  CHECK(image(*store.add_layer(tree("two"), "created by test")).digest == added.digest);
}

TEST_CASE_FIXTURE(Fixture, "an image of a layer that is not there is refused") {
  Image value;
  value.layers = {{.diff_id = "sha256:" + std::string(64, '0'), .created_by = ""}};
  CHECK(store.add_image(value).error().kind == ErrorKind::not_found);
  CHECK(store.find("sha256:" + std::string(64, '0')).error().kind == ErrorKind::not_found);
  CHECK(store.find("../../etc/passwd").error().kind == ErrorKind::invalid);
  CHECK(store.tag("x", "sha256:" + std::string(64, '0')).has_error());
}

TEST_CASE_FIXTURE(Fixture, "a deleted layers directory is unpacked again from the blobs") {
  const Image added = image(*store.add_layer(tree("one"), ""));
  fs::remove_all(store.layer_directory(added.layers[0].diff_id));
  CHECK(store.has_layer(added.layers[0].diff_id));
  const auto directories = store.directories(added);
  REQUIRE(directories.has_value());
  CHECK(*read_file((*directories)[0] / "app/bin/run") == "hello");
  CHECK(fs::read_symlink((*directories)[0] / "app/link") == "bin/run");
  struct stat status{};
  REQUIRE(::stat(((*directories)[0] / "app/bin/run").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
}

TEST_CASE_FIXTURE(Fixture, "a private layer has no blob and can be removed") {
  const auto id = store.add_private_layer(tree("cache"));
  REQUIRE(id.has_value());
  CHECK(store.has_layer(*id));
  CHECK(fs::exists(store.layer_directory(*id) / "app/a.txt"));
  REQUIRE(store.put_away_layer(*id).has_value());
  REQUIRE(store.put_away_layer(*id).has_value());
  CHECK_FALSE(store.has_layer(*id));
  CHECK(fs::is_empty(root / "layers"));
}

TEST_CASE_FIXTURE(Fixture, "skopeo inspects and copies what the store wrote") {
  if (run_program({.argv = {"skopeo", "--version"}}).has_error()) {
    MESSAGE("SKIP: skopeo is not installed");
    return;
  }
  const Image added = image(*store.add_layer(tree("one"), "created by test"));
  REQUIRE(store.tag("hello", added.digest).has_value());
  const std::string from = "oci:" + (root / "images").string() + ":hello";
  const auto inspected = run_program({.argv = {"skopeo", "inspect", from}});
  REQUIRE(inspected.has_value());
  CHECK_MESSAGE(inspected->status.success(), inspected->err);
  CHECK(inspected->out.find(added.digest) != std::string::npos);
  const std::string to = "oci:" + (directory.path() / "copy").string() + ":hello";
  const auto copied = run_program({.argv = {"skopeo", "--insecure-policy", "copy", from, to}});
  REQUIRE(copied.has_value());
  CHECK_MESSAGE(copied->status.success(), copied->err);
}

TEST_CASE_FIXTURE(Fixture, "a tar made elsewhere is imported whole, compressed or not") {
  const fs::path from = tree("one");
  fs::create_hard_link(from / "app/a.txt", from / "app/b.txt");
  const fs::path plain = directory.path() / "plain.tar";
  const fs::path packed = directory.path() / "packed.tar.gz";
  for (const auto& [flags, to] : {std::pair{"-cf", plain}, {"-czf", packed}})
    REQUIRE(run_program({.argv = {"tar", "-C", from.string(), flags, to.string(), "."}})
                ->status.success());
  const auto layer = store.add_layer_tar(plain, "tar");
  REQUIRE_MESSAGE(layer.has_value(), layer.error().message);
  const fs::path at = store.layer_directory(layer->diff_id);
  CHECK(*read_file(at / "app/b.txt") == "a");
  CHECK(fs::hard_link_count(at / "app/b.txt") == 2);
  CHECK(fs::is_symlink(at / "app/link"));
  CHECK(store.add_layer_tar(packed, "tar")->diff_id == layer->diff_id);
}

TEST_CASE_FIXTURE(Fixture, "a tar that is not one is an error and leaves nothing") {
  const fs::path broken = directory.path() / "broken.tar";
  REQUIRE(write_file(broken, std::string(5000, 'x')).has_value());
  CHECK(store.add_layer_tar(broken, "").has_error());
  CHECK(fs::is_empty(root / "layers"));
}

TEST_CASE_FIXTURE(Fixture, "no entry of a tar leaves its root") {
  const fs::path base = directory.path();
  fs::create_directories(base / "evil");
  fs::create_directories(base / "outside");
  fs::create_symlink("/", base / "evil/escape");
  fs::create_symlink("../../outside", base / "evil/up");
  const fs::path tar = base / "evil.tar";
  REQUIRE(run_program({.argv = {"tar", "-C", (base / "evil").string(), "-cf", tar.string(),
                                "escape", "up"}})
              ->status.success());
  fs::remove_all(base / "evil");
  fs::create_directories(base / "evil/escape" / base.relative_path() / "outside");
  fs::create_directories(base / "evil/up");
  const std::string inside = "escape" + (base / "outside/through-link").string();
  REQUIRE(write_file(base / "evil" / inside, "x").has_value());
  REQUIRE(write_file(base / "evil/up/climbed", "x").has_value());
  REQUIRE(run_program({.argv = {"tar", "-C", (base / "evil").string(), "-rf", tar.string(), inside,
                                "up/climbed"}})
              ->status.success());
  const auto layer = store.add_layer_tar(tar, "");
  // A link that dangles inside the root is an error; what counts is where nothing was written.
  CHECK(layer.has_error());
  CHECK(fs::is_empty(base / "outside"));

  const fs::path dots = base / "dots.tar";
  REQUIRE(run_program({.argv = {"tar", "-P", "-C", (base / "evil/up").string(), "-cf",
                                dots.string(), "--transform", "s,^,../../outside/,", "climbed"}})
              ->status.success());
  CHECK(store.add_layer_tar(dots, "").has_error());
  CHECK(fs::is_empty(base / "outside"));
}

TEST_CASE_FIXTURE(Fixture, "an upper directory's whiteouts come back from its tar") {
  const fs::path upper = tree("upper");
  fs::create_directories(upper / "opaque");
  if (::mknod((upper / "app/gone").c_str(), S_IFCHR, 0) != 0 ||
      ::setxattr((upper / "opaque").c_str(), "trusted.overlay.opaque", "y", 1, 0) != 0) {
    MESSAGE("SKIP: whiteouts need root");
    return;
  }
  const ImageLayer layer = *store.add_layer(upper, "RUN rm", Whiteouts::written);
  fs::remove_all(store.layer_directory(layer.diff_id));
  const fs::path again = *store.mountable_layer(layer.diff_id);
  struct stat status{};
  REQUIRE(::lstat((again / "app/gone").c_str(), &status) == 0);
  CHECK(S_ISCHR(status.st_mode));
  char value = 0;
  CHECK(::lgetxattr((again / "opaque").c_str(), "trusted.overlay.opaque", &value, 1) == 1);
  CHECK(value == 'y');
}

TEST_CASE_FIXTURE(Fixture, "OCI whiteouts become overlay whiteouts") {
  const fs::path from = directory.path() / "wh";
  fs::create_directories(from / "d");
  REQUIRE(write_file(from / "d/.wh.gone", "").has_value());
  REQUIRE(write_file(from / "d/.wh..wh..opq", "").has_value());
  const fs::path tar = directory.path() / "wh.tar";
  REQUIRE(run_program({.argv = {"tar", "-C", from.string(), "-cf", tar.string(), "."}})
              ->status.success());
  const fs::path to = directory.path() / "unpacked";
  fs::create_directories(to);
  const auto unpacked = unpack_layer(tar, to);
  if (unpacked.has_error() && ::geteuid() != 0) {
    MESSAGE("SKIP: whiteouts need root");
    return;
  }
  REQUIRE_MESSAGE(unpacked.has_value(), unpacked.error().message);
  CHECK(fs::is_character_file(to / "d/gone"));
  char value = 0;
  CHECK(::lgetxattr((to / "d").c_str(), "trusted.overlay.opaque", &value, 1) == 1);
  CHECK(value == 'y');
}

TEST_CASE_FIXTURE(Fixture, "a layer that may not be on the disk is unpacked again after a boot") {
  const auto unsure = store.add_layer(tree("one"), "test");
  REQUIRE(unsure.has_value());
  const fs::path run = store.layer_directory(unsure->diff_id) / "app/bin/run";
  const fs::path note = root / "unsynced" / unsure->diff_id.substr(7);
  // What a loss of power leaves of a file that was not written back.
  const auto lose = [&] { REQUIRE(::truncate(run.c_str(), 0) == 0); };
  const auto content = [&] {
    return *read_file(*store.mountable_layer(unsure->diff_id) / "app/bin/run");
  };
  lose();
  REQUIRE(ImageStore::open(root).has_value());
  CHECK(content() == "");  // the server was replaced, and the kernel has all
  for (const char* boot : {"another boot", ""}) {
    REQUIRE(write_file(note, boot).has_value());
    REQUIRE(ImageStore::open(root).has_value());
    CHECK(content() == "hello");
    lose();
  }
  REQUIRE(write_file(run, "hello").has_value());
  REQUIRE(store.sync().has_value());
  CHECK_FALSE(fs::exists(note));
}
