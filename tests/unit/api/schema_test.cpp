// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>

#include "base/certificate.hpp"
#include "api/route_table.hpp"
#include "api/schema.hpp"
#include "tests/support/json_schema.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("every route is in the OpenAPI document, and every shape that one names is defined") {
  const json::object document = api::openapi_document(api::Settings{});
  const auto& schemas = document.at("components").at("schemas").as_object();
  std::set<std::string> ids;
  for (const api::Route& route : api::all_routes()) {
    const auto& path = document.at("paths").as_object().at(route.pattern).as_object();
    const auto& operation = path.at(api::lower_case(route.method)).as_object();
    CHECK(ids.insert(std::string(operation.at("operationId").as_string())).second);
    CHECK_FALSE(std::string(operation.at("summary").as_string()).empty());
    if (!route.takes.empty()) CHECK(schemas.contains(route.takes));
  }
  const std::string text = to_text(document);
  constexpr std::string_view prefix = "#/components/schemas/";
  for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
    const auto end = text.find('"', at);
    const std::string name = text.substr(at + prefix.size(), end - at - prefix.size());
    CHECK_MESSAGE(schemas.contains(name), name);
  }
}

TEST_CASE("the document is served, and real answers are as it says") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  const auto document = body_of(api.request("GET", "/schema")).get_object();
  const auto& schemas = document.at("components").at("schemas").as_object();
  const JsonSchema checker(schemas);
  api.on_strand([&] {
    (void)api.store.add_domain(app.id, "www.example.com", {"ada"});
    api.control.shown_traffic = {{.at = now(), .requests = 3}};
  });

  /// The answer's schema for a concrete request of a pattern.
  const auto check = [&](std::string method, std::string_view pattern, std::string path,
                         std::string body = {}, Fields headers = {}) {
    const auto answer = api.call(method, path, std::move(body), std::move(headers));
    const auto& operation = document.at("paths")
                                .as_object()
                                .at(pattern)
                                .as_object()
                                .at(api::lower_case(method))
                                .as_object();
    const auto& responses = operation.at("responses").as_object();
    INFO(method, " ", path, " → ", answer.status, " ", answer.body);
    REQUIRE(responses.contains(std::to_string(answer.status)));
    const auto& schema = responses.at(std::to_string(answer.status))
                             .at("content")
                             .at("application/json")
                             .at("schema")
                             .as_object();
    CHECK(checker.check(schema, body_of(answer)) == "");
    return body_of(answer);
  };

  check("GET", "/account", "/account");
  check("GET", "/users/~", "/users/~");
  check("GET", "/users/~/apps", "/users/~/apps");
  const auto token =
      check("POST", "/oauth/authorizations", "/oauth/authorizations", R"({"expires_in":60})");
  check("GET", "/oauth/authorizations", "/oauth/authorizations");
  check("DELETE", "/oauth/authorizations/{authorization}",
        "/oauth/authorizations/" + text_at(token, "/id"));
  check("POST", "/apps", "/apps");
  check("GET", "/apps", "/apps");
  check("GET", "/apps/{app}", "/apps/hello");
  check("PATCH", "/apps/{app}", "/apps/hello", R"({"maintenance":false})");
  check("POST", "/filters/apps", "/filters/apps", R"({"in":{"id":[")" + app.id.value + R"("]}})");
  api.on_strand([&] {
    (void)api.store.create_preview(app.id, *platform::PreviewName::parse("fix-42"),
                                   {.env = {}, .formation = {}, .expires_at = now(), .most = 1},
                                   {"ada"});
  });
  check("GET", "/apps/{app}/previews", "/apps/hello/previews");
  check("DELETE", "/apps/{app}/previews/{preview}", "/apps/hello/previews/fix-42");
  check("POST", "/pipelines", "/pipelines", R"({"name":"line"})");
  check("GET", "/pipelines", "/pipelines");
  const auto coupling =
      check("POST", "/pipeline-couplings", "/pipeline-couplings",
            R"({"app":"hello","pipeline":"line","stage":"staging"})");
  check("GET", "/pipelines/{pipeline}/pipeline-couplings", "/pipelines/line/pipeline-couplings");
  check("GET", "/apps/{app}/pipeline-couplings", "/apps/hello/pipeline-couplings");
  const auto promotion = check(
      "POST", "/pipeline-promotions", "/pipeline-promotions",
      R"({"pipeline":{"id":"line"},"source":{"app":{"id":"hello"}},)"
      R"("targets":[{"app":{"id":"hello"}}]})");
  check("GET", "/pipeline-promotions/{promotion}/promotion-targets",
        "/pipeline-promotions/" + text_at(promotion, "/id") + "/promotion-targets");
  check("DELETE", "/pipeline-couplings/{coupling}",
        "/pipeline-couplings/" + text_at(coupling, "/id"));
  check("DELETE", "/pipelines/{pipeline}", "/pipelines/line");
  check("PATCH", "/apps/{app}/config-vars", "/apps/hello/config-vars", R"({"A":"1"})");
  check("GET", "/apps/{app}/config-vars", "/apps/hello/config-vars");
  check("GET", "/apps/{app}/releases", "/apps/hello/releases");
  check("GET", "/apps/{app}/releases/{release}", "/apps/hello/releases/v1");
  check("POST", "/apps/{app}/releases", "/apps/hello/releases", R"({"release":"v1"})");
  const auto builds = check("GET", "/apps/{app}/builds", "/apps/hello/builds");
  check("GET", "/apps/{app}/builds/{build}", "/apps/hello/builds/" + text_at(builds, "/0/id"));
  check("PATCH", "/apps/{app}/formation", "/apps/hello/formation",
        R"({"updates":[{"type":"web","quantity":2}]})");
  check("PATCH", "/apps/{app}/formation/{type}", "/apps/hello/formation/web",
        R"({"autoscaling":{"max":3}})");
  check("GET", "/apps/{app}/formation", "/apps/hello/formation");
  check("GET", "/apps/{app}/formation/{type}", "/apps/hello/formation/web");
  check("GET", "/apps/{app}/dynos", "/apps/hello/dynos");
  check("GET", "/apps/{app}/dynos/{dyno}", "/apps/hello/dynos/web.1");
  check("POST", "/apps/{app}/dynos", "/apps/hello/dynos", R"({"command":"true","attach":true})");
  check("DELETE", "/apps/{app}/dynos", "/apps/hello/dynos");
  check("DELETE", "/apps/{app}/dynos/{dyno}", "/apps/hello/dynos/web.1");
  check("DELETE", "/apps/{app}/formations/{type}", "/apps/hello/formations/web");
  check("POST", "/apps/{app}/dynos/{dyno}/actions/stop", "/apps/hello/dynos/web.1/actions/stop");
  check("GET", "/apps/{app}/domains", "/apps/hello/domains");
  check("POST", "/apps/{app}/domains", "/apps/hello/domains", R"({"hostname":"shop.example.com"})");
  check("GET", "/apps/{app}/domains/{domain}", "/apps/hello/domains/www.example.com");
  const auto authority = CertificateAuthority::create("Test", "example.com").value();
  const auto pem = authority.issue("www.example.com").value();
  const std::string uploaded =
      to_text(json::object{{"certificate_chain", pem.chain}, {"private_key", pem.key}});
  const std::string endpoint = "/apps/{app}/sni-endpoints/{certificate}";
  check("POST", "/apps/{app}/sni-endpoints", "/apps/hello/sni-endpoints", uploaded);
  check("GET", "/apps/{app}/sni-endpoints", "/apps/hello/sni-endpoints");
  check("GET", endpoint, "/apps/hello/sni-endpoints/www.example.com");
  check("PATCH", endpoint, "/apps/hello/sni-endpoints/www.example.com", uploaded);
  check("GET", "/apps/{app}/domains", "/apps/hello/domains");
  check("DELETE", endpoint, "/apps/hello/sni-endpoints/www.example.com");
  check("PATCH", "/apps/{app}/https", "/apps/hello/https",
        R"({"redirect":true,"hsts":{"max_age":60}})");
  check("GET", "/apps/{app}/https", "/apps/hello/https");
  const std::string routing = "/apps/{app}/routing";
  check("PATCH", routing, "/apps/hello/routing", R"({"rate_limit":"100/s","sticky":"on"})");
  check("PUT", routing + "/users/{user}", "/apps/hello/routing/users/ada",
        R"({"password":"open sesame"})");
  check("PUT", routing + "/pages/{page}", "/apps/hello/routing/pages/error",
        R"({"html":"<h1>oh</h1>"})");
  check("GET", routing + "/pages/{page}", "/apps/hello/routing/pages/error");
  check("GET", routing, "/apps/hello/routing");
  check("DELETE", routing + "/pages/{page}", "/apps/hello/routing/pages/error");
  check("DELETE", routing + "/users/{user}", "/apps/hello/routing/users/ada");
  check("POST", "/apps/{app}/acm", "/apps/hello/acm", "{}");
  check("PATCH", "/apps/{app}/acm", "/apps/hello/acm", R"({"acm_refresh":true})");
  check("GET", "/apps/{app}/domains", "/apps/hello/domains");
  check("DELETE", "/apps/{app}/acm", "/apps/hello/acm");
  api.on_strand([&] {
    api.control.authority = authority.certificate();
    return 0;
  });
  check("GET", "/development-authority", "/development-authority");
  check("DELETE", "/apps/{app}/domains/{domain}", "/apps/hello/domains/www.example.com");
  check("PUT", "/apps/{app}/buildpack-installations", "/apps/hello/buildpack-installations",
        R"({"updates":[{"buildpack":"heroku/nodejs"}]})");
  check("GET", "/apps/{app}/buildpack-installations", "/apps/hello/buildpack-installations");
  check("POST", "/apps/{app}/log-sessions", "/apps/hello/log-sessions");
  check("GET", "/apps/{app}/traffic", "/apps/hello/traffic?seconds=5");
  check("GET", "/apps/{app}/events", "/apps/hello/events");
  check("GET", "/events", "/events");
  check("GET", "/status", "/status");
  check("GET", "/regions", "/regions");
  check("GET", "/stacks", "/stacks");
  check("GET", "/schema", "/schema");
  check("GET", "/health", "/health");
  check("POST", "/dashboard/session", "/dashboard/session", R"({"token":")" + api.token + "\"}",
        {{"Content-Type", "application/json"}});
  check("DELETE", "/dashboard/session", "/dashboard/session");
  check("DELETE", "/apps/{app}", "/apps/hello");
  const auto error = api.call("GET", "/apps/nope");
  CHECK(checker.check(schemas.at("Error").as_object(), body_of(error)) == "");
}

TEST_CASE("buildpacks are set as a whole, in order, and refused with the reason") {
  ApiFixture api;
  REQUIRE(api.call("POST", "/apps", R"({"name":"hello"})").status == 201);
  const auto put = [&](const std::string& body) {
    return api.call("PUT", "/apps/hello/buildpack-installations", body);
  };
  CHECK(put(R"({"updates":[{"buildpack":"./own"},{"buildpack":"heroku/nodejs"}]})").status == 200);
  const auto list = body_of(api.call("GET", "/apps/hello/buildpack-installations"));
  CHECK(text_at(list, "/0/buildpack/url") == "./own");
  CHECK(text_at(list, "/1/buildpack/url") == "heroku/nodejs");
  const auto refused = put(R"({"updates":[{"buildpack":"../up"}]})");
  CHECK(refused.status == 422);
  CHECK(text_at(body_of(refused), "/message") == "the buildpack '../up' leads out of the app");
  CHECK(put(R"({})").status == 422);
  CHECK(put(R"({"updates":[{}]})").status == 422);
  CHECK(put(R"({"updates":[]})").status == 200);
  CHECK(body_of(api.call("GET", "/apps/hello/buildpack-installations")).as_array().empty());
}

TEST_CASE("rollback, domains and traffic refuse what makes no sense") {
  ApiFixture api;
  api.deployed_app("hello");
  CHECK(api.call("POST", "/apps/hello/releases", R"({"release":"v9"})").status == 404);
  CHECK(api.call("POST", "/apps/hello/releases", "{}").status == 422);
  CHECK(text_at(body_of(api.call("POST", "/apps/hello/releases", R"({"release":1})")),
                "/description") == "Rollback to v1");
  CHECK(api.call("POST", "/apps/hello/domains", R"({"hostname":"x.localhost"})").status == 422);
  CHECK(api.call("POST", "/apps/hello/domains", R"({"hostname":"no spaces.example"})").status ==
        422);
  CHECK(api.call("POST", "/apps/hello/domains", R"({"hostname":"*.shop.example"})").status == 201);
  CHECK(api.call("POST", "/apps/hello/domains", R"({"hostname":"*.SHOP.example"})").status == 409);
  CHECK(api.call("POST", "/apps/hello/domains", R"({"hostname":"x.localhost/a"})").status == 422);
  CHECK(api.call("POST", "/apps/hello/domains", R"({"hostname":"shop.example/Api/"})").status ==
        201);
  const auto path = api.call("GET", "/apps/hello/domains/SHOP.example%2FApi");
  CHECK(text_at(body_of(path), "/hostname") == "shop.example/Api");
  CHECK(text_at(body_of(path), "/path") == "/Api");
  CHECK(api.call("GET", "/apps/hello/domains/shop.example%2Fapi").status == 404);
  CHECK(api.call("DELETE", "/apps/hello/domains/shop.example%2FApi").status == 200);
  CHECK(api.call("GET", "/apps/hello/domains/%2A.shop.example").status == 200);
  CHECK(api.call("DELETE", "/apps/hello/domains/hello.localhost").status == 403);
  for (const char* seconds : {"0", "x", "99999", "-1"})
    CHECK(api.call("GET", std::string("/apps/hello/traffic?seconds=") + seconds).status == 422);
}
