// SPDX-License-Identifier: Apache-2.0
#include "buildpacks/static/server/rules.hpp"

#include <doctest/doctest.h>

namespace berth::site {
namespace {

TEST_CASE("rules are read one a line, fields apart by tabs") {
  std::string error;
  const auto rules = parse_rules(
      "https_only\nclean_urls\nerror_page\t/errors/404.html\n"
      "redirect\t/old/**\thttps://new.example/\t302\n"
      "route\t/**\t/index.html\n\n"
      "header\t/assets/**\tCache-Control\tpublic, max-age=31536000\n",
      error);
  REQUIRE(rules.has_value());
  CHECK(*rules == Rules{.https_only = true,
                      .clean_urls = true,
                      .error_page = "/errors/404.html",
                      .redirects = {{"/old/**", "https://new.example/", 302}},
                      .routes = {{"/**", "/index.html"}},
                      .headers = {{"/assets/**", "Cache-Control", "public, max-age=31536000"}}});
}

TEST_CASE("a line that is no rule is named") {
  for (const std::string line : {"nonsense", "route\tno-slash\t/a", "route\t/a",
           "redirect\t/a\t/b\t200", "redirect\t/a\t/b\t", "header\t/\tBad Name\tx",
           "header\t/\tX\ta\rb", "header\t/\tX\ta\tmore",
           "header\t/\tContent-Length\t7", "header\t/\ttransfer-encoding\tchunked"}) {
    std::string error;
    CHECK_FALSE(parse_rules("clean_urls\n" + line + "\n", error).has_value());
    CHECK(error == line);
  }
}

TEST_CASE("one star stays within a segment, two go anywhere") {
  CHECK(pattern_matches("/a", "/a"));
  CHECK_FALSE(pattern_matches("/a", "/ab"));
  CHECK(pattern_matches("/*", "/a"));
  CHECK(pattern_matches("/*", "/"));
  CHECK_FALSE(pattern_matches("/*", "/a/b"));
  CHECK(pattern_matches("/**", "/"));
  CHECK(pattern_matches("/**", "/a/b/c"));
  CHECK(pattern_matches("/*.html", "/about.html"));
  CHECK_FALSE(pattern_matches("/*.html", "/docs/about.html"));
  CHECK(pattern_matches("/**/*.css", "/a/b/c.css"));
  CHECK_FALSE(pattern_matches("/**/*.css", "/a/b/c.js"));
  CHECK(pattern_matches("/**/x/*/y", "/x/1/x/2/y"));
  CHECK_FALSE(pattern_matches("/**/x/*/y", "/x/1/2/y"));
}

TEST_CASE("a pattern full of stars takes no longer than its length times the path's") {
  const std::string path = "/" + std::string(20'000, 'a');
  std::string pattern = "/";
  for (int i = 0; i < 50; ++i) pattern += "*a";
  CHECK_FALSE(pattern_matches(pattern + "b", path));
}

TEST_CASE("the first route and redirect that match win; of two headers of a name the later one") {
  const Rules rules{.redirects = {{"/a", "/b"}, {"/*", "/c", 302}},
      .routes = {{"/admin/**", "/admin.html"}, {"/**", "/index.html"}},
      .headers = {{"/**", "X-A", "1"}, {"/docs/*", "x-a", "2"}, {"/docs/*", "X-B", "3"}}};
  CHECK(find_redirect(rules, "/a")->to == "/b");
  CHECK(find_redirect(rules, "/x")->status == 302);
  CHECK(find_redirect(rules, "/x/y") == nullptr);
  CHECK(find_route(rules, "/admin/users") == "/admin.html");
  CHECK(find_route(rules, "/x") == "/index.html");
  CHECK(headers_for(rules, "/docs/a") ==
        std::vector<HeaderRule>{{"/docs/*", "x-a", "2"}, {"/docs/*", "X-B", "3"}});
  CHECK(headers_for(rules, "/") == std::vector<HeaderRule>{{"/**", "X-A", "1"}});
}

}  // namespace
}  // namespace berth::site
