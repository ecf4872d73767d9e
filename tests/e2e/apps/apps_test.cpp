// SPDX-License-Identifier: Apache-2.0
//
// Real apps with real dependencies, each pushed with git and asked for its answer.
#include <set>

#include "base/json.hpp"
#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

struct Expectation {
  std::string path;
  int status = 200;
  std::string contains;
};

Expectation expectation_of(std::string_view sample) {
  const auto file =
      std::filesystem::path(BERTH_SOURCE_DIR) / "tests/apps" / sample / "app.expect.json";
  const auto object = parse_json_object(*read_file(file));
  REQUIRE_MESSAGE(object.has_value(), file.string());
  return {.path = optional_string(*object, "path").value_or("/"),
          .status = static_cast<int>(optional_int(*object, "status").value_or(200)),
          .contains = optional_string(*object, "contains").value_or("")};
}

void check_sample(std::string_view sample, std::string_view app) {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.repository(sample);
  berth.must({"create", std::string(app)}, repository);
  const Output pushed = berth.push(repository);
  REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  CHECK_MESSAGE(pushed.err.find("-----> Release v1: web=1 healthy in") != std::string::npos,
                pushed.err);
  const Expectation expected = expectation_of(sample);
  const HttpResponse response = berth.get(app, expected.path);
  CHECK(response.status == expected.status);
  CHECK_MESSAGE(response.body.find(expected.contains) != std::string::npos, response.body);

  // A second push of the same tree makes the same image.
  const auto first = berth.json_of({"releases", "-a", std::string(app)});
  berth.commit(repository, "nothing changed");
  REQUIRE(berth.push(repository).status.success());
  const auto second = berth.json_of({"releases", "-a", std::string(app)});
  CHECK(first.as_array()[0].at("image") == second.as_array()[0].at("image"));
  berth.destroy(std::string(app));
}

TEST_CASE("an Express app with a lockfile is built by npm and answers") {
  check_sample("express", "express");
}
TEST_CASE("a Flask app with requirements is built by pip and answers") {
  check_sample("flask", "flask");
}
TEST_CASE("a Go module with a dependency is compiled and answers") {
  check_sample("go-module", "gopher");
}
TEST_CASE("a Rust crate with a dependency is compiled and answers") {
  check_sample("rust-crate", "crab");
}
TEST_CASE("a static site is served") { check_sample("static-site", "pages"); }

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
