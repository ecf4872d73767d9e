// SPDX-License-Identifier: Apache-2.0
//
// The samples of tests/apps, real apps with real dependencies, each pushed with git and asked for
// its answer. BERTH_APPS chooses: "quick" (the default), "all", or names with commas between.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "base/json.hpp"
#include "tests/e2e/apps/sample.hpp"
#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;

const fs::path samples_directory = fs::path(BERTH_SOURCE_DIR) / "tests/apps";

std::vector<Sample> chosen_samples() {
  const char* variable = std::getenv("BERTH_APPS");
  const std::string wanted = variable ? variable : "quick";
  std::vector<Sample> result;
  if (wanted != "quick" && wanted != "all") {
    std::istringstream names(wanted);
    for (std::string name; std::getline(names, name, ',');)
      result.push_back(*read_sample(samples_directory / name));
    return result;
  }
  for (const auto& entry : fs::directory_iterator(samples_directory)) {
    if (!entry.is_directory()) continue;
    const auto sample = read_sample(entry.path());
    REQUIRE_MESSAGE(sample.has_value(), sample.error().message);
    if (!sample->small_limits && (wanted == "all" || sample->quick)) result.push_back(*sample);
  }
  std::sort(result.begin(), result.end(),
            [](const Sample& a, const Sample& b) { return a.name < b.name; });
  return result;
}

/// The ids of the buildpacks that made the app's newest release.
std::vector<std::string> buildpacks_of(Platform& berth, const std::string& app) {
  const fs::path images = berth.data() / "images";
  const auto releases = berth.json_of({"releases", "-a", app});
  const std::string name = app + ":v" + to_text(releases.as_array().front().at("version"));
  const auto blob = [&](std::string_view digest) {
    return *parse_json(*read_file(images / "blobs/sha256" / digest.substr(7)));
  };
  const auto index = *parse_json(*read_file(images / "index.json"));
  for (const auto& entry : index.at("manifests").as_array()) {
    const auto& annotations = entry.as_object().if_contains("annotations");
    if (!annotations ||
        annotations->at("org.opencontainers.image.ref.name").as_string() != name)
      continue;
    const auto manifest = blob(entry.at("digest").as_string());
    const auto config = blob(manifest.at("config").at("digest").as_string());
    const auto metadata = *parse_json(
        config.at("config").at("Labels").at("io.buildpacks.build.metadata").as_string());
    std::vector<std::string> ids;
    for (const auto& buildpack : metadata.at("buildpacks").as_array())
      ids.emplace_back(buildpack.at("id").as_string());
    return ids;
  }
  return {};
}

void check_answer(Platform& berth, const Sample& sample) {
  if (!sample.logs.empty())
    CHECK(eventually([&] {
      return berth.must({"logs", "-a", sample.name}).find(sample.logs) != std::string::npos;
    }));
  if (sample.status != 0) {
    const HttpResponse response = berth.get(sample.name, sample.path);
    CHECK(response.status == sample.status);
    CHECK_MESSAGE(response.body.find(sample.contains) != std::string::npos, response.body);
    if (!sample.equals.empty()) CHECK(response.body == sample.equals);
  }
}

void check_good(Platform& berth, const Sample& sample, const fs::path& repository) {
  const Output pushed = berth.push(repository);
  if (!pushed.status.success() && !sample.upstream.empty() &&
      pushed.err.find(sample.upstream) != std::string::npos) {
    MESSAGE("SKIP: " << sample.name << ": the site that publishes its runtime is not reached");
    return;
  }
  CHECK_MESSAGE(pushed.status.success(), pushed.err);
  if (!pushed.status.success()) return;
  CHECK_MESSAGE(pushed.err.find("-----> Release v") != std::string::npos, pushed.err);
  check_answer(berth, sample);
  const auto buildpacks = buildpacks_of(berth, sample.name);
  CHECK_MESSAGE(
      std::find(buildpacks.begin(), buildpacks.end(), sample.detects) != buildpacks.end(),
      "built by others than " << sample.detects << ":\n" << pushed.err);
  const std::string formation = berth.api("GET", "/apps/" + sample.name + "/formation").body;
  for (const auto& process : sample.processes)
    CHECK_MESSAGE(formation.find('"' + process + '"') != std::string::npos, formation);
  // A second push of the same tree makes the same image.
  berth.commit(repository, "nothing changed");
  const Output again = berth.push(repository);
  CHECK_MESSAGE(again.status.success(), again.err);
  const auto releases = berth.json_of({"releases", "-a", sample.name});
  CHECK(releases.as_array()[0].at("image") == releases.as_array()[1].at("image"));
}

void check_bad(Platform& berth, const Sample& sample, const fs::path& repository) {
  const Output pushed = berth.push(repository);
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(pushed.err.find(sample.says) != std::string::npos,
                "no '" << sample.says << "' in:\n" << pushed.err);
}

TEST_CASE("each sample app does what its app.expect.json says") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto samples = chosen_samples();
  REQUIRE_FALSE(samples.empty());
  for (const Sample& sample : samples) {
    CAPTURE(sample.name);
    const auto begun = std::chrono::steady_clock::now();
    const auto repository = berth.repository(sample.name);
    berth.must({"create", sample.name}, repository);
    for (const auto& [name, value] : sample.env)
      berth.must({"config:set", name + "=" + value, "-a", sample.name});
    if (sample.fails.empty()) check_good(berth, sample, repository);
    else check_bad(berth, sample, repository);
    berth.destroy(sample.name);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun);
    std::cout << sample.name << ": " << took.count() << " ms" << std::endl;
  }
}

TEST_CASE("a token in a config var reaches the build, and no image or cached layer holds it") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const std::string token = "kept-out-of-every-image";
  const auto repository = berth.repository("private-token");
  berth.must({"create", "secretive"}, repository);
  berth.must({"config:set", "NPM_TOKEN=" + token, "-a", "secretive"});
  const Output pushed = berth.push(repository);
  REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  CHECK(pushed.err.find(token) == std::string::npos);
  CHECK(berth.get("secretive").body == sha256_hex(token));
  Command search{.argv = {"grep", "-rlaF", token}};
  for (const char* kept : {"images", "layers", "cache"})
    search.argv.push_back((berth.data() / kept).string());
  const auto found = run_program(search, {}, std::chrono::minutes(2));
  REQUIRE(found.has_value());
  CHECK_MESSAGE(found->out.empty(), found->out);
  berth.destroy("secretive");
}

TEST_CASE("a two-process app runs its web process and, once scaled, its worker") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("two-process", "duo");
  CHECK(berth.get("duo").status == 200);
  berth.must({"ps:scale", "worker=1", "-a", "duo"});
  CHECK(eventually([&] {
    return berth.must({"logs", "-a", "duo", "-p", "worker"}).find("app[worker.1]:") !=
           std::string::npos;
  }));
  berth.destroy("duo");
}

}  // namespace
}  // namespace berth::test
