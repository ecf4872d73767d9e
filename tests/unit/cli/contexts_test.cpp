// SPDX-License-Identifier: Apache-2.0
#include "cli/contexts.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/file.hpp"

using namespace berth;
using namespace berth::cli;

namespace {

Contexts two_contexts() {
  return {.current = "local",
          .all = {{"local",
                   {.url = "http://127.0.0.1:7070",
                    .token = "a",
                    .user = "me@example.com",
                    .git_origins = {"http://git.localhost:8080"}}},
                  {"work", {.url = "https://api.example.com", .token = "b", .user = ""}}}};
}

}  // namespace

TEST_CASE("contexts are read as they were written") {
  CHECK(*parse_contexts(contexts_text(two_contexts())) == two_contexts());
  CHECK(*parse_contexts(contexts_text({})) == Contexts{});
}

TEST_CASE("a context file that is wrong says where") {
  CHECK(parse_contexts("{").has_error());
  CHECK(parse_contexts("[]").has_error());
  CHECK(parse_contexts(R"({"contexts":{"a":{"url":"http://x"}}})").error().message ==
        "context 'a': 'token' is required");
  CHECK(parse_contexts(R"({"contexts":{"a":7}})").error().message ==
        "context 'a': must be an object");
  CHECK(parse_contexts(R"({"contexts":{"a":{"url":1,"token":"t"}}})").error().message ==
        "context 'a': 'url' must be a string");
}

TEST_CASE("fields of a later version do not trouble an earlier one") {
  const auto contexts = parse_contexts(R"({"current":"a","new":1,"contexts":
      {"a":{"url":"http://x","token":"t","colour":"red","git":["http://g",5]}}})");
  REQUIRE(contexts.has_value());
  CHECK(contexts->in_use()->git_origins == std::vector<std::string>{"http://g"});
}

TEST_CASE("the context file is for its owner alone, and so is a directory made for it") {
  const auto directory =
      *TempDir::create(std::filesystem::temp_directory_path(), "berth-test-cli-");
  const auto file = directory.path() / "config" / "berth" / "config.json";
  CHECK(*load_contexts(file) == Contexts{});
  REQUIRE(save_contexts(file, two_contexts()).has_value());
  struct stat status{};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  REQUIRE(::stat(file.parent_path().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  CHECK(*load_contexts(file) == two_contexts());
}

TEST_CASE("an origin belongs to the context whose API or git lives there, the one in use first") {
  Contexts contexts = two_contexts();
  CHECK(contexts.at_origin("http://git.localhost:8080") == "local");
  CHECK(contexts.at_origin("https://api.example.com") == "work");
  CHECK(contexts.at_origin("http://git.localhost:9090") == "");
  CHECK(contexts.at_origin("") == "");
  contexts.all["again"] = contexts.all["local"];
  CHECK(contexts.at_origin("http://git.localhost:8080") == "local");
}

TEST_CASE("origins leave out the path and the default port, as git does") {
  CHECK(origin_of("http://git.localhost:8080/hello.git") == "http://git.localhost:8080");
  CHECK(origin_of("http://git.example.com:80/x") == "http://git.example.com");
  CHECK(origin_of("https://git.example.com/x") == "https://git.example.com");
  CHECK(origin_of("git@example.com:x") == "");
  CHECK(origin_of("") == "");
}

TEST_CASE("a context is called local on this machine and else after its host") {
  CHECK(default_context_name("http://127.0.0.1:7070") == "local");
  CHECK(default_context_name("http://api.localhost:8080") == "local");
  CHECK(default_context_name("https://api.example.com") == "api.example.com");
}
