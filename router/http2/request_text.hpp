// SPDX-License-Identifier: Apache-2.0
//
// The fields of an HTTP/2 request as the HTTP/1.1 head that the strict scanner reads: all requests
// pass the same gate, whichever protocol they came by. What HTTP/2 forbids (RFC 9113, section 8.2
// and 8.3) is refused here, before it can become a line of text. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "router/http/fields.hpp"

namespace berth::router::http2 {

class RequestText final {
 public:
  /// As for heads of HTTP/1, and counted as RFC 9113 does: name, value and 32 bytes a field.
  static constexpr std::size_t max_size = 16 * 1024;
  /// Of what write() makes of fields within that.
  static constexpr std::size_t max_written = max_size + 512;

  void clear();
  /// The next field of the header block. Fields beyond the size are counted and dropped.
  void add(std::string_view name, std::string_view value);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_too_large() const { return size_ > max_size; }
  /// The end of the header block. What is wrong with the request, else `complete`.
  [[nodiscard]] http::Scan finish();

  [[nodiscard]] bool has_length() const { return has_length_; }
  /// An extended CONNECT (RFC 8441): bytes for a tunnel follow, and no body.
  [[nodiscard]] bool is_tunnel() const { return !protocol_.empty(); }

  /// How the body is framed for the replica, unless the client stated its length.
  enum class Framing : std::uint8_t { none, chunked, length };
  /// Writes the head; its size. `websocket_key`: for a tunnel.
  [[nodiscard]] std::size_t write(Framing framing, std::size_t length,
                                  std::string_view websocket_key, char* out) const;

 private:
  void add_pseudo(std::string_view name, std::string_view value);
  void refuse(const char* reason, int status = 400);

  std::string method_, path_, authority_, scheme_, protocol_, cookies_;
  std::string lines_;
  std::size_t size_ = 0;
  const char* wrong_ = nullptr;
  int wrong_status_ = 400;
  bool has_length_ = false;
  bool has_fields_ = false;  ///< behind which no pseudo-header field may stand
};

/// A line for a trailer field, or nothing if it must not be passed on.
void add_trailer(std::string_view name, std::string_view value, std::string& lines);

}  // namespace berth::router::http2
