// SPDX-License-Identifier: Apache-2.0
// What a buildpack is and in which order they are tried (specs/cnb.md 1.1-1.4); the section leads
// each title.
#include <doctest/doctest.h>

#include "tests/support/build_fixture.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;

namespace {

struct BuildpacksFixture : BuildFixture {
  std::filesystem::path buildpacks() const { return root() / "buildpacks"; }
  void component(const std::string& id, const std::string& detect = "exit 0") {
    install({.id = id, .detect = detect});
  }
  void raw(const std::string& path, const std::string& text, unsigned mode = 0644) {
    REQUIRE(make_directories((buildpacks() / path).parent_path()).has_value());
    REQUIRE(write_file(buildpacks() / path, text, mode).has_value());
  }
  /// The ids of the group that built, as the log names them.
  std::string group() {
    push({{"x", std::to_string(++pushes)}});
    must_build();
    const auto at = log.find("-----> Buildpacks: ");
    REQUIRE(at != std::string::npos);
    std::string line = log.substr(at + 19, log.find('\n', at) - at - 19);
    for (std::size_t version; (version = line.find(" 1.0.0")) != std::string::npos;)
      line.erase(version, 6);
    return line;
  }
  std::string failure() {
    push({{"x", std::to_string(++pushes)}});
    const auto result = build();
    REQUIRE(result.has_error());
    return result.error().message;
  }
  bool says(const std::string& part) const { return log.find(part) != std::string::npos; }
  int pushes = 0;
};

}  // namespace

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.1: a slash of an id is an underscore in the paths that the buildpack sees") {
  install({.id = "acme/lang",
           .build = "echo \"$CNB_LAYERS_DIR $1 $CNB_BUILDPACK_DIR $0 $CNB_APP_DIR\""});
  order("acme/lang");
  push({{"x", "x"}});
  must_build();
  CHECK(
      says("/layers/acme_lang /layers/acme_lang /cnb/buildpacks/acme_lang/1.0.0 "
           "/cnb/buildpacks/acme_lang/1.0.0/bin/build /app\n"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.2: every buildpack API from 0.7 to 0.12 builds, others are refused") {
  for (const char* api : {"0.7", "0.8", "0.9", "0.10", "0.11", "0.12"}) {
    install({.id = "a", .build = "echo built", .api = api});
    order("a");
    CHECK(group() == "a");
    CHECK(says("built"));
  }
  for (const char* api : {"0.6", "0.13", "1.0", "x"}) {
    install({.id = "a", .api = api});
    CHECK(contains(failure(), std::string("buildpack API ") + api +
                                  " is not supported (0.7 to 0.12 are) (lifecycle exit code 12)"));
  }
}

TEST_CASE_FIXTURE(BuildpacksFixture, "1.2: a buildpack for another target breaks a group") {
  install({.id = "a", .toml = "[[targets]]\nos = \"windows\""});
  component("b");
  order("a;b");
  CHECK(group() == "b");
  order("a?,b");
  CHECK(group() == "b");
  order("a");
  CHECK(contains(failure(), "at least one failed while it looked"));
  CHECK(says("a: it is not for linux/"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.2: a target matches by what it names: distribution, variant or nothing") {
  install({.id = "any", .toml = "[[targets]]"});
  install({.id = "debian",
           .toml = "[[targets]]\nos = \"linux\"\n[[targets.distros]]\nname = \"ubuntu\"\nversion = "
                   "\"24.04\"\n[[targets.distros]]\nname = \"debian\"\nversion = \"12\""});
  install({.id = "stack", .toml = "[[stacks]]\nid = \"*\""});
  install({.id = "other",
           .toml = "[[targets]]\nos = \"linux\"\n[[targets.distros]]\nname = \"ubuntu\"\nversion = "
                   "\"24.04\""});
  order("any,debian,stack,other?");
  CHECK(group() == "any, debian and stack");
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.2: a buildpack of another execution environment stays out, in both forms") {
  install({.id = "list", .api = "0.12", .buildpack_toml = "exec-env = [\"test\"]"});
  install({.id = "tables", .api = "0.12", .toml = "[[buildpack.exec-env]]\nname = \"test\""});
  install({.id = "every", .api = "0.12", .buildpack_toml = "exec-env = [\"*\"]"});
  install({.id = "old", .api = "0.11", .buildpack_toml = "exec-env = [\"test\"]"});
  order("list?,tables?,every,old");
  CHECK(group() == "every and old");
}

TEST_CASE_FIXTURE(BuildpacksFixture, "1.2: an id is unique whatever its case, and not reserved") {
  component("acme");
  component("ACME");
  order("acme");
  CHECK(contains(failure(), "differ only in case"));
  std::filesystem::remove_all(buildpacks() / "ACME-1.0.0");
  for (const char* id : {"app", "config", "generated", "sbom"}) {
    component(id);
    CHECK(contains(failure(), std::string("'") + id + "' is not a buildpack id"));
    std::filesystem::remove_all(buildpacks() / (std::string(id) + "-1.0.0"));
  }
  install({.id = "acme", .version = "1.0"});
  CHECK(contains(failure(), "'1.0' is not a version of the form X.Y.Z"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.2: a component has bin/detect and bin/build, else the folder is refused") {
  component("a");
  order("a");
  std::filesystem::remove(buildpacks() / "a-1.0.0/bin/build");
  CHECK(contains(failure(), "buildpack a@1.0.0 has no executable bin/build and no [[order]]"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.3: without a version the highest there is, with one that one") {
  install({.id = "a", .build = "echo nine", .version = "0.9.0"});
  install({.id = "a", .build = "echo ten", .version = "0.10.0"});
  order("a");
  group();
  CHECK(says("ten"));
  raw("order.toml", "[[order]]\n[[order.group]]\nid = \"a\"\nversion = \"0.9.0\"\n");
  group();
  CHECK(says("nine"));
}

TEST_CASE_FIXTURE(
    BuildpacksFixture,
    "1.3: a composite stands for each of its groups in turn, an optional one for none") {
  for (const char* id : {"a", "b", "e", "f"}) component(id);
  component("no", "exit 100");
  install_composite("o", "a,no;b");
  order("e,o,f");
  CHECK(group() == "e, b and f");
  install_composite("o", "a,no");
  order("e,o?,f");
  CHECK(group() == "e and f");
}

TEST_CASE_FIXTURE(
    BuildpacksFixture,
    "1.3: composites nest, a buildpack stands in a group once, a circle is an error") {
  component("a");
  component("b");
  install_composite("inner", "a,b");
  install_composite("outer", "a,inner");
  order("outer,b");
  CHECK(group() == "a and b");
  install_composite("inner", "outer");
  order("outer");
  CHECK(contains(failure(), "outer contains itself"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.3: system.toml puts buildpacks before and after those of every group") {
  for (const char* id : {"a", "first", "last"}) component(id);
  component("may", "exit 100");
  order("first?,a");
  raw("system.toml",
      "[[system.pre.buildpacks]]\nid = \"may\"\noptional = true\n[[system.pre.buildpacks]]\n"
      "id = \"first\"\n[[system.post.buildpacks]]\nid = \"last\"\n");
  CHECK(group() == "first, a and last");
  component("last", "exit 100");
  CHECK(contains(failure(), "no buildpack recognised this app"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.3: a group's member for another execution environment is left out") {
  component("a");
  component("b");
  raw("order.toml",
      "[[order]]\n[[order.group]]\nid = \"a\"\nexec-env = [\"test\"]\n[[order.group]]\n"
      "id = \"b\"\nexec-env = [\"production\", \"test\"]\n");
  CHECK(group() == "b");
}

TEST_CASE_FIXTURE(BuildpacksFixture, "1.3: a buildpack that is not installed is named") {
  component("a");
  order("a,gone");
  CHECK(failure() == "the buildpack gone is named in an order but not installed");
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.4: the first alternative that resolves wins, over the whole group") {
  component("p",
            "printf '[[provides]]\\nname=\"x\"\\n[[or]]\\n[[or.provides]]\\nname=\"y\"\\n' > "
            "$PLAN");
  install({.id = "r",
           .detect =
               "printf '[[requires]]\\nname=\"z\"\\n[[or]]\\n[[or.requires]]\\nname=\"y\"\\n' "
               "> $PLAN",
           .build = "exit 0"});
  install({.id = "p",
           .detect =
               "printf '[[provides]]\\nname=\"x\"\\n[[or]]\\n[[or.provides]]\\nname=\"y\"\\n' "
               "> $PLAN",
           .build = "cat $3"});
  order("p,r");
  CHECK(group() == "p and r");
  CHECK(says("[[entries]]\nname = \"y\"\n"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.4: what is needed before it is provided fails, or drops an optional member") {
  component("early", "printf '[[requires]]\\nname=\"x\"\\n' > $PLAN");
  component("p", "printf '[[provides]]\\nname=\"x\"\\n' > $PLAN");
  component("r", "printf '[[requires]]\\nname=\"x\"\\n' > $PLAN");
  order("early?,p,r");
  CHECK(group() == "p and r");
  order("early,p,r");
  failure();
  CHECK(says("early needs 'x', which nothing before it provides"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.4: what nobody needs afterwards fails, or drops an optional member") {
  component("r", "printf '[[provides]]\\nname=\"x\"\\n[[requires]]\\nname=\"x\"\\n' > $PLAN");
  component("extra", "printf '[[provides]]\\nname=\"x\"\\n' > $PLAN");
  order("r,extra?");
  CHECK(group() == "r");
  order("r,extra");
  failure();
  CHECK(says("extra provides 'x', which nothing needs"));
}

TEST_CASE_FIXTURE(BuildpacksFixture, "1.4: a version beside a requirement's name is an error") {
  component("a", "printf '[[requires]]\\nname=\"x\"\\nversion=\"1\"\\n' > $PLAN");
  order("a");
  failure();
  CHECK(says("'version' stands under [requires.metadata]"));
}

TEST_CASE_FIXTURE(BuildpacksFixture,
                  "1.11: failed and broken detection have the codes of the reference lifecycle") {
  component("a", "exit 100");
  order("a");
  CHECK(contains(failure(), "(lifecycle exit code 20)"));
  component("a", "exit 2");
  CHECK(contains(failure(), "(lifecycle exit code 21)"));
}

TEST_CASE_FIXTURE(BuildpacksFixture, "1.12: an order of image extensions is refused, not ignored") {
  component("a");
  raw("order.toml",
      "[[order]]\n[[order.group]]\nid = \"a\"\n[[order-extensions]]\n[[order-extensions.group]]\n"
      "id = \"x\"\n");
  CHECK(contains(failure(), "image extensions are not supported"));
}
