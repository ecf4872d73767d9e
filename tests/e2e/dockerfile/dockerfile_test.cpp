// SPDX-License-Identifier: Apache-2.0
//
// Apps that are built from a Dockerfile: stages, what is left out, what is used again, what cannot
// be, and heroku.yml. The base image is the platform's own, imported under another name.
#include <filesystem>
#include <map>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;

bool holds(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

/// The platform, with the image debian:bookworm-slim.
Platform& with_base() {
  Platform& berth = platform();
  if (!berth.json_of({"images"}).as_array().empty()) return berth;
  const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  const std::string file = (directory.path() / "base.tar").string();
  const auto saved = run_program(
      {.argv = {"skopeo", "copy", "--insecure-policy",
                "oci:" + (berth.data() / "images").string() + ":stack/run",
                "docker-archive:" + file + ":debian:bookworm-slim"}},
      {}, std::chrono::minutes(5));
  REQUIRE_MESSAGE(saved->status.success(), saved->err);
  berth.must({"images:import", file});
  return berth;
}

using Files = std::map<std::string, std::string>;

void write(Platform& berth, const fs::path& repository, const Files& files) {
  for (const auto& [name, content] : files) {
    fs::create_directories((repository / name).parent_path());
    REQUIRE(write_file(repository / name, content).has_value());
  }
  berth.commit(repository, "change");
}

/// A new app of these files; it is not pushed yet.
fs::path app_of(Platform& berth, const std::string& name, const Files& files) {
  const fs::path repository = berth.repository("nothing-detected");
  for (const auto& entry : fs::directory_iterator(repository))
    if (entry.path().filename() != ".git") fs::remove_all(entry.path());
  write(berth, repository, files);
  berth.must({"create", name}, repository);
  return repository;
}

std::string pushed(Platform& berth, const fs::path& repository) {
  const Output push = berth.push(repository);
  REQUIRE_MESSAGE(push.status.success(), push.err);
  return push.err;
}

std::string refused(Platform& berth, const fs::path& repository) {
  const Output push = berth.push(repository);
  REQUIRE_FALSE(push.status.success());
  return push.err;
}

/// The base image's own user is none that may write everywhere.
const std::string base = "FROM debian:bookworm-slim\nUSER root\n";

const Files stages = {
    {"Dockerfile",
     "ARG BASE=debian:bookworm-slim\n"
     "FROM unknown:1 AS unused\n"
     "RUN false\n"
     "FROM $BASE AS build\nUSER root\n"
     "ARG GREETING=nobody\n"
     "WORKDIR /src\n"
     "COPY . .\n"
     "RUN test ! -e secret.txt && test $(id -u) = 0\n"
     "RUN mkdir out && sed \"s/NAME/$GREETING/\" page.txt > out/index.html \\\n"
     "    && rm page.txt && chown 1234:5678 out/index.html\n"
     "FROM $BASE\nUSER root\n"
     "ENV ROOT=/srv/www\n"
     "RUN rm -r /usr/share/doc && useradd --uid 1500 --create-home web\n"
     "COPY --from=build --chown=web /src/out $ROOT\n"
     "USER web\n"
     "WORKDIR $ROOT\n"
     "RUN ls -d /usr/share/doc >> who.txt 2>&1; id -un >> who.txt; cat /etc/hosts > hosts.txt\n"
     "CMD exec python3 -m http.server $PORT\n"},
    {".dockerignore", "secret.*\nDockerfile\n"},
    {"secret.txt", "not to be seen"},
    {"page.txt", "hello NAME\n"}};

TEST_CASE("what one stage built is served by another, and only what changed is built again") {
  NEEDS_PLATFORM();
  Platform& berth = with_base();
  const fs::path repository = app_of(berth, "stages", stages);
  berth.must({"config:set", "GREETING=Ada", "-a", "stages"});
  const std::string first = pushed(berth, repository);
  CHECK(holds(first, "Dockerfile (Dockerfile): no buildpack recognised this app"));
  CHECK(holds(first, "[build 2/3] RUN test ! -e secret.txt"));
  CHECK_FALSE(holds(first, "cached"));
  CHECK(berth.get("stages").body == "hello Ada\n");
  // As the user, in the directory, on what the layers below left.
  CHECK(holds(berth.get("stages", "/who.txt").body, "No such file or directory\nweb\n"));
  const Output inside = berth.cli({"run", "-a", "stages", "--", "stat", "-c", "%u:%a",
                                   "/srv/www/index.html", "/etc/hosts"});
  CHECK_MESSAGE(holds(inside.out, "1500:644"), (inside.out + inside.err));

  write(berth, repository, {{"page.txt", "goodbye NAME\n"}});
  const std::string second = pushed(berth, repository);
  CHECK(holds(second, "[1/3] RUN rm -r /usr/share/doc && useradd --uid 1500 --create-home web  ·  "
                      "cached"));
  CHECK_FALSE(holds(second, "COPY . .  ·  cached"));
  CHECK(berth.get("stages").body == "goodbye Ada\n");

  // What the Dockerfile does not see changes nothing.
  write(berth, repository, {{"secret.txt", "another"}});
  const std::string third = pushed(berth, repository);
  CHECK(holds(third, "[build 3/3] RUN mkdir out"));
  CHECK(holds(third, "0 new"));
  const auto releases = berth.json_of({"releases", "-a", "stages"});
  CHECK(releases.as_array()[0].at("image") == releases.as_array()[1].at("image"));

  // A base of the same name is another image now.
  berth.must({"images:remove", "debian:bookworm-slim"});
  berth.commit(repository, "nothing");
  CHECK(holds(refused(berth, repository), "berth images:import"));
}

TEST_CASE("a command that fails ends the push with its line, and what came before is kept") {
  NEEDS_PLATFORM();
  Platform& berth = with_base();
  const std::string before =
      base + "RUN --mount=type=cache,target=/c date +%N >> /c/runs && "
      "cp /c/runs /runs\n";
  const fs::path repository =
      app_of(berth, "failing", {{"Dockerfile", before + "RUN echo why it fails; exit 3\n"}});
  const std::string failed = refused(berth, repository);
  CHECK(holds(failed, "why it fails"));
  CHECK(holds(failed, "Dockerfile, line 4 (RUN): the command failed with exit status 3"));
  write(berth, repository,
        {{"Dockerfile", before + "RUN test -s /runs && test ! -e /c/runs\n"
                                 "CMD cd / && exec python3 -m http.server $PORT\n"}});
  CHECK(holds(pushed(berth, repository), "cp /c/runs /runs  ·  cached"));
  const std::string once = berth.get("failing", "/runs").body;
  CHECK(std::ranges::count(once, '\n') == 1);
  // Another instruction before it, and the cache still has what the first run left.
  write(berth, repository,
        {{"Dockerfile", base + "RUN true\nRUN --mount=type=cache,target=/c "
                        "date +%N >> /c/runs; cp /c/runs /runs\n"
                        "CMD cd / && exec python3 -m http.server $PORT\n"}});
  pushed(berth, repository);
  CHECK(berth.get("failing", "/runs").body.starts_with(once));
  CHECK(std::ranges::count(berth.get("failing", "/runs").body, '\n') == 2);
}

TEST_CASE("heroku.yml: an image for each of two process types, arguments, a release command") {
  NEEDS_PLATFORM();
  Platform& berth = with_base();
  const fs::path repository = app_of(
      berth, "two-images",
      {{"heroku.yml",
        "setup:\n  addons:\n    - plan: postgres\n"
        "build:\n  docker:\n    web: Dockerfile\n    worker: jobs/Dockerfile\n"
        "  config:\n    WHO: heroku.yml\n"
        "release:\n  image: worker\n  command:\n    - cat /job.txt\n"
        "run:\n  web: cd /srv && exec python3 -m http.server $PORT\n"},
       {"Dockerfile", base + "ARG WHO\nRUN echo \"by $WHO\" > /srv/index.html\n"},
       {"jobs/Dockerfile",
        base + "COPY job.txt /\nCMD [\"sh\", \"-c\", \"cat /job.txt; exec sleep "
        "inf\"]\n"},
       {"jobs/job.txt", "the worker's own file\n"}});
  const std::string log = pushed(berth, repository);
  CHECK(holds(log, "Note: heroku.yml: setup"));
  CHECK(holds(log, "the worker's own file"));
  CHECK(berth.get("two-images").body == "by heroku.yml\n");
  berth.must({"ps:scale", "worker=1", "-a", "two-images"});
  CHECK(eventually([&] {
    const std::string lines = berth.must({"logs", "-a", "two-images"});
    return holds(lines, "worker.1") && holds(lines, "the worker's own file");
  }));
  // The worker's image outlives the collector.
  berth.must({"system:prune"});
  berth.must({"ps:restart", "-a", "two-images"});
  CHECK(eventually([&] { return berth.get("two-images").status == 200; }));
  write(berth, repository, {{"heroku.yml", "build:\n  docker:\n    web: Dockerfile\n  what: x\n"}});
  CHECK(holds(refused(berth, repository), "heroku.yml, line 4, column 9: 'what' is not known"));
}

TEST_CASE("a language goes before a Dockerfile, unless the app says otherwise") {
  NEEDS_PLATFORM();
  Platform& berth = with_base();
  const fs::path repository =
      app_of(berth, "both",
             {{"index.html", "from the buildpack\n"},
              {"Dockerfile", base + "RUN mkdir /www && echo from the file > "
                             "/www/index.html\nWORKDIR /www\nEXPOSE 8123\n"
                             "CMD [\"python3\", \"-m\", \"http.server\", \"8123\"]\n"}});
  CHECK(holds(pushed(berth, repository), "berth config:set BERTH_BUILDER=dockerfile"));
  CHECK(berth.get("both").body == "from the buildpack\n");
  berth.must({"config:set", "BERTH_BUILDER=dockerfile", "-a", "both"});
  berth.commit(repository, "again");
  CHECK(holds(pushed(berth, repository), "Dockerfile (BERTH_BUILDER)"));
  CHECK(berth.get("both").body == "from the file\n");
}

}  // namespace
}  // namespace berth::test
