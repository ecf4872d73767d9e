// SPDX-License-Identifier: Apache-2.0
#include "builder/dockerfile.hpp"

#include <doctest/doctest.h>

#include "builder/dockerfile_words.hpp"

using namespace berth;
using namespace berth::builder;

namespace {

std::optional<std::string> some(std::string_view name) {
  if (name == "A") return "one";
  if (name == "EMPTY") return "";
  if (name == "SPACED") return "two words";
  return std::nullopt;
}

std::string expanded(std::string_view word) {
  const auto result = expand_word(word, some, '\\');
  return result.has_error() ? "error: " + result.error().message : *result;
}

Dockerfile parsed(std::string_view text) {
  auto file = parse_dockerfile(text, "Dockerfile");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  return *file;
}

std::string wrong(std::string_view text) {
  const auto file = parse_dockerfile(text, "Dockerfile");
  REQUIRE(file.has_error());
  return file.error().message;
}

const Instruction& only(const Dockerfile& file) {
  REQUIRE(file.stages.back().instructions.size() == 1);
  return file.stages.back().instructions[0];
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("variables are replaced with their defaults and alternatives") {
  CHECK(expanded("$A/${A}x$B.") == "one/onex.");
  CHECK(expanded("${B:-else}") == "else");
  CHECK(expanded("${EMPTY:-else}") == "else");
  CHECK(expanded("${EMPTY-else}").empty());
  CHECK(expanded("${A:+set}${B:+set}${EMPTY:+set}") == "set");
  CHECK(expanded("${EMPTY+there}") == "there");
  CHECK(expanded("${B:-${A:+inner $A}}") == "inner one");
  CHECK(expanded("${B:?say why}") == "error: B: say why");
  CHECK(expanded("$") == "$");
  CHECK(expanded("a$ b$/") == "a$ b$/");
  CHECK(holds(expanded("${A"), "goes on with something else"));
  CHECK(holds(expanded("${B:-x"), "'${' has no '}'"));
  CHECK(holds(expanded("${}"), "no name"));
}

TEST_CASE("quotes and escapes end where a shell's do") {
  CHECK(expanded("'$A'") == "$A");
  CHECK(expanded("\"$A b\"") == "one b");
  CHECK(expanded("\\$A") == "$A");
  CHECK(expanded("\"\\$A \\\" \\n\"") == "$A \" \\n");
  CHECK(expanded("a\\ b") == "a b");
  CHECK(expanded("it\"'\"s") == "it's");
  CHECK(holds(expanded("'open"), "single quote"));
  CHECK(holds(expanded("\"open"), "double quote"));
  CHECK(*split_words("a 'b c' d\\ e \"f  g\"h", '\\') ==
        std::vector<std::string>{"a", "'b c'", "d\\ e", "\"f  g\"h"});
}

TEST_CASE("stages, their names and their numbers") {
  const Dockerfile file = parsed(
      "ARG BASE=debian\n"
      "FROM $BASE AS Build\n"
      "RUN make\n"
      "from --platform=linux/amd64 scratch\n"
      "COPY --from=build /a /a\n");
  REQUIRE(file.stages.size() == 2);
  CHECK(file.arguments.size() == 1);
  CHECK(file.stages[0].name == "build");
  CHECK(file.stages[1].platform == "linux/amd64");
  CHECK(file.stages[1].line == 4);
  CHECK(file.find_stage("BUILD", 1) == 0);
  CHECK(file.find_stage("0", 1) == 0);
  CHECK_FALSE(file.find_stage("1", 1));
  CHECK_FALSE(file.find_stage("build", 0));
  CHECK(only(file).flag("from") == "build");
}

TEST_CASE("lines go on, and comments and blanks between do not end them") {
  const Dockerfile file = parsed(
      "# a comment\n"
      "FROM x\n\n"
      "  RUN a && \\\n"
      "    # why\n\n"
      "    b \\  \n"
      "  && c\r\n"
      "# end");
  CHECK(only(file).text == "a &&     b   && c");
  CHECK(only(file).line == 4);
  CHECK(only(parsed("FROM x\nRUN echo a \\\nb\n")).text == "echo a b");
  CHECK(only(file).summary() == "RUN a && b && c");
}

TEST_CASE("the escape can be another, and two of them end no line") {
  const Dockerfile file = parsed("# escape=`\nFROM x\nRUN dir `\n  C:\\\n");
  CHECK(file.escape == '`');
  CHECK(only(file).text == "dir   C:\\");
  CHECK(parsed("FROM x\nRUN a\\\\\nRUN b\n").stages[0].instructions.size() == 2);
  CHECK(parsed("# just text\n# escape=`\nFROM x\n").escape == '\\');
  CHECK(holds(wrong("# escape=x\nFROM x\n"), "Dockerfile, line 1: escape= takes"));
}

TEST_CASE("a list is taken as it is, and what only looks like one goes to the shell") {
  CHECK(only(parsed("FROM x\nCMD [\"a b\", \"$c\"]\n")).words ==
        std::vector<std::string>{"a b", "$c"});
  CHECK_FALSE(only(parsed("FROM x\nRUN [ -f y ] && z\n")).exec);
  CHECK(holds(wrong("FROM x\nCMD ['node', 'x.js']\n"),
              "Dockerfile, line 2 (CMD): a list is written with double quotes"));
  CHECK(holds(wrong("FROM x\nSHELL /bin/bash\n"), "(SHELL): it takes a list"));
  CHECK(only(parsed("FROM x\nCMD []\n")).exec);
}

TEST_CASE("here-documents hold everything up to their name") {
  const Instruction run = only(parsed("FROM x\nRUN <<EOF\n# no comment\nRUN x\n\nEOF\n"));
  REQUIRE(run.heredocs.size() == 1);
  CHECK(run.heredocs[0].content == "# no comment\nRUN x\n\n");
  CHECK(run.heredocs[0].expand);
  const Instruction copy = only(
      parsed("FROM x\nCOPY <<-'a.txt' <<b.txt /dir/\n\t\tone\n\ta.txt\ntwo\nb.txt\n"));
  REQUIRE(copy.heredocs.size() == 2);
  CHECK(copy.heredocs[0] == Heredoc{"a.txt", "one\n", false, true});
  CHECK(copy.heredocs[1].content == "two\n");
  CHECK(only(parsed("FROM x\nRUN cat <<< word; echo $((1<<2))\n")).heredocs.empty());
  CHECK(holds(wrong("FROM x\nRUN <<EOF\na\n"), "the here-document <<EOF has no end"));
}

TEST_CASE("flags are known by instruction") {
  const Instruction run = only(parsed(
      "FROM x\n"
      "RUN --mount=type=cache,target=/c --mount=\"type=bind,target=/a b\" --network=none y\n"));
  CHECK(run.flags.size() == 3);
  CHECK(run.flags[1].second == "type=bind,target=/a b");
  CHECK(run.text == "y");
  CHECK(only(parsed("FROM x\nRUN echo --mount=z\n")).flags.empty());
  CHECK(holds(wrong("FROM x\nCOPY --form=a b c\n"),
              "(COPY): --form is not known here. COPY knows --from, --chown"));
}

TEST_CASE("an error names file, line, instruction and what to write") {
  CHECK(wrong("FROM x\n\nRUNN ls\n") ==
        "Dockerfile, line 3 (RUNN): there is no such instruction. Is RUN meant?");
  CHECK(holds(wrong("FROM x\nRUN a &&\n  b\n"), "must end with the escape '\\'"));
  CHECK(holds(wrong("RUN x\n"), "stands before the first FROM"));
  CHECK(holds(wrong(""), "there is no FROM"));
  CHECK(holds(wrong("FROM\n"), "FROM debian:bookworm-slim AS build"));
  CHECK(holds(wrong("FROM x y\n"), "it is written as in"));
  CHECK(holds(wrong("FROM x AS 1\n"), "is no name for a stage"));
  CHECK(holds(wrong("FROM x AS a\nFROM y AS A\n"), "the stage 'a' is there already, on line 1"));
  CHECK(holds(wrong("FROM x\nCOPY a\n"), "(COPY): it is written as in 'COPY package.json ./'"));
  CHECK(holds(wrong("FROM x\nENV A\n"), "each word is NAME=value"));
  CHECK(holds(wrong("FROM x\nENV A=1 B\n"), "each word is NAME=value"));
  CHECK(holds(wrong("FROM x\nENV A='1\n"), "single quote is not closed"));
  CHECK(holds(wrong("FROM x\nONBUILD FROM y\n"), "cannot be put off"));
  CHECK(holds(wrong("FROM x\nONBUILD COPY y\n"), "(COPY): it is written as"));
  CHECK(holds(wrong(std::string_view("FROM x\0", 7)), "it is no text"));
}
