// SPDX-License-Identifier: Apache-2.0
//
// The ways into the platform beside git: a directory, an archive of source, an image in a file or
// by its name; and a new base below an old image.
#include <filesystem>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A copy of a sample without git.
fs::path files_of(const TempDir& directory, std::string_view sample) {
  const fs::path to = directory.path() / sample;
  fs::copy(fs::path(BERTH_SOURCE_DIR) / "tests/apps" / sample, to, fs::copy_options::recursive);
  return to;
}

/// The app's image of its newest release, as a tool of other people writes it.
fs::path saved_image(Platform& berth, const TempDir& directory, const std::string& reference,
                     const std::string& kind) {
  const fs::path file = directory.path() / (kind + ".tar");
  const auto copied =
      run_program({.argv = {"skopeo", "copy", "--insecure-policy",
                            "oci:" + (berth.data() / "images").string() + ":" + reference,
                            kind + ":" + file.string() + ":" + "saved/image:1"}},
                  {}, std::chrono::minutes(5));
  REQUIRE(copied.has_value());
  REQUIRE_MESSAGE(copied->status.success(), copied->err);
  return file;
}

TEST_CASE("a directory without git is deployed, and again after a change of one file") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  const fs::path site = files_of(directory, "static-site");
  REQUIRE(write_file(site / ".gitignore", "secret.txt\n").has_value());
  REQUIRE(write_file(site / "secret.txt", "not to be seen").has_value());
  berth.must({"create", "no-git", "--no-remote"});
  const Output first = berth.cli({"deploy", "--source", site.string(), "-a", "no-git"});
  REQUIRE_MESSAGE(first.status.success(), (first.out + first.err));
  CHECK(holds(first.err, ".gitignore left out 1 file"));
  CHECK(holds(first.out, "-----> Image sha256:"));
  CHECK(berth.get("no-git").status == 200);

  const Output same = berth.cli({"deploy", "-a", "no-git"}, {}, site);
  CHECK_MESSAGE(same.status.success(), same.err);
  CHECK(holds(same.out, "Nothing changed since"));

  REQUIRE(write_file(site / "index.html", "<h1>changed without git</h1>").has_value());
  const fs::path archive = directory.path() / "site.tar.zst";
  const auto packed = run_program(
      {.argv = {"tar", "--zstd", "-cf", archive.string(), "-C", site.string(), "."}});
  REQUIRE(packed->status.success());
  const Output second = berth.cli({"deploy", "--source", archive.string(), "-a", "no-git"});
  CHECK_MESSAGE(second.status.success(), second.err);
  CHECK(holds(berth.get("no-git").body, "changed without git"));
  CHECK(fs::is_empty(berth.data() / "uploads"));
}

TEST_CASE("a build that fails says why and exits with 1; what served goes on") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  const Output failed = berth.cli(
      {"deploy", "--source", files_of(directory, "nothing-detected").string(), "-a", "no-git"});
  CHECK(failed.status.code == 1);
  CHECK(holds(failed.err, "The deploy failed: "));
  CHECK(berth.get("no-git").status == 200);
  const fs::path text = directory.path() / "text.tar.gz";
  REQUIRE(write_file(text, "this is no archive").has_value());
  const Output refused = berth.cli({"deploy", "--source", text.string(), "-a", "no-git"});
  CHECK(refused.status.code == 1);
  CHECK(holds(refused.err, "not a tar or zip archive"));
}

TEST_CASE("one app's image, saved by another tool, is another app: docker's form and OCI's") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  const std::string reference =
      "no-git:v" + std::to_string(berth.json_of({"releases", "-a", "no-git"})
                                      .as_array()[0]
                                      .at("version")
                                      .to_number<int>());
  int number = 0;
  for (const std::string kind : {"docker-archive", "oci-archive"}) {
    const std::string app = "copy-" + std::to_string(++number);
    const fs::path file = saved_image(berth, directory, reference, kind);
    berth.must({"create", app, "--no-remote"});
    const Output deployed = berth.cli({"deploy", "--archive", file.string(), "-a", app});
    REQUIRE_MESSAGE(deployed.status.success(), (deployed.out + deployed.err));
    CHECK(holds(berth.get(app).body, "changed without git"));
  }
}

/// An image of nobody's buildpacks: the platform's own base with a command, made by hand.
fs::path foreign_image(Platform& berth, const TempDir& directory) {
  const fs::path layout = directory.path() / "foreign";
  const fs::path images = berth.data() / "images";
  const auto copied = run_program(
      {.argv = {"skopeo", "copy", "--insecure-policy", "oci:" + images.string() + ":stack/build",
                "dir:" + layout.string()}},
      {}, std::chrono::minutes(5));
  REQUIRE_MESSAGE(copied->status.success(), copied->err);
  json::object manifest = *parse_json_object(*read_file(layout / "manifest.json"));
  const std::string old(manifest.at("config").at("digest").as_string());
  json::object config = *parse_json_object(*read_file(layout / old.substr(7)));
  // Listens on its own port, whatever $PORT says, and tells who and where it is.
  const std::string program =
      "mkdir -p /srv/www && id -un > /srv/www/index.html && pwd >> /srv/www/index.html && cd "
      "/srv/www && exec python3 -m http.server 8123";
  config["config"] = json::object{{"Entrypoint", json::array{"/bin/sh", "-c"}},
                                  {"Cmd", json::array{program}},
                                  {"WorkingDir", "/srv"},
                                  {"User", "root"},
                                  {"ExposedPorts", json::object{{"8123/tcp", json::object()}}}};
  const std::string text = to_text(config);
  const fs::path written = directory.path() / "config.json";
  REQUIRE(write_file(written, text).has_value());
  const auto sum = run_program({.argv = {"sha256sum", written.string()}});
  const std::string digest = sum->out.substr(0, 64);
  fs::rename(written, layout / digest);
  manifest["config"].as_object()["digest"] = "sha256:" + digest;
  manifest["config"].as_object()["size"] = text.size();
  REQUIRE(write_file(layout / "manifest.json", to_text(manifest)).has_value());
  const fs::path file = directory.path() / "foreign.tar";
  const auto packed = run_program({.argv = {"skopeo", "copy", "--insecure-policy",
                                            "dir:" + layout.string(),
                                            "docker-archive:" + file.string() + ":who/am-i:1"}},
                                  {}, std::chrono::minutes(5));
  REQUIRE_MESSAGE(packed->status.success(), packed->err);
  return file;
}

TEST_CASE("an image without buildpacks runs as it says: command, user, directory and port") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  const fs::path file = foreign_image(berth, directory);
  const Output missing = berth.cli({"deploy", "--image", "who/am-i:1", "-a", "no-git"});
  CHECK(missing.status.code == 1);
  CHECK(holds(missing.err, "berth images:import"));

  berth.must({"images:import", file.string()});
  const json::value images = berth.json_of({"images"});
  REQUIRE(images.as_array().size() == 1);
  CHECK(images.as_array()[0].at("name") == "who/am-i:1");

  berth.must({"create", "who", "--no-remote"});
  const Output deployed = berth.cli({"deploy", "--image", "who/am-i:1", "-a", "who"});
  REQUIRE_MESSAGE(deployed.status.success(), (deployed.out + deployed.err));
  CHECK(holds(deployed.out, "runs as root, inside the app's own user namespace"));
  CHECK(berth.get("who").body == "root\n/srv\n");
  const Output inside = berth.cli({"run", "-a", "who", "--", "echo", "from-a-shell"});
  CHECK(holds(inside.out, "from-a-shell"));

  berth.must({"images:remove", "who/am-i:1"});
  CHECK(berth.json_of({"images"}).as_array().empty());
  CHECK(berth.get("who").status == 200);
}

TEST_CASE("an app on the newest base stays, one that nobody built has no base to swap") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const Output same = berth.cli({"stack:upgrade", "-a", "no-git"});
  CHECK(same.status.success());
  CHECK(holds(same.err, "is on the newest base already"));
  const Output foreign = berth.cli({"stack:upgrade", "-a", "who"});
  CHECK(foreign.status.code == 1);
  CHECK(holds(foreign.err, "not built by buildpacks"));
}

}  // namespace
}  // namespace berth::test
