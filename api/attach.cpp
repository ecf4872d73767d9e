// SPDX-License-Identifier: Apache-2.0
//
// The terminal of a one-off replica: a WebSocket on one side, the shim's framed socket on the other
// (runtime/engine/attach_frame.hpp). Two coroutines copy; when either side ends, both do.
#include <signal.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>

#include "api/handlers.hpp"
#include "base/tasks.hpp"
#include "runtime/engine/attach_frame.hpp"

namespace berth::api {

namespace asio = boost::asio;
using runtime::AttachFrame;

namespace {

using Socket = asio::local::stream_protocol::socket;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t header_bytes = 5;

std::string frame(AttachFrame type, std::string_view payload) {
  const auto size = static_cast<std::uint32_t>(payload.size());
  std::string bytes(1, static_cast<char>(type));
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 0xff);
  return bytes.append(payload);
}

std::uint32_t length_of(std::string_view header) {
  std::uint32_t size = 0;
  for (std::size_t i = 1; i < header_bytes; ++i)
    size = size << 8 | static_cast<unsigned char>(header[i]);
  return size;
}

/// "INT" or "SIGINT"; 0 if it is none that a terminal's user may send.
int signal_number(std::string_view name) {
  struct Named {
    std::string_view name;
    int number;
  };
  constexpr std::array<Named, 10> known = {{{"HUP", SIGHUP},
                                            {"INT", SIGINT},
                                            {"QUIT", SIGQUIT},
                                            {"KILL", SIGKILL},
                                            {"TERM", SIGTERM},
                                            {"USR1", SIGUSR1},
                                            {"USR2", SIGUSR2},
                                            {"CONT", SIGCONT},
                                            {"TSTP", SIGTSTP},
                                            {"WINCH", SIGWINCH}}};
  if (name.starts_with("SIG")) name.remove_prefix(3);
  const auto found = std::ranges::find(known, name, &Named::name);
  return found == known.end() ? 0 : found->number;
}

/// The frame of a control message; "" if it says nothing that we know.
std::string control_frame(const std::string& text) {
  const auto object = parse_json_object(text);
  if (object.has_error()) return {};
  if (const auto* size = optional_array(*object, "resize"); size && size->size() == 2) {
    std::string payload;
    for (const json::value& value : *size) {
      const auto number =
          value.is_int64() ? std::clamp<std::int64_t>(value.get_int64(), 1, 9999) : 1;
      payload += static_cast<char>(number >> 8);
      payload += static_cast<char>(number & 0xff);
    }
    return frame(AttachFrame::resize, payload);
  }
  if (optional_bool(*object, "end").value_or(false)) return frame(AttachFrame::end, "");
  if (const auto name = optional_string(*object, "signal"))
    if (const int number = signal_number(*name))
      return frame(AttachFrame::signal, std::string(1, static_cast<char>(number)));
  return {};
}

/// From the client to the replica, until the client goes. A replica that takes no more may have
/// ended: its last frames are still to be read, so that is no reason to close.
Task<void> copy_in(WebSocket* client, Socket* replica) {
  for (bool taken = true;;) {
    const auto message = co_await client->read();
    if (message.has_error()) break;
    const std::string bytes =
        message->text ? control_frame(message->data) : frame(AttachFrame::data, message->data);
    if (bytes.empty() || !taken) continue;
    const auto [failure, count] =
        co_await asio::async_write(*replica, asio::buffer(bytes), as_result);
    taken = !failure;
  }
  // Wakes the other direction.
  boost::system::error_code ignored;
  replica->close(ignored);
}

/// From the replica to the client, until the exit frame; why it ended.
Task<std::string> copy_out(WebSocket* client, Socket* replica) {
  for (;;) {
    std::string header(header_bytes, '\0');
    const auto [failure, count] =
        co_await asio::async_read(*replica, asio::buffer(header), as_result);
    if (failure) co_return "the connection to the replica ended";
    const std::uint32_t size = length_of(header);
    if (size > runtime::attach_frame_limit)
      co_return "the replica's shim sent a frame that is too large";
    std::string payload(size, '\0');
    const auto [cut, got] = co_await asio::async_read(*replica, asio::buffer(payload), as_result);
    if (cut) co_return "the connection to the replica ended";
    if (header[0] == static_cast<char>(AttachFrame::exit)) {
      const int code = size > 0 ? static_cast<unsigned char>(payload[0]) : 0;
      const int signal = size > 1 ? static_cast<unsigned char>(payload[1]) : 0;
      // As shells count: 128 + the signal.
      WebSocket::Message last{
          .text = true, .data = to_text(json::object{{"exit", signal ? 128 + signal : code}})};
      const auto told = co_await client->write(std::move(last));
      (void)told;
      co_return "";
    }
    if (header[0] != static_cast<char>(AttachFrame::data)) continue;
    WebSocket::Message data{.text = false, .data = std::move(payload)};
    const auto written = co_await client->write(std::move(data));
    if (written.has_error()) co_return "";
  }
}

}  // namespace

Task<Answer> attach(Call call, Exchange* exchange) {
  if (lower_case(call.request.header("upgrade")) != "websocket")
    co_return Problem(426, "bad_request",
                      "this is a WebSocket; use a client that speaks it (berth run)");
  Result<Fd> fd = co_await call.control().attach(call.param("secret"));
  if (fd.has_error()) co_return fd.error();
  Socket replica(exchange->executor());
  boost::system::error_code failure;
  replica.assign(asio::local::stream_protocol(), fd->get(), failure);
  if (failure) co_return Problem(500, "internal", "attach: " + failure.message());
  (void)fd->release();
  auto client = co_await exchange->upgrade();
  if (client.has_error()) co_return client.error();
  TaskGroup input(exchange->executor());
  input.spawn(copy_in(client->get(), &replica));
  const std::string why = co_await copy_out(client->get(), &replica);
  // At once: the client's side of the farewell may take its time.
  replica.close(failure);
  co_await (*client)->close(why);
  co_await input.join();
  co_return Response{};
}

}  // namespace berth::api
