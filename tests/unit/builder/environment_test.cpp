// SPDX-License-Identifier: Apache-2.0
// The cases follow the tables of specs/cnb.md 1.9.
#include "builder/environment.hpp"

#include <doctest/doctest.h>

using namespace berth::builder;

namespace {

std::string applied(const std::string& before, std::vector<EnvFile> files,
                    BareEnvFile bare = BareEnvFile::overrides) {
  Environment environment;
  if (before != "(unset)") environment["V"] = before;
  apply_env_files(environment, std::move(files), bare);
  return environment.contains("V") ? environment["V"] : "(unset)";
}

}  // namespace

TEST_CASE("1.9 suffixes: none and .override set the variable") {
  CHECK(applied("old", {{"V", "new"}}) == "new");
  CHECK(applied("old", {{"V.override", "new"}}) == "new");
}

TEST_CASE("1.9 suffixes: .append and .prepend without a delimiter file join directly") {
  CHECK(applied("old", {{"V.append", "new"}}) == "oldnew");
  CHECK(applied("old", {{"V.prepend", "new"}}) == "newold");
}

TEST_CASE("1.9 suffixes: .delim is the delimiter, and only between two values") {
  CHECK(applied("old", {{"V.append", "new"}, {"V.delim", ":"}}) == "old:new");
  CHECK(applied("old", {{"V.prepend", "new"}, {"V.delim", ":"}}) == "new:old");
  CHECK(applied("(unset)", {{"V.append", "new"}, {"V.delim", ":"}}) == "new");
  CHECK(applied("", {{"V.prepend", "new"}, {"V.delim", ":"}}) == "new");
  CHECK(applied("old", {{"V.append", "new"}, {"W.delim", ":"}}) == "oldnew");
}

TEST_CASE("1.9 suffixes: .default sets only what is unset or empty") {
  CHECK(applied("old", {{"V.default", "new"}}) == "old");
  CHECK(applied("", {{"V.default", "new"}}) == "new");
  CHECK(applied("(unset)", {{"V.default", "new"}}) == "new");
}

TEST_CASE("1.9 suffixes: in the operator's directory no suffix is a default") {
  CHECK(applied("old", {{"V", "new"}}, BareEnvFile::is_default) == "old");
  CHECK(applied("(unset)", {{"V", "new"}}, BareEnvFile::is_default) == "new");
  CHECK(applied("old", {{"V.override", "new"}}, BareEnvFile::is_default) == "new");
}

TEST_CASE("1.9 suffixes: an unknown suffix is ignored; the name ends at the first dot") {
  CHECK(applied("old", {{"V.unknown", "new"}}) == "old");
  CHECK(applied("old", {{"V.append.sh", "new"}}) == "old");
}

TEST_CASE("1.9 suffixes: content is taken as it is, white space and all") {
  CHECK(applied("", {{"V", " a\nb \n"}}) == " a\nb \n");
}

TEST_CASE("1.9 suffixes: files of one directory apply in the order of their names") {
  CHECK(applied("o", {{"V.prepend", "p"}, {"V.append", "a"}}) == "poa");
  // "V" before "V.append": override, then append.
  CHECK(applied("o", {{"V.append", "a"}, {"V", "new"}}) == "newa");
}

TEST_CASE("1.9 suffixes: names that cannot be variables are ignored") {
  Environment environment;
  apply_env_files(environment, {{".append", "x"}, {"A=B", "x"}, {"", "x"}});
  CHECK(environment.empty());
}

TEST_CASE("1.9 layer roots: at build every root has its variables, new before old") {
  Environment environment{{"PATH", "/bin"}};
  apply_layer_roots(environment, "/layers/a/x", {"bin", "lib", "include", "pkgconfig"}, Stage::build);
  CHECK(environment == Environment{{"PATH", "/layers/a/x/bin:/bin"},
                                   {"LD_LIBRARY_PATH", "/layers/a/x/lib"},
                                   {"LIBRARY_PATH", "/layers/a/x/lib"},
                                   {"CPATH", "/layers/a/x/include"},
                                   {"PKG_CONFIG_PATH", "/layers/a/x/pkgconfig"}});
}

TEST_CASE("1.10 layer roots: at launch only bin and lib count") {
  Environment environment;
  apply_layer_roots(environment, "/l", {"bin", "lib", "include", "pkgconfig"}, Stage::launch);
  CHECK(environment == Environment{{"PATH", "/l/bin"}, {"LD_LIBRARY_PATH", "/l/lib"}});
}

TEST_CASE("1.9 layer roots: the alphabetically last layer ends up first") {
  Environment environment{{"PATH", "/bin"}};
  apply_layer_roots(environment, "/layers/a/python", {"bin"}, Stage::build);
  apply_layer_roots(environment, "/layers/a/venv", {"bin"}, Stage::build);
  CHECK(environment["PATH"] == "/layers/a/venv/bin:/layers/a/python/bin:/bin");
}

TEST_CASE("1.9 user environment: path variables are prepended, all others override") {
  Environment environment{{"PATH", "/bin"}, {"A", "old"}};
  apply_user_environment(environment, {{"PATH", "/mine"}, {"A", "new"}, {"CPATH", "/c"}});
  CHECK(environment == Environment{{"PATH", "/mine:/bin"}, {"A", "new"}, {"CPATH", "/c"}});
}

TEST_CASE("1.9 user environment: the prefix CNB_ is reserved") {
  Environment environment;
  apply_user_environment(environment, {{"CNB_LAYERS_DIR", "/etc"}});
  CHECK(environment.empty());
}

TEST_CASE("1.9: of the lifecycle's own environment buildpacks see paths, HOME and proxies") {
  CHECK(visible_to_buildpacks({{"PATH", "p"}, {"HOME", "h"}, {"https_proxy", "x"}, {"SECRET", "s"},
                               {"CNB_USER_ID", "1000"}}) ==
        Environment{{"PATH", "p"}, {"HOME", "h"}, {"https_proxy", "x"}});
}
