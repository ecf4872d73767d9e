// SPDX-License-Identifier: Apache-2.0
// The cases follow specs/cnb.md 1.6 and 1.8.
#include "builder/sbom.hpp"

#include <doctest/doctest.h>

#include "builder/slices.hpp"

using namespace berth;
using namespace berth::builder;

TEST_CASE("1.6: a bill of materials is known by its name and kept by its layer") {
  const std::vector<std::string> all = {"application/vnd.cyclonedx+json;version=1.4",
                                        "application/spdx+json", "application/vnd.syft+json"};
  const auto layer = parse_sbom_name("a.b.sbom.cdx.json", all);
  REQUIRE(layer.has_value());
  CHECK(**layer == SbomFile{"a.b", "cdx"});
  CHECK((*layer)->stored_name() == "a.b/sbom.cdx.json");
  CHECK((*layer)->source_name() == "a.b.sbom.cdx.json");
  CHECK((*parse_sbom_name("launch.sbom.spdx.json", all))->stored_name() == "sbom.spdx.json");
  for (const char* none : {"a.toml", "sbom.cdx.json", ".sbom.cdx.json", "a.sbom.json", "a.sbom."})
    CHECK_FALSE((*parse_sbom_name(none, all)).has_value());
  CHECK(parse_sbom_name("a.sbom.xml.json", all).has_error());
  CHECK(parse_sbom_name("a.sbom.cdx.json", {"application/spdx+json"}).has_error());
  CHECK(parse_sbom_name("store.sbom.cdx.json", all).has_error());
}

TEST_CASE("1.8: a slice's pattern is cleaned and stays inside the app") {
  CHECK(clean_slice_pattern("./a//b/", "/app") == "a/b");
  CHECK(clean_slice_pattern("/app/a", "/app") == "a");
  CHECK(clean_slice_pattern("/a", "/app") == "a");
  CHECK(clean_slice_pattern(".", "/app") == ".");
  CHECK(clean_slice_pattern("/app", "/app") == ".");
  CHECK(clean_slice_pattern("../x", "/app").empty());
  CHECK(clean_slice_pattern("a/../../x", "/app").empty());
  CHECK(slice_matches("a/*.js", "a/b.js"));
  CHECK_FALSE(slice_matches("a/*", "a/b/c"));
  CHECK_FALSE(slice_matches("**/c", "a/b/c"));
  CHECK(slice_matches("[a-c]?", "bx"));
  CHECK(slice_matches("\\*", "*"));
}
