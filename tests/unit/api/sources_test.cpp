// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/crypto.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

struct Fixture : ApiFixture {
  explicit Fixture(const std::function<void(api::Settings&)>& tweak = {}) : ApiFixture(tweak) {
    on_strand([this] {
      control.store = &store;
      return 0;
    });
    deployed_app("hello");
  }
  /// The path of a new place to upload to.
  std::string place() {
    const auto made = call("POST", "/sources");
    CHECK(made.status == 201);
    const std::string url = text_at(body_of(made), "/source_blob/put_url");
    CHECK(url == text_at(body_of(made), "/source_blob/get_url"));
    return url.substr(url.find("/uploads/"));
  }
  std::string message(const HttpResponse& response) {
    return text_at(body_of(response), "/message");
  }
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an archive is uploaded without a token to a secret place, and then built") {
  Fixture api;
  const std::string path = api.place();
  const std::string content(3 << 20, 'z');
  CHECK(api.request("PUT", path, content).status == 200);
  const std::string id = path.substr(path.rfind('/') + 1);
  CHECK(api.on_strand([&] { return api.control.uploads[id] == content; }));
  const auto built = api.call(
      "POST", "/apps/hello/builds",
      to_text(json::object{
          {"source_blob", json::object{{"url", "http://any.host" + path},
                                       {"checksum", "SHA256:" + sha256_hex(content)}}}}));
  CHECK(built.status == 201);
  CHECK(text_at(body_of(built), "/status") == "pending");
  CHECK(api.on_strand([&] { return api.control.deployed; }) == "source hello " + id);
}

TEST_CASE("what was uploaded must be what was meant") {
  Fixture api;
  const std::string path = api.place();
  CHECK(api.request("PUT", path, "abc").status == 200);
  const auto build = [&](json::object blob) {
    return api.call("POST", "/apps/hello/builds",
                    to_text(json::object{{"source_blob", std::move(blob)}}));
  };
  const auto wrong = build({{"url", path}, {"checksum", "SHA256:" + std::string(64, '0')}});
  CHECK(wrong.status == 422);
  CHECK(holds(api.message(wrong), "checksum is SHA256:"));
  CHECK(build({{"url", path}, {"checksum", "MD5:1"}}).status == 422);
  const auto elsewhere = build({{"url", "http://169.254.169.254/latest"}});
  CHECK(elsewhere.status == 422);
  CHECK(holds(api.message(elsewhere), "Nothing is fetched from elsewhere"));
}

TEST_CASE("an upload to no known place, or one that is too large, is refused") {
  Fixture api([](api::Settings& settings) { settings.max_upload_bytes = 2 << 20; });
  CHECK(api.request("PUT", "/uploads/" + std::string(48, 'f'), "abc").status == 404);
  const auto large = api.request("PUT", api.place(), std::string((2 << 20) + 1, 'x'));
  CHECK(large.status == 413);
  CHECK(holds(api.message(large), "images.max_size"));
}

TEST_CASE("an image is deployed from an upload or by its name, and from nothing else") {
  Fixture api;
  const auto build = [&](const std::string& body) {
    return api.call("POST", "/apps/hello/builds", body);
  };
  CHECK(build(R"({"image":{"reference":"nginx:1"}})").status == 201);
  CHECK(api.on_strand([&] { return api.control.deployed; }) == "image hello nginx:1");
  const std::string path = api.place();
  CHECK(api.request("PUT", path, "abc").status == 200);
  CHECK(build(R"({"image":{"archive":")" + path + "\"}}").status == 201);
  for (const char* body : {"{}", R"({"image":{}})", R"({"source_blob":{}})",
                           R"({"image":{"reference":"a","archive":"/uploads/b"}})",
                           R"({"image":{"reference":"a"},"source_blob":{"url":"/uploads/b"}})"})
    CHECK(build(body).status == 422);
  CHECK(api.request("POST", "/apps/hello/builds", "{}").status == 401);
}

TEST_CASE("images are imported, listed and forgotten by name") {
  Fixture api;
  const std::string path = api.place();
  CHECK(api.request("PUT", path, "abc").status == 200);
  const auto imported = api.call(
      "POST", "/images",
      to_text(json::object{{"archive", path}, {"name", "registry.example.com/team/app:1"}}));
  CHECK(imported.status == 201);
  const auto all = api.call("GET", "/images");
  CHECK(text_at(body_of(all), "/0/name") == "registry.example.com/team/app:1");
  CHECK(text_at(body_of(all), "/0/size") == "3");
  const std::string name = "/images/registry.example.com%2Fteam%2Fapp%3A1";
  CHECK(api.call("DELETE", name).status == 200);
  const auto again = api.call("DELETE", name);
  CHECK(again.status == 404);
  CHECK(text_at(body_of(again), "/resource") == "image");
}

TEST_CASE("an app that is on the newest base answers with its release") {
  Fixture api;
  const auto same = api.call("POST", "/apps/hello/actions/upgrade-stack");
  CHECK(same.status == 200);
  CHECK(text_at(body_of(same), "/app/name") == "hello");
}
