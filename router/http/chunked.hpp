// SPDX-License-Identifier: Apache-2.0
//
// Follows the chunked transfer coding (RFC 9112, section 7.1) to know where a body ends, without
// decoding it: chunks and trailers pass as they are. decode() takes the framing off in place, for
// HTTP/1.0 clients, which do not know it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace berth::router::http {

class ChunkedBody final {
 public:
  enum class Status : std::uint8_t { more, done, invalid };
  struct Step {
    Status status = Status::more;
    std::size_t consumed = 0;  ///< bytes of the input that belong to this body
    std::size_t payload = 0;   ///< decode(): bytes of content, moved to the front of the input
  };

  /// With `strict_trailers` a trailer that says where the body ends, whose it is, or what becomes
  /// of the connection, is invalid: some who get it believe it (RFC 9110, section 6.5.1).
  explicit ChunkedBody(bool strict_trailers = false) : strict_trailers_(strict_trailers) {}

  [[nodiscard]] Step follow(const char* data, std::size_t size);
  /// Adds the lines of the trailers to `trailers`, if it is given.
  [[nodiscard]] Step decode(char* data, std::size_t size, std::string* trailers = nullptr);

 private:
  enum class State : std::uint8_t {
    size_first, size, extension_first, extension_name, extension_value_first, extension_value,
    extension_quoted, extension_escaped, extension_end, size_lf, data, data_cr, data_lf,
    trailer_first, trailer_name, trailer_value, trailer_lf, last_lf, done,
  };
  [[nodiscard]] bool step(char byte);
  /// One byte behind a chunk's size: ;name, ;name=value or ;name="value".
  [[nodiscard]] bool step_extension(char byte);
  /// A byte that must end the size or an extension of it.
  [[nodiscard]] bool end_extension(char byte);
  /// Follows the name of a trailer; false at the end of one that is forbidden.
  [[nodiscard]] bool follow_name(char byte);
  [[nodiscard]] bool is_in_trailers() const {
    return state_ >= State::trailer_name && state_ <= State::trailer_lf;
  }

  std::uint64_t left_ = 0;    ///< of the chunk's data, or its size while that is read
  std::uint32_t count_ = 0;   ///< bytes of the extension or of the trailers so far
  std::uint8_t digits_ = 0;
  std::uint8_t name_size_ = 0;  ///< of a trailer so far
  std::uint8_t alike_ = 0;      ///< the forbidden names that begin as it does, a bit each
  bool strict_trailers_ = false;
  State state_ = State::size_first;
};

}  // namespace berth::router::http
