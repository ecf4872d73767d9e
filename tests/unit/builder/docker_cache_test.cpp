// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_cache.hpp"

#include <doctest/doctest.h>

#include "base/file.hpp"
#include "builder/image_process.hpp"

using namespace berth;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  ImageStore store = *ImageStore::open(directory.path() / "data");
  int made = 0;

  std::string layer(bool exported) {
    const fs::path from = directory.path() / std::to_string(made++);
    fs::create_directories(from);
    REQUIRE(write_file(from / "file", std::to_string(made)).has_value());
    return exported ? store.add_layer(from, "RUN")->diff_id : *store.add_private_layer(from);
  }
  /// As the app's record is read again by the next build.
  static BuildRecord next(BuildpackRecord record) {
    const BuildRecord written{.key = "k", .image = "", .tree = "t",
                              .buildpacks = {std::move(record)}};
    return *parse_build_record(build_record_json(written));
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an instruction's layer is found by its key while it is in place") {
  DockerCache first(store, {});
  const std::string image = layer(true);
  const std::string hidden = layer(false);
  first.keep("a", image);
  first.keep("b", hidden);
  first.keep("none", "");
  first.note_base("debian:12", "sha256:x");
  const BuildRecord record = next(first.used());
  CHECK(recorded_bases(record).at("debian:12") == "sha256:x");

  DockerCache second(store, record);
  CHECK(second.find("a", true) == image);
  CHECK(second.find("b", false) == hidden);
  CHECK_FALSE(second.find("b", true));  // an image cannot hold it
  CHECK(second.find("none", true) == "");
  CHECK_FALSE(second.find("c", false));
  REQUIRE(store.put_away_layer(hidden).has_value());
  CHECK_FALSE(second.find("b", false));
}

TEST_CASE_FIXTURE(Fixture, "a good build forgets what it did not use, a failed one does not") {
  DockerCache good(store, {});
  good.keep("a", layer(true));
  good.note_base("debian:12", "sha256:x");
  DockerCache failed(store, next(good.used()));
  failed.keep("b", layer(true));
  failed.note_base("debian:12", "sha256:y");
  const BuildRecord after = next(failed.after_failure());
  CHECK(recorded_bases(after).at("debian:12") == "sha256:x");  // of the last image
  DockerCache again(store, after);
  CHECK(again.find("a", true));
  CHECK(again.find("b", true));
  again.keep("c", layer(true));
  DockerCache third(store, next(again.after_failure()));
  CHECK(third.find("a", true));
  CHECK_FALSE(third.find("b", true));
  CHECK(third.find("c", true));
  third.keep("c", *third.find("c", true));
  CHECK_FALSE(DockerCache(store, next(third.used())).find("a", true));
}

TEST_CASE("a cache mount is its own by what names it") {
  CHECK(docker_key({"a", "bc"}) != docker_key({"ab", "c"}));
  Image image;
  CHECK(other_images(image).empty());
  const std::string digest = "sha256:" + std::string(64, 'a');
  image.labels[std::string(images_label)] = R"({"worker":")" + digest + R"(","bad":"latest"})";
  CHECK(other_images(image) == std::map<std::string, std::string>{{"worker", digest}});
}
