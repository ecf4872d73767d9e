// SPDX-License-Identifier: Apache-2.0
//
// A whole API server in this process: an event loop in a thread, a store in memory, a fake of the
// rest of the control plane, and clients that are real sockets.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "api/server.hpp"
#include "base/file.hpp"
#include "base/http_client.hpp"
#include "tests/support/fake_control.hpp"

namespace berth::test {

using Fields = std::map<std::string, std::string>;

/// A socket and what came over it so far. Every wait has a deadline, none is a sleep.
class RawClient final {
 public:
  explicit RawClient(int port);
  void send(std::string_view bytes) const;
  /// Reads on until `text` has come; false if the peer closed or the time is up before.
  [[nodiscard]] bool read_until(std::string_view text,
                                std::chrono::milliseconds time = std::chrono::seconds(30));
  /// Until the peer closes; false if it does not.
  [[nodiscard]] bool read_to_end(std::chrono::milliseconds time = std::chrono::seconds(30));
  /// Forgets what came.
  std::string take() { return std::exchange(received, {}); }
  void close() { fd_.reset(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

  std::string received;

 private:
  [[nodiscard]] bool read_some(std::chrono::steady_clock::time_point deadline);
  Fd fd_;
};

class ApiFixture {
 public:
  explicit ApiFixture(const std::function<void(api::Settings&)>& tweak = {});
  ~ApiFixture();
  ApiFixture(const ApiFixture&) = delete;
  ApiFixture& operator=(const ApiFixture&) = delete;

  /// Runs `what` on the strand and waits for it.
  template <class F>
  auto on_strand(F what) {
    std::packaged_task<decltype(what())()> task(std::move(what));
    auto done = task.get_future();
    post([&task] { task(); });
    return done.get();
  }
  /// Until `condition` holds on the strand; false if it does not within ten seconds.
  [[nodiscard]] bool eventually(const std::function<bool()>& condition);

  [[nodiscard]] HttpResponse request(std::string method, std::string path, std::string body = {},
                                     Fields headers = {});
  /// With the token.
  [[nodiscard]] HttpResponse call(std::string method, std::string path, std::string body = {},
                                  Fields headers = {});
  [[nodiscard]] RawClient raw() const { return RawClient(port()); }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string bearer() const { return "Authorization: Bearer " + token + "\r\n"; }

  /// An app with a release that serves: processes web and worker.
  platform::App deployed_app(std::string_view name);
  void stop();

  TempDir directory;
  platform::Store store;
  FakeControl control;
  std::string token;

 private:
  void post(std::function<void()> what);
  boost::asio::io_context context_;
  std::unique_ptr<api::Server> server_;
  std::thread thread_;
  int port_ = 0;
};

[[nodiscard]] json::value body_of(const HttpResponse& response);
/// The `id` of an error answer.
[[nodiscard]] std::string error_id(const HttpResponse& response);
[[nodiscard]] std::string text_at(const json::value& value, std::string_view pointer);

}  // namespace berth::test
