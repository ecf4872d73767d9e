// SPDX-License-Identifier: Apache-2.0
// Buildpacks that the app or its owner names (specs/cnb.md 1.13, 2.1): in the app, inline, in git,
// as a buildpackage; and who decides when several do.
#include <doctest/doctest.h>

#include "base/child_process.hpp"
#include "tests/support/build_fixture.hpp"
#include "tests/support/git_daemon.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

std::string toml(const std::string& id, const std::string& version = "1.0.0") {
  return "api = \"0.10\"\n[buildpack]\nid = \"" + id + "\"\nversion = \"" + version + "\"\n";
}

GitFile program(const std::string& script) { return {"#!/bin/bash\n" + script + "\n", "100755"}; }

/// A component in the folder `at` of an app or a repository.
GitFiles component(const std::string& at, const std::string& id, const std::string& build) {
  return {{at + "buildpack.toml", toml(id)},
          {at + "bin/detect", program("exit 0")},
          {at + "bin/build", program(build)}};
}

GitFiles operator+(GitFiles one, GitFiles two) {
  one.merge(two);
  return one;
}

struct ChosenFixture : BuildFixture {
  ChosenFixture() {
    install({.id = "installed", .build = "echo built by installed"});
    order("installed");
  }
  BuiltImage builds(const GitFiles& files) {
    push(files + GitFiles{{"x", std::to_string(++pushes)}});
    return must_build();
  }
  std::string failure(const GitFiles& files) {
    push(files + GitFiles{{"x", std::to_string(++pushes)}});
    const auto result = build();
    REQUIRE(result.has_error());
    return result.error().message;
  }
  bool says(const std::string& part) const { return contains(log, part); }

  /// An OCI image layout that holds the buildpack `id`; the tar of it is a *.cnb.
  fs::path package(const std::string& id, const std::string& build) {
    const fs::path at = root() / ("package-" + std::to_string(++packages));
    auto store = ImageStore::open(at);
    REQUIRE(store.has_value());
    const fs::path folder = at / "layer/cnb/buildpacks" / id / "1.0.0";
    REQUIRE(make_directories(folder / "bin").has_value());
    REQUIRE(write_file(folder / "buildpack.toml", toml(id)).has_value());
    REQUIRE(write_file(folder / "bin/detect", "#!/bin/bash\nexit 0\n", 0755).has_value());
    REQUIRE(write_file(folder / "bin/build", "#!/bin/bash\n" + build + "\n", 0755).has_value());
    const auto layer = store->add_layer(at / "layer", "buildpack");
    REQUIRE(layer.has_value());
    Image image;
    image.layers = {*layer};
    image.labels["io.buildpacks.buildpackage.metadata"] =
        R"({"id":")" + id + R"(","version":"1.0.0"})";
    const auto added = store->add_image(image);
    REQUIRE(added.has_value());
    REQUIRE(store->tag("package", added->digest).has_value());
    return at / "images";
  }
  std::string tar_of(const fs::path& directory) {
    const fs::path file = root() / "package.cnb";
    REQUIRE(run_program({.argv = {"tar", "-C", directory.string(), "-cf", file.string(), "."}})
                .has_value());
    return *read_file(file);
  }
  int pushes = 0;
  int packages = 0;
};

/// A buildpack in a repository that is served.
struct GitChosenFixture : ChosenFixture {
  GitChosenFixture() : repository(*GitRepository::create(root() / "served/lang.git")) {}
  void publish(const std::string& says) {
    commit = *repository.commit(component("", "acme/lang", "echo " + says));
  }
  GitRepository repository;
  GitDaemon daemon{root() / "served"};
  std::string url = daemon.url("lang.git");
  std::string commit;
};

}  // namespace

TEST_CASE_FIXTURE(
    ChosenFixture,
    "1.13: a uri without a scheme is a folder of the app, even one that is excluded") {
  const BuiltImage built =
      builds(component("own-buildpack/", "samples/own", "echo built by own; ls") +
             GitFiles{{"project.toml",
                       "[build]\nexclude = [\"own-buildpack\"]\n[[build.buildpacks]]\nuri = "
                       "\"own-buildpack/\"\n"}});
  CHECK(says("-----> Buildpacks: samples/own 1.0.0\n"));
  CHECK(says("built by own\nproject.toml\nx\n"));
  CHECK_FALSE(says("built by installed"));
  CHECK(file(built.image, "/app/own-buildpack") == "(none)");
}

TEST_CASE_FIXTURE(ChosenFixture, "1.13: an inline buildpack is a script of project.toml") {
  builds(
      {{"project.toml",
        "[[io.buildpacks.group]]\nid = \"me/inline\"\n[io.buildpacks.group.script]\napi = "
        "\"0.10\"\nshell = \"/bin/bash\"\ninline = \"\"\"\necho inline in [[ -n $CNB_BP_PLAN_PATH "
        "]]\nprintf '[[processes]]\\\\ntype = \"web\"\\\\ncommand = [\"x\"]\\\\n' > "
        "$CNB_LAYERS_DIR/launch.toml\n\"\"\"\n[[io.buildpacks.group]]\nid = \"installed\"\n"}});
  CHECK(says("-----> Buildpacks: me/inline 0.0.1 and installed 1.0.0\n"));
  CHECK(says("inline in [[ -n"));
  CHECK(says("built by installed"));
  CHECK(contains(failure({{"project.toml",
                           "[[io.buildpacks.group]]\nid = \"me/inline\"\n"
                           "[io.buildpacks.group.script]\napi = \"0.1\"\ninline = \"x\"\n"}}),
                 "the inline buildpack me/inline: buildpack API 0.1 is not supported"));
}

TEST_CASE_FIXTURE(ChosenFixture, "1.13: pre and post stand around whatever group is detected") {
  install({.id = "first", .build = "echo first"});
  install({.id = "last", .build = "echo last"});
  builds({{"project.toml",
           "[[io.buildpacks.pre.group]]\nid = \"first\"\n[[io.buildpacks.post.group]]\nid = "
           "\"last\"\nversion = \"1.0.0\"\n"}});
  CHECK(says("-----> Buildpacks: first 1.0.0, installed 1.0.0 and last 1.0.0\n"));
}

TEST_CASE_FIXTURE(ChosenFixture, "1.13: a buildpackage in the app is a file or an image layout") {
  const fs::path layout = package("acme_lang", "echo built from a package");
  // An id with a slash lies in a folder with an underscore; this one has none.
  CHECK(contains(failure({{"own.cnb", {tar_of(layout), "100644"}}, {".buildpacks", "own.cnb\n"}}),
                 "'acme_lang' is not a buildpack id"));
  const fs::path good = package("acme-lang", "echo built from a package");
  builds({{"own.cnb", {tar_of(good), "100644"}}, {".buildpacks", "./own.cnb\n"}});
  CHECK(says("-----> Buildpacks: acme-lang 1.0.0\n"));
  CHECK(says("built from a package"));

  GitFiles files{{".buildpacks", "./package\n"}};
  for (const auto& entry : fs::recursive_directory_iterator(good))
    if (entry.is_regular_file())
      files.emplace("package/" + fs::relative(entry.path(), good).string(),
                    GitFile(*read_file(entry.path())));
  builds(files);
  CHECK(says("-----> Buildpacks: acme-lang 1.0.0\n"));
}

TEST_CASE_FIXTURE(ChosenFixture, "1.13: a buildpackage that is broken is refused, not believed") {
  const fs::path layout = package("acme-lang", "exit 0");
  for (const auto& entry : fs::directory_iterator(layout / "blobs/sha256"))
    if (entry.file_size() > 2000) REQUIRE(write_file(entry.path(), "other bytes").has_value());
  CHECK(contains(failure({{"own.cnb", {tar_of(layout), "100644"}}, {".buildpacks", "own.cnb"}}),
                 "./own.cnb: the blob sha256:"));
  CHECK(contains(failure({{"own.cnb", "no tar"}, {".buildpacks", "own.cnb"}}), "./own.cnb: "));
}

TEST_CASE_FIXTURE(ChosenFixture, "1.13: an image is fetched only from a registry of the operator") {
  CHECK(failure({{".buildpacks", "docker://registry.example.com/acme/lang:1\n"}}) ==
        "the buildpack docker://registry.example.com/acme/lang:1 is in a registry that this "
        "platform does not use. Its operator can add registry.example.com to images.registries in "
        "berth.yaml");
  request.registries = {"http://127.0.0.1:1"};
  CHECK(contains(failure({{".buildpacks", "docker://127.0.0.1:1/acme/lang:1\n"}}),
                 "the buildpack docker://127.0.0.1:1/acme/lang:1 could not be fetched: "));
}

TEST_CASE_FIXTURE(GitChosenFixture,
                  "a git URL's branch is fetched once a commit, and followed when it moves") {
  publish("one");
  const GitFiles app{{".buildpacks", "# ours\n\n" + url + "#main\n"}};
  builds(app);
  CHECK(says("-----> Fetching the buildpack " + url + "#main (" + commit.substr(0, 7) + ")\n"));
  CHECK(says("-----> Buildpacks: acme/lang 1.0.0\n"));
  CHECK(says("one\n"));
  builds(app);
  CHECK_FALSE(says("Fetching"));
  CHECK(says("one\n"));
  CHECK(must_build().reused);
  publish("two");
  CHECK_FALSE(must_build().reused);
  CHECK(says("Fetching"));
  CHECK(says("two\n"));
  // What nothing uses any more is gone.
  int kept = 0;
  for (const auto& entry : fs::directory_iterator(request.cache_directory / "buildpacks"))
    kept += entry.path().filename().string().starts_with("git-") ? 1 : 0;
  CHECK(kept == 1);
}

TEST_CASE_FIXTURE(GitChosenFixture, "a git URL may name a tag or a commit, and needs neither") {
  publish("one");
  const std::string first = commit;
  REQUIRE(repository
              .git({"-c", "user.name=Ada", "-c", "user.email=ada@example.com", "tag", "-a", "-m",
                    "v1", "v1", first})
              .has_value());
  publish("two");
  request.buildpacks = {url + "#v1"};
  builds({});
  CHECK(says("one\n"));
  request.buildpacks = {url + "#" + first};
  builds({});
  CHECK(says("one\n"));
  request.buildpacks = {url};
  builds({});
  CHECK(says("two\n"));
  // A commit that is there needs no network any more.
  request.buildpacks = {url + "#" + first};
  builds({});
  fs::remove_all(root() / "served/lang.git");
  builds({});
  CHECK(says("one\n"));
}

TEST_CASE_FIXTURE(GitChosenFixture,
                  "what git cannot fetch fails with its reason and without the password") {
  publish("one");
  request.buildpacks = {url + "#gone"};
  CHECK(
      contains(failure({}), " has no branch or tag 'gone'. A commit needs all of its 40 digits."));
  request.buildpacks = {"http://ada:secret@127.0.0.1:1/x.git"};
  const std::string message = failure({});
  CHECK(contains(message, "the buildpack http://127.0.0.1:1/x.git could not be fetched: "));
  CHECK_FALSE(contains(message, "secret"));
  CHECK_FALSE(says("secret"));
  const auto plain = *repository.commit({{"README", "no buildpack"}});
  request.buildpacks = {url};
  CHECK(contains(failure({}),
                 "lang.git is no buildpack: it has neither a buildpack.toml with an "
                 "api and bin/build (Cloud Native) nor bin/detect and bin/compile"));
}

TEST_CASE_FIXTURE(GitChosenFixture, "a fetched buildpack cannot make us read files of the host") {
  REQUIRE(write_file(root() / "secret.toml", toml("secret/id")).has_value());
  const auto made =
      *repository.commit({{"buildpack.toml", {(root() / "secret.toml").string(), "120000"}},
                          {"bin/detect", program("exit 0")},
                          {"bin/build", program("exit 0")}});
  request.buildpacks = {url};
  const std::string message = failure({});
  CHECK(contains(message, "is no buildpack"));
  CHECK_FALSE(contains(message, "secret/id"));
}

TEST_CASE_FIXTURE(ChosenFixture,
                  "the app's setting goes before BUILDPACK_URL, project.toml and .buildpacks") {
  for (const char* id : {"one", "two", "three", "four"})
    install({.id = id, .build = std::string("echo chosen ") + id});
  const GitFiles app{{".buildpacks", "four\n"},
                     {"project.toml", "[[io.buildpacks.group]]\nid = \"three\"\n"}};
  request.buildpacks = {"one"};
  request.config_vars = {{"BUILDPACK_URL", "two@1.0.0"}};
  builds(app);
  CHECK(says("chosen one\n"));
  request.buildpacks.clear();
  builds(app);
  CHECK(says("chosen two\n"));
  request.config_vars.clear();
  builds(app);
  CHECK(says("chosen three\n"));
  builds({{".buildpacks", "four\n"}});
  CHECK(says("chosen four\n"));
  builds({{".buildpacks", "# nothing\n"}});
  CHECK(says("built by installed"));
}

TEST_CASE_FIXTURE(ChosenFixture, "another choice is another build, though the commit is the same") {
  install({.id = "other", .build = "echo other"});
  builds({});
  CHECK(must_build().reused);
  request.buildpacks = {"other"};
  CHECK_FALSE(must_build().reused);
  CHECK(says("other\n"));
}

TEST_CASE_FIXTURE(ChosenFixture,
                  "every chosen buildpack must take the app, and the message says who chose") {
  install({.id = "never", .detect = "echo no such file; exit 100"});
  request.buildpacks = {"installed", "never"};
  CHECK(contains(failure({}),
                 "the buildpacks that berth buildpacks names do not all recognise this app."));
  CHECK(says("no such file"));
}

TEST_CASE_FIXTURE(ChosenFixture,
                  "a chosen buildpack brings the optional ones of its group and the Procfile") {
  install({.id = "berth/nodejs", .build = "echo node"});
  install({.id = "berth/static", .build = "echo static"});
  install({.id = "berth/procfile", .build = "echo procfile"});
  order("berth/static?,berth/nodejs,berth/procfile?;installed");
  request.buildpacks = {"heroku/nodejs"};
  builds({});
  CHECK(says("Note: heroku/nodejs is berth/nodejs here."));
  CHECK(says("Buildpacks: berth/static 1.0.0, berth/nodejs 1.0.0 and berth/procfile 1.0.0\n"));
  request.buildpacks = {"installed"};
  builds({});
  CHECK(says("Buildpacks: installed 1.0.0 and berth/procfile 1.0.0\n"));
}

TEST_CASE_FIXTURE(ChosenFixture, "a buildpack that is not there is named, with those that are") {
  request.buildpacks = {"acme/none@2.0.0"};
  CHECK(contains(failure({}),
                 "the buildpack acme/none@2.0.0 is not installed here. There are "
                 "installed@1.0.0; another one"));
  request.buildpacks = {"./none"};
  CHECK(failure({}) == "./none: the commit has no directory none");
}
