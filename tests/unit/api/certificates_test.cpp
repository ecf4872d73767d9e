// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/certificate.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

std::string body_for(const CertificatePem& pem, json::object more = {}) {
  more["certificate_chain"] = pem.chain;
  more["private_key"] = pem.key;
  return to_text(more);
}

}  // namespace

TEST_CASE("a certificate goes in with its key, serves its domains, and the key never comes out") {
  const auto authority = CertificateAuthority::create("Test", "example.com").value();
  ApiFixture api;
  REQUIRE(api.call("POST", "/apps", R"({"name":"hello"})").status == 201);
  REQUIRE(api.call("POST", "/apps/hello/domains", R"({"hostname":"www.example.com"})").status ==
          201);
  const CertificatePem pem = authority.issue("www.example.com").value();
  const auto made = api.call("POST", "/apps/hello/sni-endpoints",
                             body_for(pem, {{"domains", json::array{"WWW.example.com"}}}));
  REQUIRE(made.status == 201);
  CHECK(text_at(body_of(made), "/name") == "www.example.com");
  CHECK(text_at(body_of(made), "/domains/0") == "www.example.com");
  CHECK(text_at(body_of(made), "/ssl_cert/issuer") == "CN = Test");
  CHECK(text_at(body_of(made), "/certificate_chain") == pem.chain);
  const auto domain = api.call("GET", "/apps/hello/domains/www.example.com");
  CHECK(text_at(body_of(domain), "/sni_endpoint/name") == "www.example.com");
  CHECK(text_at(body_of(domain), "/certificate/kind") == "own");
  CHECK(text_at(body_of(domain), "/certificate/issuer") == "CN = Test");
  CHECK(text_at(body_of(domain), "/certificate/expires_at") ==
        text_at(body_of(made), "/ssl_cert/expires_at"));

  const auto renewed = api.call("PATCH", "/apps/hello/sni-endpoints/www.example.com",
                                body_for(authority.issue("www.example.com").value()));
  CHECK(renewed.status == 200);
  CHECK(text_at(body_of(renewed), "/id") == text_at(body_of(made), "/id"));
  const auto list = api.call("GET", "/apps/hello/sni-endpoints");
  const auto events = api.call("GET", "/apps/hello/events");
  for (const auto* answer : {&made, &renewed, &list, &domain, &events})
    CHECK(answer->body.find("PRIVATE KEY") == std::string::npos);

  CHECK(api.call("DELETE", "/apps/hello/sni-endpoints/www.example.com").status == 200);
  CHECK(body_of(api.call("GET", "/apps/hello/sni-endpoints")).get_array().empty());
  CHECK(api.call("GET", "/apps/hello/sni-endpoints/www.example.com").status == 404);
  // The router is told of each change.
  CHECK(api.on_strand([&] { return api.control.calls; }).size() == 5);
}

TEST_CASE("a certificate that cannot serve is refused in words") {
  const auto authority = CertificateAuthority::create("Test", "example.com").value();
  ApiFixture api;
  REQUIRE(api.call("POST", "/apps", R"({"name":"hello"})").status == 201);
  const auto refused = api.call("POST", "/apps/hello/sni-endpoints",
                                body_for(authority.issue("www.example.com").value(),
                                         {{"domains", json::array{"www.example.com"}}}));
  CHECK(refused.status == 404);
  CHECK(text_at(body_of(refused), "/message").find("berth domains:add www.example.com") !=
        std::string::npos);
  const auto broken = api.call("POST", "/apps/hello/sni-endpoints",
                               R"({"certificate_chain":"x","private_key":"y"})");
  CHECK(broken.status == 422);
  CHECK(text_at(body_of(broken), "/message").starts_with("no certificate was found"));
  CHECK(api.call("POST", "/apps/hello/sni-endpoints", "{}").status == 422);
}

TEST_CASE("the development authority's certificate is shown where there is one") {
  ApiFixture api;
  const auto none = api.call("GET", "/development-authority");
  CHECK(none.status == 404);
  CHECK(text_at(body_of(none), "/message") == "HTTPS is off");
  api.on_strand([&] {
    api.control.authority = "PEM";
    return 0;
  });
  CHECK(text_at(body_of(api.call("GET", "/development-authority")), "/certificate") == "PEM");
}

TEST_CASE("the app's own name says which certificate of the platform's serves it") {
  ApiFixture api;
  REQUIRE(api.call("POST", "/apps", R"({"name":"hello"})").status == 201);
  const auto shown = [&](std::string_view key) {
    return text_at(body_of(api.call("GET", "/apps/hello/domains/hello.localhost")),
                   "/certificate" + std::string(key));
  };
  CHECK(shown("") == "null");
  const auto set = [&](bool is_development) {
    api.on_strand([&] {
      api.control.shown_certificate = {
          .is_development = is_development, .issuer = "CN = A", .ends_at = Time{}};
      return 0;
    });
  };
  set(true);
  CHECK(shown("/kind") == "development");
  CHECK(shown("/issuer") == "CN = A");
  set(false);
  CHECK(shown("/kind") == "operator");
}

TEST_CASE("redirect and HSTS are set for an app, where the platform serves HTTPS at all") {
  ApiFixture api;
  REQUIRE(api.call("POST", "/apps", R"({"name":"hello"})").status == 201);
  CHECK(to_text(body_of(api.call("GET", "/apps/hello/https"))) ==
        R"({"redirect":false,"hsts":null})");
  const auto set = api.call("PATCH", "/apps/hello/https",
                            R"({"redirect":true,"hsts":{"max_age":60,"include_subdomains":true}})");
  CHECK(set.status == 200);
  CHECK(to_text(body_of(set)) ==
        R"({"redirect":true,"hsts":{"max_age":60,"include_subdomains":true,"preload":false}})");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello")), "/web_url") ==
        "https://hello.localhost:8443/");
  CHECK(to_text(body_of(api.call("PATCH", "/apps/hello/https", R"({"redirect":false})"))) ==
        R"({"redirect":false,"hsts":{"max_age":60,"include_subdomains":true,"preload":false}})");
  CHECK(to_text(body_of(api.call("PATCH", "/apps/hello/https", R"({"hsts":null})"))) ==
        R"({"redirect":false,"hsts":null})");
  for (const char* bad : {R"({"hsts":1})", R"({"hsts":{}})", R"({"hsts":{"max_age":-1}})",
                          R"({"hsts":{"max_age":60,"preload":true}})"})
    CHECK(api.call("PATCH", "/apps/hello/https", bad).status == 422);

  ApiFixture plain([](api::Settings& settings) { settings.router.https = 0; });
  REQUIRE(plain.call("POST", "/apps", R"({"name":"hello"})").status == 201);
  const auto refused = plain.call("PATCH", "/apps/hello/https", R"({"redirect":true})");
  CHECK(refused.status == 422);
  CHECK(text_at(body_of(refused), "/message").find("router.https in berth.yaml") !=
        std::string::npos);
}

TEST_CASE("automatic certificates are switched on and off, and a domain says how it fares") {
  ApiFixture api;
  const auto app = body_of(api.call("POST", "/apps", R"({"name":"hello"})"));
  REQUIRE(api.call("POST", "/apps/hello/domains", R"({"hostname":"www.example.com"})").status ==
          201);
  const auto status = [&] {
    return text_at(body_of(api.call("GET", "/apps/hello/domains/www.example.com")), "/acm_status");
  };
  CHECK(status() == "null");
  CHECK(api.call("PATCH", "/apps/hello/acm", R"({"acm_refresh":true})").status == 422);
  CHECK(text_at(body_of(api.call("POST", "/apps/hello/acm", "{}")), "/acm") == "true");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello")), "/acm") == "true");
  CHECK(status() == "pending");
  api.on_strand([&] {
    const platform::AppId id(text_at(app, "/id"));
    api.store.certificate_failed(api.store.domains(id).front(), "no such name");
    return 0;
  });
  CHECK(status() == "failing");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/domains/www.example.com")),
                "/acm_status_reason") == "no such name");
  CHECK(api.call("PATCH", "/apps/hello/acm", R"({"acm_refresh":true})").status == 200);
  CHECK(status() == "pending");
  CHECK(text_at(body_of(api.call("DELETE", "/apps/hello/acm")), "/acm") == "false");
  CHECK(status() == "null");

  ApiFixture none([](api::Settings& settings) { settings.automatic_certificates = false; });
  REQUIRE(none.call("POST", "/apps", R"({"name":"hello"})").status == 201);
  const auto refused = none.call("POST", "/apps/hello/acm", "{}");
  CHECK(refused.status == 422);
  CHECK(text_at(body_of(refused), "/message").find("acme.directory") != std::string::npos);
}
