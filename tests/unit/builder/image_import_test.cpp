// SPDX-License-Identifier: Apache-2.0
//
// Archives as docker and other tools write them, made here, sound and hostile.
#include "builder/image_import.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "builder/oci.hpp"
#include "builder/tar_format.hpp"

using namespace berth;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string tar;
  for (const auto& [path, content] : files) {
    tar += tar_header({.path = path, .mode = 0644, .size_bytes = content.size()});
    tar += content;
    tar.append(tar_padding(content.size()), '\0');
  }
  return tar + tar_end();
}

std::string compressed(const std::string& program, const std::string& text) {
  const auto output = run_program({.argv = {program, "-c"}}, text);
  REQUIRE(output.has_value());
  REQUIRE(output->status.success());
  return output->out;
}

std::string digest_of(const std::string& text) { return "sha256:" + sha256_hex(text); }

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  ImageStore store = *ImageStore::open(directory.path() / "data");
  ImageImportLimits limits;
  const std::string base = tar_of({{"etc/passwd", "root:x:0:0::/root:/bin/sh\n"}, {"old", "1"}});
  const std::string top = tar_of({{".wh.old", ""}, {"app/run", "#!/bin/sh\n"}});
  std::string architecture{oci_architecture()};

  std::string config(const std::vector<std::string>& diff_ids) const {
    json::array ids(diff_ids.begin(), diff_ids.end());
    return to_text(json::object{
        {"os", "linux"},
        {"architecture", architecture},
        {"config", json::object{{"Entrypoint", json::array{"/app/run"}},
                                {"Cmd", json::array{"now"}},
                                {"Env", json::array{"A=b"}},
                                {"User", "7:8"},
                                {"WorkingDir", "/app"},
                                {"ExposedPorts", json::object{{"80/tcp", json::object()}}}}},
        {"rootfs", json::object{{"type", "layers"}, {"diff_ids", std::move(ids)}}}});
  }

  /// As `docker save` wrote it before it knew OCI.
  std::string saved(const std::string& text) const {
    return tar_of(
        {{"c.json", text},
         {"one/layer.tar", base},
         {"two/layer.tar", top},
         {"manifest.json", R"([{"Config":"c.json","RepoTags":["hello:1"],)"
                           R"("Layers":["one/layer.tar","two/layer.tar"]}])"}});
  }

  /// An OCI archive with these layer blobs.
  std::string oci(const std::vector<std::string>& blobs, const std::string& text) const {
    std::vector<std::pair<std::string, std::string>> files = {
        {"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
    const auto add = [&](const std::string& blob) {
      files.emplace_back("blobs/sha256/" + sha256_hex(blob), blob);
      return json::object{{"digest", digest_of(blob)}, {"size", blob.size()}};
    };
    json::array layers;
    for (const auto& blob : blobs) {
      json::object layer = add(blob);
      layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip";
      layers.push_back(std::move(layer));
    }
    const std::string manifest =
        to_text(json::object{{"schemaVersion", 2}, {"config", add(text)}, {"layers", layers}});
    json::object entry = add(manifest);
    entry["mediaType"] = "application/vnd.oci.image.manifest.v1+json";
    entry["annotations"] = json::object{{"org.opencontainers.image.ref.name", "hello:2"}};
    files.emplace_back("index.json",
                       to_text(json::object{{"manifests", json::array{std::move(entry)}}}));
    return tar_of(files);
  }

  Result<ImportedImage> import(const std::string& archive) {
    const fs::path path = directory.path() / "image.tar";
    REQUIRE(write_file(path, archive).has_value());
    auto result = import_image_archive(store, path, directory.path() / "work", limits);
    CHECK_FALSE(fs::exists(directory.path() / "work"));
    return result;
  }
  std::string refused(const std::string& archive) {
    const auto outcome = import(archive);
    REQUIRE(outcome.has_error());
    return outcome.error().message;
  }
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool cannot_unpack() {
  if (::geteuid() == 0) return false;
  MESSAGE("SKIP: unpacking layers needs root");
  return true;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "docker's archive comes in with its settings, layers and whiteouts") {
  if (cannot_unpack()) return;
  const auto imported = import(saved(config({digest_of(base), digest_of(top)})));
  REQUIRE_MESSAGE(imported.has_value(), imported.error().message);
  CHECK(imported->names == std::vector<std::string>{"hello:1"});
  const auto image = store.find(imported->image.digest);
  REQUIRE(image.has_value());
  CHECK(image->entrypoint == std::vector<std::string>{"/app/run"});
  CHECK(image->command == std::vector<std::string>{"now"});
  CHECK(image->env == std::vector<std::string>{"A=b"});
  CHECK(image->user == "7:8");
  CHECK(image->working_directory == "/app");
  CHECK(image->exposed_ports == std::vector<std::string>{"80/tcp"});
  const auto layers = store.directories(*image);
  REQUIRE(layers.has_value());
  REQUIRE(layers->size() == 2);
  CHECK(fs::is_character_file(layers->front() / "old"));
  CHECK(fs::exists(layers->back() / "old"));
}

TEST_CASE_FIXTURE(Fixture, "OCI layers may be plain, gzip or zstd; the diff ids are checked") {
  if (cannot_unpack()) return;
  const std::string text = config({digest_of(base), digest_of(top)});
  for (const std::string program : {"cat", "gzip", "zstd"}) {
    const auto blob = [&](const std::string& layer) {
      if (program == "cat") return layer;
      return compressed(program, layer);
    };
    const auto imported = import(oci({blob(base), blob(top)}, text));
    REQUIRE_MESSAGE(imported.has_value(), (program + ": " + imported.error().message));
    CHECK(imported->names == std::vector<std::string>{"hello:2"});
    CHECK(imported->image.layers.at(1).diff_id == digest_of(top));
  }
  CHECK(holds(refused(oci({compressed("gzip", top), compressed("gzip", base)}, text)),
              "as the image's config says"));
}

TEST_CASE_FIXTURE(Fixture, "a known layer's id alone does not give its content") {
  if (cannot_unpack()) return;
  REQUIRE(import(saved(config({digest_of(base), digest_of(top)}))).has_value());
  const std::string other = tar_of({{"harmless", "1"}});
  CHECK(holds(refused(oci({other}, config({digest_of(base)}))), "as the image's config says"));
}

TEST_CASE_FIXTURE(Fixture, "the same layer twice is mounted once") {
  if (cannot_unpack()) return;
  const auto imported =
      import(oci({top, base, top}, config({digest_of(top), digest_of(base), digest_of(top)})));
  REQUIRE_MESSAGE(imported.has_value(), imported.error().message);
  CHECK(imported->image.layers.size() == 3);
  const auto layers = store.directories(imported->image);
  REQUIRE(layers.has_value());
  CHECK(*layers == std::vector<fs::path>{store.layer_directory(digest_of(top)),
                                         store.layer_directory(digest_of(base))});
}

TEST_CASE_FIXTURE(Fixture, "archives that are no image, damaged or for others are refused") {
  if (cannot_unpack()) return;
  CHECK(holds(refused(tar_of({{"app.js", "x"}})), "this is no image"));
  CHECK(holds(refused("not even a tar, but long enough to be looked at by the reader"),
              "cannot be read"));
  architecture = "s390x";
  CHECK(holds(refused(saved(config({digest_of(base), digest_of(top)}))), "linux/s390x"));
  architecture = oci_architecture();
  std::string damaged = oci({base}, config({digest_of(base)}));
  damaged.replace(damaged.find("root:x"), 4, "ROOT");
  CHECK(holds(refused(damaged), "the archive is damaged"));
  CHECK(holds(refused(saved(config({digest_of(base)}))), "count different layers"));
}

TEST_CASE_FIXTURE(Fixture, "nothing outside an archive can be read or written through it") {
  if (cannot_unpack()) return;
  const fs::path secret = directory.path() / "secret";
  REQUIRE(write_file(secret, base).has_value());
  SUBCASE("a layer that is a link to a file of the host") {
    std::string archive =
        tar_header({.path = "one", .type = TarType::symlink, .link_target = secret.string()});
    archive += tar_of({{"c.json", config({digest_of(base)})},
                       {"manifest.json", R"([{"Config":"c.json","Layers":["one"]}])"}});
    CHECK(holds(refused(archive), "open one of the archive"));
  }
  SUBCASE("a layer's path that climbs") {
    CHECK(holds(refused(tar_of({{"c.json", config({digest_of(base)})},
                                {"manifest.json",
                                 R"([{"Config":"c.json","Layers":["../../secret"]}])"}})),
                "of the archive"));
  }
  SUBCASE("an entry whose name climbs") {
    CHECK(holds(refused(tar_of({{"../escaped", "x"}, {"manifest.json", "[]"}})), "leads out"));
    CHECK_FALSE(fs::exists(directory.path() / "escaped"));
  }
}

TEST_CASE_FIXTURE(Fixture, "sizes, files and layers are bounded") {
  if (cannot_unpack()) return;
  const std::string sound = saved(config({digest_of(base), digest_of(top)}));
  SUBCASE("layers") {
    limits.layers = 1;
    CHECK(holds(refused(sound), "has 2 layers, and 1 can be mounted"));
  }
  SUBCASE("bytes") {
    limits.bytes = 4096;
    CHECK(holds(refused(sound), "larger than the limit"));
  }
  SUBCASE("files") {
    limits.files = 2;
    CHECK(holds(refused(sound), "too many entries"));
  }
  SUBCASE("a layer that unpacks to far more than it is") {
    limits.bytes = 1 << 20;
    const std::string bomb = tar_of({{"zeros", std::string(4 << 20, '\0')}});
    CHECK(holds(refused(oci({compressed("gzip", bomb)}, config({digest_of(bomb)}))), "limit"));
  }
}
