// SPDX-License-Identifier: Apache-2.0
//
// The command line itself: help, mistakes, completion, and the documents made from the table.
#include <cstdlib>
#include <set>

#include "base/child_process.hpp"
#include "cli/completion.hpp"
#include "cli/completion_scripts.hpp"
#include "cli/help.hpp"
#include "cli/parser.hpp"
#include "tests/unit/cli/fixture.hpp"

using namespace berth;
using namespace berth::cli;
using namespace berth::test;

namespace {

std::vector<std::string> texts(const std::vector<std::string>& words) {
  std::vector<std::string> result;
  const auto names = [](Names kind, const std::string& app) -> std::vector<std::string> {
    if (kind == Names::app) return {"hello", "help-desk", "other"};
    if (kind == Names::process_type) return {app + "web", "worker"};
    return {};
  };
  for (const auto& candidate : complete(words, names)) result.push_back(candidate.text);
  return result;
}

}  // namespace

TEST_CASE("every command has a summary, an example and names of its own") {
  std::set<std::string> names;
  for (const auto& command : all_commands()) {
    CAPTURE(command.name);
    CHECK((command.run != nullptr));
    CHECK(command.example.find("berth ") != std::string::npos);
    CHECK(!command.summary.empty());
    CHECK(!command.summary.ends_with('.'));
    CHECK(names.insert(command.name).second);
    for (const auto& alias : command.aliases) CHECK(names.insert(alias).second);
    std::set<std::string> flags;
    for (const auto& flag : flags_of(command)) {
      CAPTURE(flag.name);
      CHECK(flag.name.starts_with("--"));
      CHECK(flags.insert(flag.name).second);
      if (!flag.letter.empty()) CHECK(flags.insert(flag.letter).second);
    }
  }
}

TEST_CASE("docs/cli.md is what the program says") {
  const auto file = std::filesystem::path(BERTH_SOURCE_DIR) / "docs" / "cli.md";
  // Written anew on request: BERTH_WRITE_REFERENCE=1 test_unit_cli
  if (std::getenv("BERTH_WRITE_REFERENCE")) REQUIRE(write_file(file, reference_page()).has_value());
  const auto text = read_file(file);
  REQUIRE(text.has_value());
  CHECK((*text == reference_page()));
}

TEST_CASE_FIXTURE(Fixture, "help is there for the whole and for each command, and asks no server") {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"--help"}, {"-h"}, {"help"}}) {
    CHECK(run(words) == 0);
    CHECK_CONTAINS(printed(), "  ps:scale ");
    CHECK_CONTAINS(printed(), "  server ");
    CHECK(printed().find("__complete") == std::string::npos);
  }
  for (const auto& command : all_commands()) {
    CAPTURE(command.name);
    CHECK(run({command.name, "--help"}) == 0);
    CHECK_CONTAINS(printed(), "Usage  berth " + command.name);
    CHECK_CONTAINS(printed(), command.example);
  }
  CHECK(run({"help", "ps:scale"}) == 0);
  CHECK_CONTAINS(printed(), "Usage  berth ps:scale [CHANGE…] [options]");
  CHECK(server.asked().empty());
}

TEST_CASE_FIXTURE(Fixture, "a command that does not exist suggests the nearest that does") {
  CHECK(run({"confg:set", "A=1"}) == 2);
  CHECK(noted() == "Error: There is no command 'confg:set'.\n→ Try: berth config:set\n");
  CHECK(run({"kubernetes"}) == 2);
  CHECK(noted() == "Error: There is no command 'kubernetes'.\n→ Try: berth --help\n");
  CHECK(run({"config", "set", "A=1"}) == 2);
  CHECK_CONTAINS(noted(), "→ Try: berth config:set\n");
  CHECK(run({"help", "pss"}) == 2);
  CHECK(run({"-a", "hello", "ps"}) == 2);
  CHECK(noted() ==
        "Error: Options such as '-a' stand behind the command.\n→ Try: berth COMMAND -a\n");
  CHECK(run({"\x1b[2J"}) == 2);
  CHECK(noted().find('\x1b') == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "mistakes in options and arguments name the word and exit with 2") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"ps", "--jsn"}, "'berth ps' has no option '--jsn'. Did you mean '--json'?"},
      {{"ps", "extra"}, "'berth ps' takes no argument 'extra'."},
      {{"rename", "-a", "x"}, "'berth rename' needs NEW_NAME."},
      {{"rename", "a", "b"}, "'berth rename' takes no argument 'b'."},
      {{"logs", "-n", "many"}, "--num wants a whole number of at least 0, not 'many'."},
      {{"logs", "-n", "-5"}, "--num"},
      {{"releases", "-n", "99999999999"}, "--num wants a whole number of at least 1"},
      {{"info", "--app"}, "--app"},
      {{"completion", "fish"}, "There is completion for bash and zsh, not for 'fish'."},
  };
  for (const auto& [words, message] : mistakes) {
    CHECK(run(words) == 2);
    CHECK_CONTAINS(noted(), message);
    CHECK_CONTAINS(noted(), "→ Try: berth ");
    CHECK(printed() == "");
  }
  CHECK(server.asked().empty());
}

TEST_CASE("options may stand before, behind and inside arguments, repeated ones add up") {
  const cli::Command& run_command = *find_command("run");
  const auto arguments =
      parse_arguments(run_command, {"-e", "A=1", "--env=B=2", "-a", "x", "ls", "-e", "C"});
  REQUIRE(arguments.has_value());
  CHECK(arguments->list("env") == std::vector<std::string>{"A=1", "B=2"});
  CHECK(arguments->list("command") == std::vector<std::string>{"ls", "-e", "C"});
  const auto dashes = parse_arguments(run_command, {"--", "--", "-x"});
  CHECK(dashes->list("command") == std::vector<std::string>{"--", "-x"});
  const auto scale =
      parse_arguments(*find_command("ps:scale"), {"web=1", "-a", "x", "-a", "y", "worker=2"});
  CHECK(scale->list("change") == std::vector<std::string>{"web=1", "worker=2"});
  CHECK(scale->text("app") == "y");
  const auto brackets = parse_arguments(*find_command("config:set"), {"A=[x,y]", "--", "-B=1"});
  CHECK(brackets->list("name=value") == std::vector<std::string>{"A=[x,y]", "-B=1"});
}

TEST_CASE("commands, options, apps and process types complete where they may stand") {
  CHECK(texts({"ps:"}) ==
        std::vector<std::string>{"ps:restart", "ps:stop", "ps:scale", "ps:type", "ps:exec"});
  CHECK(texts({"ps", "--j"}) == std::vector<std::string>{"--json"});
  CHECK(texts({"info", "-a", "hel"}) == std::vector<std::string>{"hello", "help-desk"});
  CHECK(texts({"ps:scale", "-a", "my-", "w"}) == std::vector<std::string>{"worker="});
  CHECK(texts({"ps:scale", "-a", "my-", ""}) == std::vector<std::string>{"my-web=", "worker="});
  CHECK(texts({"ps:scale", "web=1", "wo"}) == std::vector<std::string>{"worker="});
  CHECK(texts({"ps:restart", "web", ""}).empty());
  CHECK(texts({"completion", ""}) == std::vector<std::string>{"bash", "zsh"});
  CHECK(texts({"help", "rollb"}) == std::vector<std::string>{"rollback"});
  CHECK(texts({"run", "-a", "x", "--", "l"}).empty());
  CHECK(texts({"nonsense", ""}).empty());
  CHECK(texts({}).empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "completion asks the platform for names and is silent if there is none") {
  server.json("GET /apps", R"([{"name":"hello"},{"name":"other"}])");
  server.json("GET /apps/hello/formation", R"([{"type":"web"},{"type":"worker"}])");
  CHECK(run({"__complete", "--", "info", "-a", ""}) == 0);
  CHECK(printed() == "hello\nother\n");
  CHECK(run({"__complete", "--described", "--", "ps:scale", "-a", "hello", "wo"}) == 0);
  CHECK(printed() == "worker=\t\n");
  CHECK(run({"__complete", "--described", "--", "ps:st"}) == 0);
  CHECK(printed() == "ps:stop\tStop one replica; the formation starts another in its place\n");
  environment.variables["BERTH_URL"] = "http://127.0.0.1:1";
  CHECK(run({"__complete", "--", "info", "-a", ""}) == 0);
  CHECK(printed() == "");
  CHECK(noted() == "");
}

TEST_CASE_FIXTURE(Fixture,
                  "bash completes commands with colons and scales without a blank behind them") {
  server.json("GET /apps/hello/formation", R"([{"type":"web"},{"type":"worker"}])");
  const auto completed = [&](const std::string& line) {
    // As bash calls it: COMP_LINE up to the cursor, and nothing of COMP_WORDS is used.
    const std::string script =
        std::string(bash_completion_script) +
        "COMP_LINE=$1 COMP_POINT=${#1}; _berth; printf '%s\\n' \"${COMPREPLY[@]}\"";
    const auto output = run_program(
        {.argv = {"bash", "--norc", "-c", script, "bash",
                  std::string(BERTH_BINARY_DIR) + "/berth_cli_program " + line},
         .env = {{"BERTH_URL", server.url()}, {"BERTH_TOKEN", "x"}, {"HOME", directory.path()}}});
    REQUIRE(output.has_value());
    CHECK(output->err == "");
    return output->out;
  };
  CHECK(completed("config:") == "get\nset\nunset\n");
  CHECK(completed("pipelines:p") == "promote\n");
  CHECK(completed("ps:scale -a hello wo") == "worker=\n");
  CHECK(completed("ps --js") == "--json\n");
}
