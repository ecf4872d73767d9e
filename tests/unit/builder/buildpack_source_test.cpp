// SPDX-License-Identifier: Apache-2.0
#include "builder/buildpack_source.hpp"

#include <doctest/doctest.h>

#include "builder/buildpack_choice.hpp"
#include "builder/buildpackage.hpp"
#include "builder/classic_release.hpp"
#include "builder/git_fetch.hpp"
#include "builder/image_fetch.hpp"
#include "builder/processes.hpp"

using namespace berth;
using namespace berth::builder;
using Kind = BuildpackSource::Kind;

namespace {
BuildpackSource source(std::string_view text) {
  const auto parsed = parse_buildpack_source(text);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed.has_error() ? parsed.error().message : ""));
  return *parsed;
}
std::string message(std::string_view text) {
  const auto parsed = parse_buildpack_source(text);
  return parsed.has_error() ? parsed.error().message : "accepted";
}
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("a buildpack is an id, a path, a git URL or an image, by its form") {
  CHECK(source("acme/lang") == BuildpackSource{Kind::installed, "acme/lang", ""});
  CHECK(source("acme/lang@1.2.3") == BuildpackSource{Kind::installed, "acme/lang", "1.2.3"});
  CHECK(source("urn:cnb:builder:a@1.0.0") == BuildpackSource{Kind::installed, "a", "1.0.0"});
  CHECK(source("from=builder:a") == BuildpackSource{Kind::installed, "a", ""});
  CHECK(source("./own/") == BuildpackSource{Kind::app, "own", ""});
  CHECK(source("own/") == BuildpackSource{Kind::app, "own", ""});
  CHECK(source("packs/own.cnb") == BuildpackSource{Kind::app, "packs/own.cnb", ""});
  CHECK(source("https://h/x.git#v1") == BuildpackSource{Kind::git, "https://h/x.git", "v1"});
  CHECK(source("ssh://git@h/x") == BuildpackSource{Kind::git, "ssh://git@h/x", ""});
  CHECK(source("git@h:a/x.git#main") == BuildpackSource{Kind::git, "git@h:a/x.git", "main"});
  CHECK(source("docker://h:5000/a/b:1") == BuildpackSource{Kind::image, "h:5000/a/b:1", ""});
}

TEST_CASE("a uri of project.toml without a scheme is a path, though it looks like an id") {
  CHECK(*parse_buildpack_uri("own/lang") == BuildpackSource{Kind::app, "own/lang", ""});
  CHECK(*parse_buildpack_uri("urn:cnb:builder:a/b") == BuildpackSource{Kind::installed, "a/b", ""});
  CHECK(*parse_buildpack_uri("https://h/x") == BuildpackSource{Kind::git, "https://h/x", ""});
  CHECK(parse_buildpack_uri("../x").has_error());
  CHECK(parse_buildpack_uri("").has_error());
}

TEST_CASE("what leads elsewhere or means something to a program is refused") {
  CHECK(contains(message("../up"), "leads out of the app"));
  CHECK(contains(message("/etc"), "must be a path below the app's own directory"));
  CHECK(contains(message("file:///srv/x.git"), "has a scheme that is not known"));
  CHECK(contains(message("ext::sh"), "is neither an id"));
  CHECK(contains(message("https://h/x#--upload-pack=x"), "has a name that git would not take"));
  CHECK(contains(message("https://h/x#a:b"), "has a name that git would not take"));
  CHECK(contains(message("https://h/x.tgz"), "is an archive"));
  CHECK(contains(message("docker://alpine"), "must name its registry"));
  CHECK(contains(message("urn:cnb:registry:a/b"), "is of the public registry"));
  CHECK(contains(message("a b"), "holds a space"));
  CHECK(contains(message(std::string(3000, 'a')), "too long"));
  CHECK(message("") == "a buildpack has no name");
}

TEST_CASE("credentials are for git alone, never for a log") {
  CHECK(source("https://u:p@h/x#v").shown() == "https://h/x#v");
  CHECK(without_credentials("https://h/a@b") == "https://h/a@b");
  CHECK_FALSE(contains(message("https://u:secret@h/x.zip"), "secret"));
  CHECK(source("./own").shown() == "./own");
  CHECK(source("a@1.0.0").shown() == "a@1.0.0");
}

TEST_CASE(".buildpacks has one a line, with comments and blank lines between") {
  CHECK(parse_buildpacks_file("# c\n\n https://h/x#v \r\nheroku/nodejs\n") ==
        std::vector<std::string>{"https://h/x#v", "heroku/nodejs"});
  CHECK(parse_buildpacks_file("#\n").empty());
}

TEST_CASE("ls-remote: a branch goes before a tag, and an annotated tag is its commit") {
  const std::string a(40, 'a');
  const std::string b(40, 'b');
  const std::string c(40, 'c');
  const std::string output =
      b + "\trefs/tags/v1\n" + c + "\trefs/tags/v1^{}\n" + a + "\trefs/heads/x/v1\n" + "noise\n";
  CHECK(commit_in_ls_remote(output, "v1") == c);
  CHECK(commit_in_ls_remote(output + a + "\trefs/heads/v1\n", "v1") == a);
  CHECK(commit_in_ls_remote(output, "none").empty());
  CHECK(commit_in_ls_remote(a + "\tHEAD\n", "") == a);
  CHECK(is_commit_id(a));
  CHECK_FALSE(is_commit_id("abc"));
}

TEST_CASE("the repository of an image's name is without tag and digest, not without port") {
  CHECK(repository_of("h:5000/a/b:1") == "h:5000/a/b");
  CHECK(repository_of("h:5000/a/b") == "h:5000/a/b");
  CHECK(repository_of("h/a@sha256:00") == "h/a");
  CHECK(repository_of("h/a:1@sha256:00") == "h/a");
}

TEST_CASE("a manifest is chosen for this platform, or is the only one") {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string other = "sha256:" + std::string(64, 'b');
  CHECK(*choose_manifest("{\"manifests\":[{\"digest\":\"" + digest + "\"}]}") == digest);
  const std::string both =
      "{\"manifests\":[{\"digest\":\"" + other +
      "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}},{\"digest\":\"" + digest +
      "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}";
#if defined(__x86_64__)
  CHECK(*choose_manifest(both) == digest);
#endif
  CHECK(choose_manifest("{\"manifests\":[{\"digest\":\"../../etc\"}]}").has_error());
  CHECK(choose_manifest("{\"manifests\":[]}").has_error());
  CHECK(parse_package_config("{\"config\":{}}").error().message.ends_with("it is no buildpackage"));
}

TEST_CASE("bin/release: the process types of YAML, whatever else stands in it") {
  const auto parsed = parse_classic_release(
      "---\naddons: [x]\nconfig_vars: {A: b}\ndefault_process_types:\n  web: bin/web -p $PORT\n",
      "b");
  REQUIRE(parsed.has_value());
  REQUIRE(parsed->size() == 1);
  CHECK(command_line(parsed->front()) == "bin/web -p $PORT");
  CHECK(parsed->front().is_default);
  for (const char* nothing : {"", "---\n", "--- {}\n", "default_process_types:\n"})
    CHECK(parse_classic_release(nothing, "b")->empty());
  for (const char* wrong :
       {"[a]", "default_process_types: [web]", "default_process_types: {a/b: x}",
        "default_process_types: {web: ''}", "a: [", "default_process_types: {web: {}}"})
    CHECK_MESSAGE(parse_classic_release(wrong, "b").has_error(), wrong);
}

TEST_CASE("who chose goes by rank, and an empty list chooses nothing") {
  const ProjectDescriptor none;
  CHECK(choose_buildpacks({.app = {}, .url = "", .project = none, .listed = "# x\n"})->by.empty());
  CHECK(choose_buildpacks({.app = {"a"}, .url = "b", .project = none, .listed = "c"})->by ==
        "berth buildpacks");
  CHECK(choose_buildpacks({.app = {}, .url = "", .project = none, .listed = "../x"})
            .error()
            .message.starts_with(".buildpacks: the buildpack '../x' leads out"));
  CHECK(alias_of("heroku/nodejs") == "berth/nodejs");
  CHECK(alias_of("acme/nodejs").empty());
}
