// SPDX-License-Identifier: Apache-2.0
#include "router/http2/request_text.hpp"

#include <charconv>
#include <cstring>

#include "router/http/characters.hpp"

namespace berth::router::http2 {

namespace {

constexpr std::size_t field_overhead = 32;

bool is_lower_case_token(std::string_view name) {
  for (const char c : name)
    if (!http::is_token(c) || (c >= 'A' && c <= 'Z')) return false;
  return !name.empty() && name.size() <= 256;
}

bool is_value(std::string_view value) {
  return http::find_value_end(value.data(), value.data() + value.size()) ==
         value.data() + value.size();
}

/// Both hold only bytes of a host name, or the scanner refuses the one that stays.
bool same_host(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (http::to_lower(a[i]) != http::to_lower(b[i])) return false;
  return true;
}

void append_line(std::string& lines, std::string_view name, std::string_view value) {
  lines.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void RequestText::clear() {
  for (std::string* text :
       {&method_, &path_, &authority_, &scheme_, &protocol_, &cookies_, &lines_}) {
    text->clear();
    if (text->capacity() > 4096) text->shrink_to_fit();
  }
  size_ = 0;
  wrong_ = nullptr;
  has_length_ = has_fields_ = false;
}

void RequestText::refuse(const char* reason, int status) {
  if (wrong_) return;
  wrong_ = reason;
  wrong_status_ = status;
}

void RequestText::add_pseudo(std::string_view name, std::string_view value) {
  if (has_fields_) refuse("pseudo-header field behind an ordinary one");
  std::string* to = name == ":method"      ? &method_
                    : name == ":path"      ? &path_
                    : name == ":authority" ? &authority_
                    : name == ":scheme"    ? &scheme_
                    : name == ":protocol"  ? &protocol_
                                           : nullptr;
  if (!to || value.empty() || !to->empty()) {
    refuse("unknown, empty or repeated pseudo-header field");
  } else {
    *to = value;
  }
}

void RequestText::add(std::string_view name, std::string_view value) {
  size_ += name.size() + value.size() + field_overhead;
  if (is_too_large() || wrong_) return;
  if (!is_value(value)) {
    refuse("control character in a header value");
    return;
  }
  if (name.starts_with(':')) {
    add_pseudo(name, value);
    return;
  }
  has_fields_ = true;
  if (!is_lower_case_token(name)) {
    refuse("invalid header name");
    return;
  }
  switch (http::classify(name)) {
    case http::FieldName::connection:
    case http::FieldName::keep_alive:
    case http::FieldName::proxy_connection:
    case http::FieldName::transfer_encoding:
    case http::FieldName::upgrade: refuse("header of a connection in HTTP/2"); return;
    case http::FieldName::te:
      if (value != "trailers") refuse("TE other than trailers in HTTP/2");
      break;
    case http::FieldName::host:
      if (authority_.empty()) {
        authority_ = value;
      } else if (!same_host(authority_, value)) {
        refuse(":authority and Host differ");
      }
      return;
    case http::FieldName::content_length: has_length_ = true; break;
    default: break;
  }
  if (name == "cookie") {
    // One line again (RFC 9113, section 8.2.3).
    if (!cookies_.empty()) cookies_ += "; ";
    cookies_ += value;
    return;
  }
  // A tunnel gets a key of ours: HTTP/2 has none, and two would be one too many.
  if (!protocol_.empty() && name == "sec-websocket-key") return;
  append_line(lines_, name, value);
}

http::Scan RequestText::finish() {
  if (is_too_large()) return http::scan_invalid(431, "request head too large");
  if (wrong_) return http::scan_invalid(wrong_status_, wrong_);
  if (method_.empty()) return http::scan_invalid(400, "no :method");
  if (method_ == "CONNECT") {
    if (protocol_.empty()) return http::scan_invalid(405, "CONNECT is not supported");
    if (protocol_ != "websocket")
      return http::scan_invalid(501, "CONNECT for a protocol other than websocket");
    if (has_length_) return http::scan_invalid(400, "Content-Length in a CONNECT request");
  } else if (!protocol_.empty()) {
    return http::scan_invalid(400, ":protocol without CONNECT");
  }
  if (scheme_ != "http" && scheme_ != "https") return http::scan_invalid(400, "invalid :scheme");
  // The absolute form, which the scanner knows, is HTTP/1's.
  if (!path_.starts_with('/') && !(path_ == "*" && method_ == "OPTIONS"))
    return http::scan_invalid(400, "invalid :path");
  if (authority_.empty()) return http::scan_invalid(400, "neither :authority nor Host");
  if (!cookies_.empty()) append_line(lines_, "cookie", cookies_);
  return http::scan_complete();
}

std::size_t RequestText::write(Framing framing, std::size_t length, std::string_view websocket_key,
                               char* out) const {
  char* at = out;
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(is_tunnel() ? "GET" : method_);
  put(" ");
  put(path_);
  put(" HTTP/1.1\r\nHost: ");
  put(authority_);
  put("\r\n");
  if (!lines_.empty()) put(lines_);
  if (is_tunnel()) {
    put("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ");
    put(websocket_key);
    put("\r\n");
  } else if (!has_length_ && framing == Framing::chunked) {
    put("Transfer-Encoding: chunked\r\n");
  } else if (!has_length_ && framing == Framing::length) {
    put("Content-Length: ");
    at = std::to_chars(at, at + 20, length).ptr;
    put("\r\n");
  }
  put("\r\n");
  return static_cast<std::size_t>(at - out);
}

void add_trailer(std::string_view name, std::string_view value, std::string& lines) {
  if (!is_lower_case_token(name) || !is_value(value)) return;
  // Fields that frame, route or tell who somebody is mean nothing behind a body but to a program
  // that is to be deceived (RFC 9110, section 6.5.1).
  if (http::classify(name) != http::FieldName::other) return;
  append_line(lines, name, value);
}

}  // namespace berth::router::http2
