// SPDX-License-Identifier: Apache-2.0
#include "builder/image_documents.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth::builder;

namespace {

const std::string digest_a = "sha256:" + std::string(64, 'a');
const std::string digest_b = "sha256:" + std::string(64, 'b');

std::string entry(const std::string& digest, const std::string& os, const std::string& architecture,
                  const std::string& type = "application/vnd.oci.image.manifest.v1+json") {
  return R"({"mediaType":")" + type + R"(","digest":")" + digest +
         R"(","size":7,"platform":{"os":")" + os + R"(","architecture":")" + architecture + "\"}}";
}

std::string index_of(const std::string& entries) { return R"({"manifests":[)" + entries + "]}"; }

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("of an index's images the one for this machine is chosen; attestations are none") {
  const std::string ours(oci_architecture());
  const auto entries = parse_foreign_index(index_of(entry(digest_a, "linux", "s390x") + "," +
                                                    entry(digest_b, "linux", ours) + "," +
                                                    entry(digest_a, "unknown", "unknown")));
  REQUIRE(entries.has_value());
  CHECK(entries->size() == 2);
  CHECK(choose_entry(*entries)->descriptor.digest == digest_b);
}

TEST_CASE("an image for another machine is refused by its name") {
  const auto entries = parse_foreign_index(index_of(entry(digest_a, "windows", "amd64")));
  REQUIRE(entries.has_value());
  CHECK(holds(choose_entry(*entries).error().message, "is for windows/amd64"));
  CHECK(choose_entry({}).error().message == "the archive holds no image");
}

TEST_CASE("of several images in one archive none is guessed") {
  const std::string ours(oci_architecture());
  const auto entries = parse_foreign_index(
      index_of(entry(digest_a, "linux", ours) + "," + entry(digest_b, "linux", ours)));
  CHECK(holds(choose_entry(*entries).error().message, "several images"));
}

TEST_CASE("docker's and OCI's manifests are read, with gzip, zstd and plain layers") {
  for (const std::string type : {"application/vnd.oci.image.layer.v1.tar",
                                 "application/vnd.oci.image.layer.v1.tar+gzip",
                                 "application/vnd.oci.image.layer.v1.tar+zstd",
                                 "application/vnd.docker.image.rootfs.diff.tar.gzip"}) {
    const auto manifest = parse_foreign_manifest(
        R"({"schemaVersion":2,"config":{"digest":")" + digest_a +
        R"(","size":1},"layers":[{"mediaType":")" + type + R"(","digest":")" + digest_b +
        R"(","size":2}]})");
    REQUIRE_MESSAGE(manifest.has_value(), type);
    CHECK(manifest->layers == std::vector<Descriptor>{{digest_b, 2}});
  }
}

TEST_CASE("manifests that cannot be used are refused with a reason") {
  const auto refused = [](const std::string& text) {
    const auto manifest = parse_foreign_manifest(text);
    return manifest.has_error() ? manifest.error().message : std::string();
  };
  CHECK(holds(refused(R"({"schemaVersion":1})"), "schema 1"));
  CHECK(holds(refused(R"({"schemaVersion":2})"), "names no config"));
  CHECK(holds(refused(R"({"config":{"digest":"sha256:../../etc","size":1},"layers":[]})"),
              "not a sha256 digest"));
  CHECK(holds(refused(R"({"config":{"digest":")" + digest_a +
                      R"(","size":1},"layers":[{"mediaType":)"
                      R"("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":")" +
                      digest_b + R"(","size":2}]})"),
              "not in the archive"));
}

TEST_CASE("names of images have one form each") {
  const auto name = [](const std::string& text) {
    const auto result = normal_image_name(text);
    return result.has_error() ? "!" : *result;
  };
  CHECK(name("debian") == "debian:latest");
  CHECK(name("debian:bookworm-slim") == "debian:bookworm-slim");
  CHECK(name("docker.io/library/debian:12") == "debian:12");
  CHECK(name("docker.io/grafana/grafana") == "grafana/grafana:latest");
  CHECK(name("registry.example.com:5000/team/app:v1") == "registry.example.com:5000/team/app:v1");
  CHECK(name("registry.example.com:5000/team/app") == "registry.example.com:5000/team/app:latest");
  CHECK(name("debian@" + digest_a) == "debian@" + digest_a);
  for (const std::string bad :
       {"", "Debian", "a//b", "/a", "a/", "../a", "a:", "a:-x", "a@sha256:1", "-a", "a b", "a:b:c",
        "oci:/etc", "a\n"})
    CHECK_MESSAGE(name(bad) == "!", bad);
}
