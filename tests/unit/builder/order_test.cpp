// SPDX-License-Identifier: Apache-2.0
// The cases follow specs/cnb.md 1.2 and 1.3.
#include "builder/order.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth::builder;

namespace {

Order order_of(const std::string& text) {
  Order order(1);
  std::string member;
  for (const char c : text + ",") {
    if (c != ',' && c != ';') {
      member += c;
      continue;
    }
    const bool optional = member.ends_with('?');
    if (optional) member.pop_back();
    order.back().push_back({.id = member, .version = "", .optional = optional});
    if (c == ';') order.emplace_back();
    member.clear();
  }
  return order;
}

struct Fixture {
  BuildpackSet set;
  Fixture() {
    for (const char* id : {"A", "B", "C", "D", "E", "F"}) component(id);
  }
  void component(const std::string& id, const std::string& version = "1.0.0") {
    Buildpack buildpack;
    buildpack.api = 10;
    buildpack.id = id;
    buildpack.version = version;
    set.add(buildpack);
  }
  void composite(const std::string& id, const std::string& order) {
    Buildpack buildpack;
    buildpack.api = 10;
    buildpack.id = id;
    buildpack.version = "1.0.0";
    buildpack.order = order_of(order);
    set.add(buildpack);
  }
  /// "A,B?;C" again.
  std::string expand(const std::string& order) const {
    const auto groups = expand_order(order_of(order), set, "production");
    if (groups.has_error()) return groups.error().message;
    std::string text;
    for (const auto& group : *groups) {
      if (!text.empty()) text += ";";
      for (const auto& element : group)
        text += (text.empty() || text.back() == ';' ? "" : ",") + element.buildpack->id +
                (element.optional ? "?" : "");
    }
    return text;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "1.3: groups come in their order, optional members keep their mark") {
  CHECK(expand("A,B?;C") == "A,B?;C");
}

TEST_CASE_FIXTURE(Fixture, "1.3: a composite is replaced by each of its groups in place") {
  composite("O", "A,B;C,D");
  CHECK(expand("E,O,F") == "E,A,B,F;E,C,D,F");
}

TEST_CASE_FIXTURE(Fixture, "1.3: an optional composite also yields the group without it, last") {
  composite("O", "A;B");
  CHECK(expand("E,O?,F") == "E,A,F;E,B,F;E,F");
}

TEST_CASE_FIXTURE(Fixture, "1.3: composites nest, depth first, left to right") {
  composite("P", "A;B");
  composite("O", "P,C;D");
  CHECK(expand("O,E") == "A,C,E;B,C,E;D,E");
}

TEST_CASE_FIXTURE(Fixture, "1.3: two composites give the cross product") {
  composite("O", "A;B");
  composite("P", "C;D");
  CHECK(expand("O,P") == "A,C;A,D;B,C;B,D");
}

TEST_CASE_FIXTURE(Fixture, "1.3: a buildpack never stands twice in one group") {
  composite("O", "A,B");
  CHECK(expand("A,O,B?,C") == "A,B,C");
}

TEST_CASE_FIXTURE(Fixture, "1.3: a composite that contains itself is an error") {
  composite("O", "P");
  composite("P", "A,O");
  CHECK(expand("O") == "the buildpack O contains itself");
}

TEST_CASE_FIXTURE(Fixture, "1.3: a composite may stand twice side by side") {
  composite("O", "A;B");
  CHECK(expand("O,O") == "A;A,B;B,A;B");
}

TEST_CASE_FIXTURE(Fixture, "1.3: a buildpack that is not installed is an error that names it") {
  CHECK(expand("A,Z") == "the buildpack Z is named in an order but not installed");
}

TEST_CASE_FIXTURE(Fixture, "1.3: an order that explodes is an error") {
  for (int i = 0; i < 13; ++i)
    composite("O" + std::to_string(i),
              "A"
              "?;B?");
  std::string all = "O0";
  for (int i = 1; i < 13; ++i) all += ",O" + std::to_string(i) + "?";
  CHECK(expand(all) == "the order expands to more than 4096 groups");
}

TEST_CASE_FIXTURE(Fixture, "1.3: without a version the highest is taken, by number") {
  component("A", "1.9.0");
  component("A", "1.10.0");
  CHECK(set.find({.id = "A"})->version == "1.10.0");
  CHECK(set.find({.id = "A", .version = "1.9.0"})->version == "1.9.0");
  CHECK(set.find({.id = "A", .version = "2.0.0"}) == nullptr);
}

TEST_CASE("1.2: buildpack.toml is read, with targets and both forms of exec-env") {
  const auto buildpack = parse_buildpack(R"(api = "0.12"
[buildpack]
id = "berth/nodejs"
version = "1.2.3"
name = "Node.js"
clear-env = true
[[buildpack.exec-env]]
name = "test"
[[targets]]
os = "linux"
arch = "amd64"
[[targets.distros]]
name = "debian"
version = "12"
)");
  REQUIRE(buildpack.has_value());
  CHECK(buildpack->api == 12);
  CHECK(buildpack->key() == "berth/nodejs@1.2.3");
  CHECK(escape_id(buildpack->id) == "berth_nodejs");
  CHECK(buildpack->clear_env);
  CHECK(buildpack->exec_env == std::vector<std::string>{"test"});
  CHECK(matches(*buildpack, {"linux", "amd64", "", "debian", "12"}));
  CHECK_FALSE(matches(*buildpack, {"linux", "arm64", "", "debian", "12"}));
  CHECK_FALSE(matches(*buildpack, {"linux", "amd64", "", "debian", "13"}));
  CHECK_FALSE(matches(*buildpack, {"linux", "amd64", "", "", ""}));
  CHECK_FALSE(for_environment(buildpack->exec_env, "production"));
  CHECK(for_environment({}, "production"));
  CHECK(for_environment({"*"}, "production"));
}

TEST_CASE("1.2: the deprecated stack '*' matches every target, and no target is linux") {
  const auto any = parse_buildpack(
      "api = \"0.9\"\n[buildpack]\nid = \"a\"\nversion = \"1.0.0\"\n[[stacks]]\nid = \"*\"");
  REQUIRE(any.has_value());
  CHECK(matches(*any, {"linux", "arm64", "", "debian", "12"}));
  const auto none = parse_buildpack("api = \"0.9\"\n[buildpack]\nid = \"a\"\nversion = \"1.0.0\"");
  REQUIRE(none.has_value());
  CHECK(matches(*none, {"linux", "amd64", "", "", ""}));
  CHECK_FALSE(matches(*none, {"windows", "amd64", "", "", ""}));
}

TEST_CASE("1.2: wrong ids, versions and APIs are refused by name") {
  const auto with = [](const std::string& api, const std::string& id, const std::string& version) {
    return parse_buildpack("api = \"" + api + "\"\n[buildpack]\nid = \"" + id + "\"\nversion = \"" +
                           version + "\"");
  };
  CHECK(with("0.10", "a/b", "1.0.0").has_value());
  for (const char* id : {"app", "config", "generated", "sbom", "", "a b", "../x", "/x", "a_b"})
    CHECK(with("0.10", id, "1.0.0").has_error());
  for (const char* version : {"1", "1.0", "01.0.0", "1.0.0.0", "v1.0.0", "1.0.x", ""})
    CHECK(with("0.10", "a", version).has_error());
  for (const char* api : {"0.6", "0.13", "1.0", "0.10x", "0.", "", "10"})
    CHECK(with(api, "a", "1.0.0").has_error());
  CHECK(with("0.6", "a", "1.0.0").error().message ==
        "buildpack API 0.6 is not supported (0.7 to 0.12 are) (lifecycle exit code 12)");
}

TEST_CASE("1.3: order.toml without an order is an error") {
  CHECK(parse_order("").has_error());
  CHECK(parse_order("[[order]]").has_error());
  CHECK(parse_order("[[order]]\n[[order.group]]\nid = \"a\"\noptional = true")->at(0)[0].optional);
}
