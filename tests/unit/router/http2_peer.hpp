// SPDX-License-Identifier: Apache-2.0
//
// A client of HTTP/2 that says exactly the frames that it is told to, good ones and bad ones, with
// HPACK by nghttp2.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/router/harness.hpp"

struct nghttp2_hd_deflater;
struct nghttp2_hd_inflater;

namespace berth::router::test {

enum class FrameType : std::uint8_t {
  data, headers, priority, rst_stream, settings, push_promise, ping, goaway, window_update,
  continuation
};

namespace flag {
inline constexpr std::uint8_t ack = 1;
inline constexpr std::uint8_t end_stream = 1;
inline constexpr std::uint8_t end_headers = 4;
}  // namespace flag

struct Frame {
  FrameType type{};
  std::uint8_t flags = 0;
  std::int32_t stream = 0;
  std::string payload;
  [[nodiscard]] std::uint32_t number_at(std::size_t offset) const;
};
[[nodiscard]] std::string frame(FrameType type, std::uint8_t flags, std::int32_t stream,
                                std::string_view payload = {});
/// Four bytes, the first one first.
[[nodiscard]] std::string be32(std::uint32_t number);
[[nodiscard]] std::string setting(std::uint16_t id, std::uint32_t value);

using FieldList = std::vector<std::pair<std::string, std::string>>;

/// What was received for a stream.
struct Answer {
  FieldList fields;    ///< of the final head
  std::vector<int> interim;
  FieldList trailers;
  std::string body;
  bool ended = false;
  std::optional<std::uint32_t> reset;
  [[nodiscard]] int status() const;
  [[nodiscard]] std::string field(std::string_view name) const;
};

class Http2Peer final {
 public:
  /// Sends the preface and `settings`, a SETTINGS payload.
  explicit Http2Peer(Peer peer, std::string_view settings = {});
  /// The other side: what is received are requests, as answers are.
  struct AsServer {};
  Http2Peer(Peer peer, AsServer);
  ~Http2Peer();
  Http2Peer(Http2Peer&&) = delete;

  bool send(std::string_view frames) { return peer_.send(frames); }
  /// A header block with END_HEADERS; not sent.
  [[nodiscard]] std::string head(std::int32_t stream, const FieldList& fields, bool end = true);
  [[nodiscard]] std::string block(const FieldList& fields);
  /// A request of these for hello.localhost.
  [[nodiscard]] static FieldList request(std::string_view method, std::string_view path,
                                         const FieldList& more = {});
  std::int32_t get(std::string_view path, const FieldList& more = {});

  /// The next frame but for those that settings and windows need; nothing if the stream has ended.
  [[nodiscard]] std::optional<Frame> read();
  /// Reads until the stream has its answer, a reset, or the connection its end.
  [[nodiscard]] const Answer& answer(std::int32_t stream);
  [[nodiscard]] const Answer& so_far(std::int32_t stream) { return answers_[stream]; }
  /// Reads on until `condition` holds; false if the connection ends before.
  [[nodiscard]] bool read_until(const std::function<bool()>& condition);
  /// Reads to the end of the connection; the error of its GOAWAY.
  [[nodiscard]] std::optional<std::uint32_t> goaway();
  /// A PING and its answer: all that was sent before has been read. False if the connection ended.
  [[nodiscard]] bool sync();

  /// Windows are given back for DATA; by default yes.
  bool gives_windows = true;
  std::map<std::uint16_t, std::uint32_t> settings;  ///< of the router
  [[nodiscard]] Peer& peer() { return peer_; }

 private:
  void take(const Frame& frame);
  void take_head(const Frame& frame);
  Peer peer_;
  nghttp2_hd_deflater* deflater_ = nullptr;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::map<std::int32_t, Answer> answers_;
  std::optional<std::uint32_t> goaway_;
  std::int32_t next_stream_ = 1;
  int pings_ = 0;
  int pongs_ = 0;
};

}  // namespace berth::router::test
