// SPDX-License-Identifier: Apache-2.0
//
// Requests find their app by host, wildcard and path, as the table changes.
#include <doctest/doctest.h>

#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

std::string get_at(std::string_view host, std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

struct Shops {
  Server site{answer_with("site ")};
  Server api{answer_with("api ")};
  Bed bed{2};
  Peer client;

  Shops() {
    put_app("site", site.port());
    put_app("api", api.port());
    put_host("shop.example", "site");
    put_host("*.shop.example", "site");
    put_host("shop.example/api", "api");
    client = bed.client();
  }
  void put_app(std::string_view name, std::uint16_t port) {
    bed.control->apply({{"type", "put_app"},
                        {"version", ++bed.version},
                        {"app", app_json(name, "running", {{std::string(name), port}})}});
  }
  void put_host(std::string_view route, std::string_view app) {
    bed.control->apply(
        {{"type", "put_host"}, {"version", ++bed.version}, {"host", route}, {"app", app}});
  }
  std::string ask(std::string_view host, std::string_view target) {
    client.send(get_at(host, target));
    const auto answer = client.read_message();
    return answer.status() == 200 ? answer.body : answer.header("x-berth-error");
  }
};

}  // namespace

TEST_CASE("a path of a host is another app's, and reaches it whole") {
  Shops shops;
  CHECK(shops.ask("shop.example", "/") == "site /");
  CHECK(shops.ask("shop.example", "/api/users?x=1") == "api /api/users?x=1");
  CHECK(shops.ask("shop.example", "/apis") == "site /apis");
  CHECK(shops.ask("a.b.shop.example", "/api") == "site /api");
  CHECK(shops.ask("shop.test", "/api") == "no-such-app");
  shops.put_host("*.b.shop.example/api", "api");
  CHECK(shops.ask("a.b.shop.example", "/api") == "api /api");
  shops.bed.control->apply({{"type", "remove_host"},
                            {"version", ++shops.bed.version},
                            {"host", "shop.example/api"}});
  CHECK(shops.ask("shop.example", "/api/users") == "site /api/users");
}

TEST_CASE("routes with paths survive the router's restart") {
  Shops shops;
  shops.bed.restart();
  shops.client = shops.bed.client();
  CHECK(shops.ask("shop.example", "/api/users") == "api /api/users");
  CHECK(shops.ask("x.shop.example", "/api/users") == "site /api/users");
}

}  // namespace berth::router::test
