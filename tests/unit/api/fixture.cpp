// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/api/fixture.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace berth::test {

namespace asio = boost::asio;

RawClient::RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

void RawClient::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // the peer closed: the test sees it when it reads
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool RawClient::read_some(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0) return false;
  char buffer[65536];
  const ssize_t count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  if (count <= 0) {
    fd_.reset();
    return false;
  }
  received.append(buffer, static_cast<std::size_t>(count));
  return true;
}

bool RawClient::read_until(std::string_view text, std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  for (std::size_t from = 0; received.find(text, from) == std::string::npos;) {
    from = received.size() - std::min(received.size(), text.size());
    if (!fd_ || !read_some(deadline)) return false;
  }
  return true;
}

bool RawClient::read_to_end(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (fd_ && read_some(deadline)) {
  }
  return !fd_;
}

ApiFixture::ApiFixture(const std::function<void(api::Settings&)>& tweak)
    : directory(TempDir::create(std::filesystem::temp_directory_path(), "berth-test-").value()),
      store(platform::Store::open_in_memory(SecretBox::ephemeral()).value()),
      control(directory.path()) {
  control.volumes = &store;
  token = store.create_token("ada@example.com", "test", std::nullopt, {"test"}).secret;
  api::Settings settings;
  settings.listen = "127.0.0.1:0";
  settings.router.https = 8443;
  settings.automatic_certificates = true;
  if (tweak) tweak(settings);
  server_ = std::make_unique<api::Server>(
      context_.get_executor(),
      api::Services{.store = store, .control = control, .settings = settings});
  const auto started = server_->start();
  REQUIRE_MESSAGE(!started.has_error(), (started.has_error() ? started.error().message : ""));
  port_ = server_->port();
  thread_ = std::thread([this] {
    const auto work = asio::make_work_guard(context_);
    context_.run();
  });
}

ApiFixture::~ApiFixture() {
  stop();
  context_.stop();
  thread_.join();
  server_.reset();
}

void ApiFixture::stop() { asio::co_spawn(context_, server_->stop(), asio::use_future).get(); }

void ApiFixture::post(std::function<void()> what) { asio::post(context_, std::move(what)); }

bool ApiFixture::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (on_strand(condition)) return true;
    std::this_thread::yield();
  }
  return false;
}

HttpResponse ApiFixture::request(std::string method, std::string path, std::string body,
                                 Fields headers) {
  HttpRequest request{
      .method = std::move(method),
      .url = {.scheme = "http", .host = "127.0.0.1", .port = port_, .target = std::move(path)},
      .headers = std::move(headers),
      .body = std::move(body),
      .deadline = std::chrono::seconds(60)};
  auto response = http_request(request);
  REQUIRE_MESSAGE(!response.has_error(), (response.has_error() ? response.error().message : ""));
  return std::move(*response);
}

HttpResponse ApiFixture::call(std::string method, std::string path, std::string body,
                              Fields headers) {
  headers.emplace("Authorization", "Bearer " + token);
  return request(std::move(method), std::move(path), std::move(body), std::move(headers));
}

platform::App ApiFixture::deployed_app(std::string_view name) {
  return on_strand([&] {
    const platform::Actor ada{"ada@example.com"};
    const auto app = store.create_app(platform::AppName::parse(name).value(), ada).value();
    const auto build = store.create_build(app.id, std::string(40, 'a'), ada).value();
    (void)store.finish_build(build.id, "sha256:" + std::string(64, 'b'));
    const auto release =
        store
            .create_release(app.id,
                            {.image = "sha256:" + std::string(64, 'b'),
                             .commit = std::string(40, 'a'),
                             .processes = {{"web", "node server.js"}, {"worker", "node worker.js"}},
                             .description = "Deploy aaaaaaa",
                             .build = build.id},
                            ada)
            .value();
    store.settle_release(release.id, platform::ReleaseStatus::succeeded, "");
    control.shown_replicas[app.id.value] = {{.id = "r-web1",
                                             .name = "web.1",
                                             .type = "web",
                                             .command = "node server.js",
                                             .size = "standard",
                                             .state = "up",
                                             .message = "",
                                             .release = 1,
                                             .release_id = release.id,
                                             .created_at = now(),
                                             .updated_at = now()}};
    return store.find_app(app.id.value).value();
  });
}

json::value body_of(const HttpResponse& response) {
  auto parsed = parse_json(response.body);
  REQUIRE_MESSAGE(!parsed.has_error(), response.body);
  return std::move(*parsed);
}

std::string error_id(const HttpResponse& response) { return text_at(body_of(response), "/id"); }

std::string text_at(const json::value& value, std::string_view pointer) {
  boost::json::error_code failure;
  const auto* found = value.find_pointer({pointer.data(), pointer.size()}, failure);
  if (!found) return "(none)";
  return found->is_string() ? std::string(found->get_string()) : to_text(*found);
}

}  // namespace berth::test
