// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

constexpr const char* endpoint =
    R"({"id":"1","name":"www.example.com","domains":["www.example.com"],"ssl_cert":{)"
    R"("cert_domains":["www.example.com","example.com"],"issuer":"CN = Test",)"
    R"("self_signed?":true,"expires_at":"2027-03-01T00:00:00Z"}})";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "certs lists which certificate serves which domain until when") {
  server.json("GET /apps/hello/sni-endpoints", "[" + std::string(endpoint) + "]");
  CHECK(run({"certs", "-a", "hello"}) == 0);
  CHECK(printed() ==
        "DOMAINS          NAMES                         ISSUER     EXPIRES\n"
        "www.example.com  www.example.com, example.com  CN = Test  2027-03-01\n");
}

TEST_CASE_FIXTURE(Fixture, "certs:add sends the two files for the domain") {
  server.json("POST /apps/hello/sni-endpoints", endpoint);
  const auto chain = directory.path() / "chain.pem";
  const auto key = directory.path() / "key.pem";
  REQUIRE(write_file_atomic(chain, "CHAIN", 0600).has_value());
  REQUIRE(write_file_atomic(key, "KEY", 0600).has_value());
  CHECK(run({"certs:add", "www.example.com", "--cert", chain.string(), "--key", key.string(), "-a",
             "hello"}) == 0);
  CHECK(printed() == "Added a certificate for www.example.com, valid until 2027-03-01\n");
  CHECK(noted().find("self-signed") != std::string::npos);
  const json::value body = *parse_json(server.last("POST /apps/hello/sni-endpoints").body);
  CHECK(body == json::value{{"certificate_chain", "CHAIN"},
                            {"private_key", "KEY"},
                            {"domains", {"www.example.com"}}});
}

TEST_CASE_FIXTURE(Fixture, "certs:add says which file is missing") {
  CHECK(run({"certs:add", "--cert", "/nowhere", "-a", "hello"}) == 1);
  CHECK(noted().find("The certificate cannot be read: open /nowhere: No such file or directory.") !=
        std::string::npos);
  CHECK(run({"certs:add", "-a", "hello"}) == 2);
  CHECK(noted().find("Give the file of the certificate with --cert.") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "certs:remove and certs:dev-ca") {
  server.json("DELETE /apps/hello/sni-endpoints/www.example.com", endpoint);
  CHECK(run({"certs:remove", "www.example.com", "-a", "hello"}) == 0);
  CHECK(printed() == "Removed the certificate for www.example.com\n");
  server.json("GET /development-authority", R"({"domain":"localhost","certificate":"PEM\n"})");
  CHECK(run({"certs:dev-ca"}) == 0);
  CHECK(printed() == "PEM\n");
}

TEST_CASE_FIXTURE(Fixture, "https shows and changes redirect and HSTS") {
  constexpr const char* on =
      R"({"redirect":true,"hsts":{"max_age":2592000,"include_subdomains":true,"preload":false}})";
  server.json("GET /apps/hello/https", R"({"redirect":false,"hsts":null})");
  CHECK(run({"https", "-a", "hello"}) == 0);
  CHECK(printed() == "Redirect  off\nHSTS      off\n");
  server.json("PATCH /apps/hello/https", on);
  CHECK(run({"https:hsts", "on", "--days", "30", "--subdomains", "-a", "hello"}) == 0);
  CHECK(printed() == "Redirect  on\nHSTS      30 days, subdomains too\n");
  CHECK(server.last("PATCH /apps/hello/https").body ==
        R"({"hsts":{"max_age":2592000,"include_subdomains":true,"preload":false}})");
  CHECK(run({"https:redirect", "off", "-a", "hello"}) == 0);
  CHECK(server.last("PATCH /apps/hello/https").body == R"({"redirect":false})");
  CHECK(run({"https:redirect", "maybe", "-a", "hello"}) == 2);
  CHECK_CONTAINS(noted(), "Say on or off, not maybe.");
}

TEST_CASE_FIXTURE(Fixture, "certs:auto shows each domain's state, and is switched") {
  server.json("GET /apps/hello", R"({"name":"hello","acm":false})");
  server.json("GET /apps/hello/domains",
              R"([{"hostname":"hello.localhost","kind":"heroku","acm_status":null},)"
              R"({"hostname":"a.example","kind":"custom","acm_status":"failing",)"
              R"("acm_status_reason":"no such name"},)"
              R"({"hostname":"b.example","kind":"custom","acm_status":null,)"
              R"("acm_status_reason":null}])");
  CHECK(run({"certs:auto", "-a", "hello"}) == 0);
  CHECK_CONTAINS(noted(), "Automatic certificates are off.");
  server.json("GET /apps/hello", R"({"name":"hello","acm":true})");
  CHECK(run({"certs:auto", "-a", "hello"}) == 0);
  CHECK(printed() ==
        "DOMAIN     STATUS           REASON\n"
        "a.example  failing          no such name\n"
        "b.example  own certificate\n");
  server.json("POST /apps/hello/acm", R"({"acm":true})");
  server.json("PATCH /apps/hello/acm", R"({"acm":true})");
  server.json("DELETE /apps/hello/acm", R"({"acm":false})");
  for (const char* command : {"certs:auto:enable", "certs:auto:refresh", "certs:auto:disable"})
    CHECK(run({command, "-a", "hello"}) == 0);
}
