// SPDX-License-Identifier: Apache-2.0
#include "platform/placement.hpp"

#include <doctest/doctest.h>

namespace berth::platform {
namespace {

TEST_CASE("a placement is labels and what makes containers, and reads back as it was") {
  const auto placement = parse_placement("region=eu pool=far oci=runsc");
  REQUIRE(placement.has_value());
  CHECK(placement->labels == std::map<std::string, std::string>{{"pool", "far"}, {"region", "eu"}});
  CHECK(placement->oci == "runsc");
  CHECK(placement_text(*placement) == "pool=far region=eu oci=runsc");
  CHECK(*parse_placement(placement_text(*placement)) == *placement);
  CHECK(*parse_placement("") == Placement{});
  CHECK(placement_text({}).empty());
}

TEST_CASE("what is no placement is refused with what may be given") {
  const auto refusal = [](std::string_view text) {
    const auto placement = parse_placement(text);
    return placement.has_error() ? placement.error().message : "accepted";
  };
  CHECK(refusal("far") == "'far' is not KEY=VALUE, such as pool=default or oci=runsc");
  CHECK(refusal("oci=/bin/sh") ==
        "oci=/bin/sh: containers are made by native, crun, runc or runsc");
  CHECK(refusal("pool=Far") == "'Far' must be 1 to 40 lower-case letters, digits, dots and dashes");
  CHECK(refusal("pool=a pool=b") == "pool is given twice");
  CHECK(refusal("oci=crun oci=crun") == "oci is given twice");
  for (const char* text : {"=a", "a=", "pool=a;b", "pool==a", "a b=c", "-a=b", "pool=a\nb"})
    CHECK_MESSAGE(refusal(text) != "accepted", text);
  std::string many;
  for (int i = 0; i < 11; ++i) many += "k" + std::to_string(i) + "=v ";
  CHECK(refusal(many).starts_with("more than 10 labels"));
}

TEST_CASE("an app without labels runs in the default pool, others where all of theirs are") {
  const Pools pools = {{"default", {}},
                       {"far", {.labels = {{"region", "eu"}}}},
                       {"fast", {.labels = {{"disk", "fast"}, {"region", "eu"}}}}};
  const auto names = [&](std::string_view text) {
    return pools_for(*parse_placement(text), pools);
  };
  using Names = std::vector<std::string>;
  CHECK(names("") == Names{"default"});
  CHECK(names("oci=runsc") == Names{"default"});
  CHECK(names("region=eu") == Names{"far", "fast"});
  CHECK(names("region=eu disk=fast") == Names{"fast"});
  CHECK(names("pool=far") == Names{"far"});
  CHECK(names("pool=far disk=fast").empty());
}

}  // namespace
}  // namespace berth::platform
