// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

platform::App preview_of(ApiFixture& api, const platform::App& app, std::string_view name) {
  return api.on_strand([&] {
    return api.store
        .create_preview(app.id, *platform::PreviewName::parse(name),
                        {.env = {},
                         .formation = {},
                         .expires_at = parse_rfc3339("2026-12-03T00:00:00Z").value(),
                         .most = 10},
                        {"ada"})
        .value();
  });
}

std::vector<std::string> calls_of(ApiFixture& api) {
  return api.on_strand([&] { return std::exchange(api.control.calls, {}); });
}

}  // namespace

TEST_CASE("previews are apps of their own that name what they are of") {
  ApiFixture api;
  const platform::App app = api.deployed_app("shop");
  (void)preview_of(api, app, "fix-42");
  const auto all = body_of(api.call("GET", "/apps/shop/previews"));
  CHECK(text_at(all, "/0/name") == "fix-42--shop");
  CHECK(text_at(all, "/0/web_url") == "http://fix-42--shop.localhost:8080/");
  CHECK(text_at(all, "/0/preview/name") == "fix-42");
  CHECK(text_at(all, "/0/preview/app/name") == "shop");
  CHECK(text_at(all, "/0/preview/expires_at") == "2026-12-03T00:00:00Z");
  CHECK(body_of(api.call("GET", "/apps/fix-42--shop")) == all.at(0));
  CHECK(text_at(body_of(api.call("GET", "/apps/shop")), "/preview") == "null");
  CHECK(api.call("POST", "/apps", R"({"name":"fix-43--shop"})").status == 422);
}

TEST_CASE("a preview is destroyed by its name, and with its app") {
  ApiFixture api;
  const platform::App app = api.deployed_app("shop");
  (void)preview_of(api, app, "one");
  (void)preview_of(api, app, "two");
  (void)calls_of(api);
  CHECK(api.call("DELETE", "/apps/shop/previews/one").status == 200);
  CHECK(calls_of(api) == std::vector<std::string>{"destroyed one--shop"});
  const auto gone = api.call("DELETE", "/apps/shop/previews/one");
  CHECK(gone.status == 404);
  CHECK(text_at(body_of(gone), "/resource") == "preview");
  CHECK(api.call("DELETE", "/apps/shop").status == 200);
  CHECK(calls_of(api) == std::vector<std::string>{"destroyed shop", "destroyed two--shop"});
  CHECK(body_of(api.call("GET", "/apps")).get_array().empty());
}

TEST_CASE("previews follow when their app is renamed") {
  ApiFixture api;
  const platform::App app = api.deployed_app("shop");
  const platform::App preview = preview_of(api, app, "fix-42");
  (void)calls_of(api);
  CHECK(api.call("PATCH", "/apps/shop", R"({"name":"store"})").status == 200);
  CHECK(calls_of(api) == std::vector<std::string>{"reconcile " + app.id.value,
                                                  "reconcile " + preview.id.value});
  CHECK(api.call("GET", "/apps/fix-42--store").status == 200);
  CHECK(api.call("PATCH", "/apps/fix-42--store", R"({"name":"other"})").status == 409);
}
