// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "api/authentication.hpp"
#include "base/crypto.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("a token is accepted as bearer, and as the password of any user") {
  ApiFixture api;
  for (const std::string& header :
       {"Bearer " + api.token, "bearer  " + api.token, "Basic " + base64("git:" + api.token),
        "Basic " + base64(":" + api.token), "basic " + base64("ada@example.com:" + api.token)}) {
    const auto answer = api.request("GET", "/account", "", {{"Authorization", header}});
    CHECK(answer.status == 200);
    CHECK(text_at(body_of(answer), "/email") == "ada@example.com");
  }
}

TEST_CASE("without a right token everything but the open paths is 401 and asks for Basic") {
  ApiFixture api;
  for (const std::string& header :
       {std::string(), std::string("Bearer wrong"), std::string("Bearer"), std::string("Basic %%%"),
        "Digest " + api.token, "Bearer " + api.token + "0", "Basic " + base64(api.token + ":x")}) {
    Fields fields;
    if (!header.empty()) fields["Authorization"] = header;
    const auto answer = api.request("GET", "/apps", "", fields);
    CHECK(answer.status == 401);
    CHECK(error_id(answer) == "unauthorized");
    CHECK(answer.header("www-authenticate") == "Basic realm=\"Berth\"");
  }
  for (const char* path : {"/health", "/schema", "/metrics"})
    CHECK(api.request("GET", path).status == 200);
}

TEST_CASE("an expired or revoked token is refused") {
  ApiFixture api;
  const auto made = body_of(
      api.call("POST", "/oauth/authorizations", R"({"description":"ci","expires_in":3600})"));
  const std::string secret = text_at(made, "/access_token/token");
  CHECK(secret.starts_with("berth_"));
  CHECK(api.request("GET", "/account", "", {{"Authorization", "Bearer " + secret}}).status == 200);
  const auto listed = api.call("GET", "/oauth/authorizations");
  CHECK(listed.body.find(secret) == std::string::npos);
  CHECK(body_of(listed).get_array().size() == 2);
  CHECK(api.call("DELETE", "/oauth/authorizations/" + text_at(made, "/id")).status == 200);
  CHECK(api.request("GET", "/account", "", {{"Authorization", "Bearer " + secret}}).status == 401);
  const std::string old = api.on_strand([&] {
    return api.store.create_token("ada", "old", now() - std::chrono::seconds(1), {"ada"}).secret;
  });
  CHECK(api.request("GET", "/account", "", {{"Authorization", "Bearer " + old}}).status == 401);
  for (const char* wrong : {R"({"expires_in":0})", R"({"expires_in":"x"})", R"({"expires_in":-5})"})
    CHECK(api.call("POST", "/oauth/authorizations", wrong).status == 422);
}

TEST_CASE(
    "the dashboard signs in for a cookie, and a change by cookie needs the dashboard's header") {
  ApiFixture api;
  const Fields json{{"Content-Type", "application/json"}};
  const std::string good = R"({"token":")" + api.token + "\"}";
  CHECK(api.request("POST", "/dashboard/session", R"({"token":"wrong"})", json).status == 401);
  CHECK(api.request("POST", "/dashboard/session", good, {{"Content-Type", "text/plain"}}).status ==
        400);
  CHECK(api.request("POST", "/dashboard/session", "{}", json).status == 422);

  const auto session = api.request("POST", "/dashboard/session", good, json);
  CHECK(session.status == 201);
  CHECK(text_at(body_of(session), "/user/email") == "ada@example.com");
  const std::string set = session.header("set-cookie");
  CHECK(set.find("; Path=/; HttpOnly; SameSite=Strict; Max-Age=1209600") != std::string::npos);
  CHECK(set.find(api.token) == std::string::npos);
  const std::string cookie = "theme=dark; " + set.substr(0, set.find(';'));

  CHECK(api.request("GET", "/apps", "", {{"Cookie", cookie}}).status == 200);
  const auto forged = api.request("POST", "/apps", "{}", {{"Cookie", cookie}});
  CHECK(forged.status == 403);
  CHECK(error_id(forged) == "forbidden");
  for (const char* method : {"PATCH", "DELETE"})
    CHECK(api.request(method, "/apps/x", "{}", {{"Cookie", cookie}}).status == 403);
  CHECK(api.request("POST", "/apps", "{}", {{"Cookie", cookie}, {"X-Berth-Request", "dashboard"}})
            .status == 201);

  const auto out = api.request("DELETE", "/dashboard/session", "",
                               {{"Cookie", cookie}, {"X-Berth-Request", "dashboard"}});
  CHECK(out.status == 200);
  CHECK(out.header("set-cookie").find("Max-Age=0") != std::string::npos);
  const auto after = api.request("GET", "/apps", "", {{"Cookie", cookie}});
  CHECK(after.status == 401);
  CHECK(after.header("www-authenticate").empty());
  CHECK(api.call("GET", "/apps").status == 200);
}

TEST_CASE("signing out with a bearer token does not revoke it") {
  ApiFixture api;
  CHECK(api.call("DELETE", "/dashboard/session").status == 200);
  CHECK(api.call("GET", "/account").status == 200);
}

TEST_CASE("too many wrong tokens from one peer are 429, and the right token still passes") {
  ApiFixture api;
  int status = 401;
  for (int i = 0; i < 100 && status == 401; ++i)
    status = api.request("GET", "/apps", "", {{"Authorization", "Bearer wrong"}}).status;
  CHECK(status == 429);
  const auto limited = api.request("GET", "/apps", "", {{"Authorization", "Bearer wrong"}});
  CHECK(error_id(limited) == "rate_limit");
  CHECK(limited.header("retry-after") == "3");
  CHECK(api.call("GET", "/apps").status == 200);
  CHECK(api.request("GET", "/apps", "",
                    {{"Authorization", "Bearer wrong"}, {"X-Forwarded-For", "1.1.1.1, 9.9.9.9"}})
            .status == 401);
}

TEST_CASE("a bucket of failures empties with time and the table of peers stays bounded") {
  api::FailureLimit limit;
  const auto start = api::FailureLimit::Clock::now();
  for (int i = 0; i < 20; ++i) CHECK_FALSE(limit.exceeded("a", start));
  CHECK(limit.exceeded("a", start));
  CHECK_FALSE(limit.exceeded("a", start + std::chrono::seconds(4)));
  for (int i = 0; i < 5000; ++i)
    (void)limit.exceeded("peer" + std::to_string(i), start + std::chrono::seconds(4));
  CHECK(limit.exceeded("one more", start + std::chrono::seconds(4)));
  CHECK_FALSE(limit.exceeded("one more", start + std::chrono::seconds(600)));
}
