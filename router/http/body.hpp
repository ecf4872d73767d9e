// SPDX-License-Identifier: Apache-2.0
//
// Where a message body ends: none, so many bytes, the last chunk, or the end of the connection.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "router/http/chunked.hpp"
#include "router/http/fields.hpp"

namespace berth::router::http {

class Body final {
 public:
  Body() = default;
  /// A request without framing has no body.
  [[nodiscard]] static Body of_request(const Framing& framing) {
    Body body(framing.chunked ? Kind::chunked : Kind::length, framing.length);
    body.chunks_ = ChunkedBody(/*strict_trailers=*/true);
    return body;
  }
  /// A response without framing lasts until the connection ends.
  [[nodiscard]] static Body of_response(const Framing& framing, bool has_no_body) {
    if (has_no_body) return Body(Kind::length, 0);
    if (framing.chunked) return Body(Kind::chunked, 0);
    if (framing.has_length) return Body(Kind::length, framing.length);
    return Body(Kind::until_close, 0);
  }

  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] bool ends_by_close() const { return kind_ == Kind::until_close; }
  [[nodiscard]] bool is_chunked() const { return kind_ == Kind::chunked; }

  struct Step {
    bool valid = true;
    std::size_t consumed = 0;
    std::size_t payload = 0;
  };
  [[nodiscard]] Step follow(const char* data, std::size_t size) {
    if (kind_ != Kind::chunked) return count(size);
    const ChunkedBody::Step step = chunks_.follow(data, size);
    complete_ = step.status == ChunkedBody::Status::done;
    return {step.status != ChunkedBody::Status::invalid, step.consumed, step.consumed};
  }
  /// As follow(), with chunk framing taken off: the first `payload` bytes of `data` are content.
  /// The trailers' lines are added to `trailers`, if it is given.
  [[nodiscard]] Step decode(char* data, std::size_t size, std::string* trailers = nullptr) {
    if (kind_ != Kind::chunked) return count(size);
    const ChunkedBody::Step step = chunks_.decode(data, size, trailers);
    complete_ = step.status == ChunkedBody::Status::done;
    return {step.status != ChunkedBody::Status::invalid, step.consumed, step.payload};
  }

 private:
  enum class Kind : std::uint8_t { length, chunked, until_close };
  Body(Kind kind, std::uint64_t left)
      : left_(left), kind_(kind), complete_(kind == Kind::length && left == 0) {}

  Step count(std::size_t size) {
    if (kind_ == Kind::until_close) return {true, size, size};
    const std::size_t taken = std::min<std::uint64_t>(left_, size);
    left_ -= taken;
    complete_ = left_ == 0;
    return {true, taken, taken};
  }

  std::uint64_t left_ = 0;
  ChunkedBody chunks_;
  Kind kind_ = Kind::length;
  bool complete_ = true;
};

}  // namespace berth::router::http
