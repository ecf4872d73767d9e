// SPDX-License-Identifier: Apache-2.0
// The cases follow specs/cnb.md 1.6.
#include "builder/layer_metadata.hpp"

#include <doctest/doctest.h>

#include "builder/processes.hpp"

using namespace berth;
using namespace berth::builder;

TEST_CASE("1.6 layers: flags stand under [types] and default to false") {
  const auto layer = parse_layer_toml("[types]\nlaunch = true\n[metadata]\nv = 1\n");
  REQUIRE(layer.has_value());
  CHECK(layer->flags == LayerFlags{.launch = true});
  CHECK(to_text(layer->metadata) == R"({"v":1})");
  CHECK(parse_layer_toml("")->flags == LayerFlags{});
}

TEST_CASE("1.6 layers: a flag at the top level is an error") {
  CHECK(parse_layer_toml("launch = true").error().message.find("[types]") != std::string::npos);
}

TEST_CASE("1.6 layers: build, launch and store cannot name a layer, nor can a path") {
  for (const char* name : {"build", "launch", "store", "", ".", "..", "a/b"})
    CHECK(check_layer_name(name).has_error());
  CHECK(check_layer_name("node_modules").has_value());
}

TEST_CASE("1.6 layers: a restored layer has its metadata and no types") {
  const auto layer = parse_layer_toml(restored_layer_toml({{"lock", "abc"}, {"n", 3}}));
  REQUIRE(layer.has_value());
  CHECK(layer->flags == LayerFlags{});
  CHECK(to_text(layer->metadata) == R"({"lock":"abc","n":3})");
}

TEST_CASE("1.6 processes: since API 0.9 the command is a list and 'direct' an error") {
  const auto launch = parse_launch_toml(
      "[[processes]]\ntype = \"web\"\ncommand = [\"node\", \"s.js\"]\nargs = [\"-v\"]\ndefault = true\n"
      "working-dir = \"/app/x\"\n", 9, "b");
  REQUIRE(launch.has_value());
  CHECK(launch->processes[0].command == std::vector<std::string>{"node", "s.js"});
  CHECK(launch->processes[0].direct);
  CHECK(launch->processes[0].is_default);
  CHECK(launch->processes[0].working_directory == "/app/x");
  CHECK(parse_launch_toml("[[processes]]\ntype = \"web\"\ncommand = [\"x\"]\ndirect = true", 9, "b").has_error());
  CHECK(parse_launch_toml("[[processes]]\ntype = \"web\"\ncommand = \"x\"", 9, "b").has_error());
  CHECK(parse_launch_toml("[[processes]]\ntype = \"web\"\ncommand = []", 9, "b").has_error());
}

TEST_CASE("1.6 processes: before API 0.9 the command is a string for a shell unless direct") {
  const auto launch = parse_launch_toml(
      "[[processes]]\ntype = \"web\"\ncommand = \"node s.js\"\n[[processes]]\ntype = \"w\"\n"
      "command = \"x\"\ndirect = true", 8, "b");
  REQUIRE(launch.has_value());
  CHECK_FALSE(launch->processes[0].direct);
  CHECK(launch->processes[1].direct);
  CHECK(parse_launch_toml("[[processes]]\ntype = \"w\"\ncommand = \"x\"\nworking-dir = \"/x\"", 7, "b")
            ->processes[0].working_directory.empty());
}

TEST_CASE("1.6 processes: one default, unique types, names that are file names") {
  const std::string one = "[[processes]]\ntype = \"a\"\ncommand = [\"x\"]\ndefault = true\n";
  const std::string two = "[[processes]]\ntype = \"b\"\ncommand = [\"x\"]\ndefault = true\n";
  CHECK(parse_launch_toml(one, 9, "b").has_value());
  CHECK(parse_launch_toml(one + two, 9, "b").error().message == "two processes are the default");
  CHECK(parse_launch_toml(one + one, 9, "b").error().message == "process 'a' is defined twice");
  for (const char* type : {"", "a/b", "..", "a b", "a>b"})
    CHECK(parse_launch_toml("[[processes]]\ntype = \"" + std::string(type) + "\"\ncommand = [\"x\"]", 9, "b").has_error());
}

TEST_CASE("1.6 build.toml: unmet entries must have been given") {
  CHECK(*parse_build_toml("[[unmet]]\nname = \"x\"", {"x", "y"}) == std::vector<std::string>{"x"});
  CHECK(parse_build_toml("[[unmet]]\nname = \"z\"", {"x"}).has_error());
  CHECK(parse_build_toml("", {"x"})->empty());
}

namespace {
Process process(const std::string& type, const std::string& by, bool is_default = false) {
  return {.type = type, .command = {by}, .is_default = is_default, .buildpack_id = by};
}
}  // namespace

TEST_CASE("1.6 merging: a later definition of a type replaces the earlier") {
  ProcessSet set;
  set.merge({process("web", "a"), process("worker", "a")});
  set.merge({process("web", "b")});
  CHECK(set.by_type.at("web").buildpack_id == "b");
  CHECK(set.by_type.at("worker").buildpack_id == "a");
  CHECK(set.default_type.empty());
}

TEST_CASE("1.6 merging: the last default wins") {
  ProcessSet set;
  set.merge({process("web", "a", true)});
  set.merge({process("worker", "b", true)});
  CHECK(set.default_type == "worker");
}

TEST_CASE("1.6 merging: replacing the default by one that is not clears it, with a warning") {
  ProcessSet set;
  set.merge({process("web", "a", true)});
  set.merge({process("web", "b")});
  CHECK(set.default_type.empty());
  CHECK(set.notes == std::vector<std::string>{
                         "b replaces the default process 'web' by one that is not the default"});
}

TEST_CASE("processes survive the image's label") {
  ProcessSet set;
  set.merge({process("web", "a", true), process("worker", "a")});
  set.by_type["web"].args = {"x y"};
  set.by_type["worker"].direct = false;
  const auto again = parse_build_metadata(to_text(build_metadata(set, {})));
  REQUIRE(again.has_value());
  CHECK(again->by_type == set.by_type);
  CHECK(again->default_type == "web");
}

TEST_CASE("a command line is shown as people write it") {
  CHECK(command_line({.type = "w", .command = {"node"}, .args = {"a b", "it's"}}) ==
        R"(node 'a b' 'it'\''s')");
  CHECK(command_line({.type = "w", .command = {"bash", "-c"}, .args = {"node $X | tee"}}) == "node $X | tee");
  CHECK(command_line({.type = "w", .command = {"node $PORT"}, .direct = false}) == "node $PORT");
}
