// SPDX-License-Identifier: Apache-2.0
#include "router/http2/response_fields.hpp"

#include "router/http/characters.hpp"

namespace berth::router::http2 {

void ResponseFields::add(std::string_view lower_case_name, std::string_view value) {
  items_[count_++] = {lower_case_name, value};
  bytes_ += lower_case_name.size() + value.size();
}

std::string_view ResponseFields::lower(std::string_view name) {
  char* const begin = space_;
  for (const char c : name) *space_++ = http::to_lower(c);
  return {begin, name.size()};
}

void ResponseFields::set(const http::ResponseHead& head, const http::ResponseContext& context) {
  const int status = context.upgrade ? 200 : head.status;
  status_ = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
             static_cast<char>('0' + status % 10)};
  add(":status", {status_.data(), status_.size()});
  const bool no_length = status < 200 || status == 204 || context.upgrade;
  bool has_length = false;
  bool has_hsts = false;
  for (const http::Field& field : head.fields.all()) {
    switch (field.known) {
      case http::FieldName::connection:
      case http::FieldName::keep_alive:
      case http::FieldName::proxy_connection:
      case http::FieldName::te:
      case http::FieldName::http2_settings:
      case http::FieldName::upgrade:
      case http::FieldName::transfer_encoding: continue;
      case http::FieldName::content_length:
        if (no_length || has_length) continue;
        has_length = true;
        break;
      default:
        if (head.connection.names_others && http::is_nominated(head.fields, field.name())) continue;
        break;
    }
    const std::string_view name = lower(field.name());
    // It proves to a client of HTTP/1 that its handshake was understood.
    if (context.upgrade && name == "sec-websocket-accept") continue;
    if (name == "strict-transport-security") has_hsts = true;
    add(name, field.value());
  }
  if (status < 200) return;
  if (!context.hsts.empty() && !has_hsts) add("strict-transport-security", context.hsts);
  if (!context.cookie.empty()) add("set-cookie", context.cookie);
  add("via", "1.1 berth");
}

void ResponseFields::set_trailers(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || count_ == http::max_fields) continue;
    const std::string_view name = line.substr(0, colon);
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
      value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (http::classify(name) == http::FieldName::other) add(lower(name), value);
  }
}

}  // namespace berth::router::http2
