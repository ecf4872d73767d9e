// SPDX-License-Identifier: Apache-2.0
//
// A replica that speaks HTTP/2, as one of HTTP/1.1: what an exchange sends it as text becomes
// frames, and its frames become text, chunks and trailers included. So an exchange has one kind of
// replica. One request at a time; a connection is used again as one of HTTP/1.1 is. Owned by its
// Upstream.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "router/http/body.hpp"

namespace berth::router {

class Http2Origin final {
 public:
  /// Null if memory is short.
  [[nodiscard]] static std::unique_ptr<Http2Origin> create();
  ~Http2Origin();
  Http2Origin(const Http2Origin&) = delete;
  Http2Origin& operator=(const Http2Origin&) = delete;

  /// Bytes of a request in HTTP/1.1, its whole head first. False if it cannot be sent.
  [[nodiscard]] bool send(std::string_view data);
  /// There are bytes of the request that the replica's window does not let through.
  [[nodiscard]] bool is_blocked() const { return sent_ < body_bytes_.size(); }
  /// Frames for the replica, about `limit` bytes at most; false if the connection is useless.
  [[nodiscard]] bool take_frames(std::string& out, std::size_t limit);

  /// Frames of the replica; what they say is added to `answer` as text. False if they say nothing
  /// that can be understood.
  [[nodiscard]] bool receive(std::string_view data, std::string& answer);
  /// Either side has ended the connection, after frames that wait are sent.
  [[nodiscard]] bool is_over() const;
  /// The replica gave the request up.
  [[nodiscard]] bool was_reset() const { return reset_; }
  /// Another request may follow.
  [[nodiscard]] bool is_reusable() const;

 private:
  struct Callbacks;  ///< what nghttp2 calls
  Http2Origin() = default;
  [[nodiscard]] bool send_head(std::string_view& data);
  void on_head(bool ends);
  void on_end();

  nghttp2_session* session_ = nullptr;
  std::int32_t stream_ = 0;          ///< of the request; 0: none
  http::Body body_;                  ///< of the request
  std::string body_bytes_;           ///< without chunks
  std::size_t sent_ = 0;             ///< of these
  std::string trailers_;             ///< of the request
  std::string* answer_ = nullptr;    ///< during receive()
  std::string status_, lines_;       ///< of the header block that is being received
  std::size_t block_size_ = 0;
  std::size_t heads_size_ = 0;
  bool answer_begun_ = false;
  bool answer_chunked_ = false;
  bool answer_ended_ = false;
  bool reset_ = false;
};

}  // namespace berth::router
