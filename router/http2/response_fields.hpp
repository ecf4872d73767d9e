// SPDX-License-Identifier: Apache-2.0
//
// The head of a replica's answer as fields of HTTP/2: what rewrite_response() does for HTTP/1.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "router/http/response_head.hpp"
#include "router/http/rewrite.hpp"

namespace berth::router::http2 {

struct NamedValue {
  std::string_view name;  ///< in lower case
  std::string_view value;
};

class ResponseFields final {
 public:
  /// Space for names in lower case: as large as the largest head.
  explicit ResponseFields(char* space) : space_(space) {}

  /// `:status` first. A 101, which HTTP/2 has not, is a 200.
  void set(const http::ResponseHead& head, const http::ResponseContext& context);
  /// From the lines of a chunked body's trailers, which ChunkedBody has checked.
  void set_trailers(std::string_view lines);
  [[nodiscard]] std::span<const NamedValue> all() const { return {items_.data(), count_}; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void add(std::string_view lower_case_name, std::string_view value);
  [[nodiscard]] std::string_view lower(std::string_view name);

  std::array<NamedValue, http::max_fields + 4> items_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  char* space_;
  std::array<char, 3> status_;
};

}  // namespace berth::router::http2
