// SPDX-License-Identifier: Apache-2.0
//
// The scanner behind request.hpp.
#include "buildpacks/static/server/request.hpp"

#include <algorithm>
#include <charconv>

namespace berth::site {
namespace {

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the part before `separator` off the front.
std::string_view take(std::string_view& text, std::string_view separator) {
  const auto end = text.find(separator);
  const auto part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
  return part;
}

bool list_has(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    if (equals_ignoring_case(trim(take(list, ",")), wanted)) return true;
  }
  return false;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool read_number(std::string_view text, unsigned long long& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

// One header field. False: the request is refused.
bool apply_field(std::string_view line, Request& request, int& hosts) {
  const auto colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  const auto name = line.substr(0, colon);
  for (const char c : name) {
    if (!is_token_char(c)) return false;  // also a line that continues the one before, or "Host :"
  }
  const auto value = trim(line.substr(colon + 1));
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') return false;
  }
  if (equals_ignoring_case(name, "host")) {
    ++hosts;
    request.host = value;
  } else if (equals_ignoring_case(name, "x-forwarded-proto")) {
    request.forwarded_proto = value;
  } else if (equals_ignoring_case(name, "connection")) {
    if (list_has(value, "close")) request.keep_alive = false;
  } else if (equals_ignoring_case(name, "content-length")) {
    unsigned long long length = 0;
    if (!read_number(value, length)) return false;
    request.has_body = request.has_body || length > 0;
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    request.has_body = true;
  } else if (equals_ignoring_case(name, "if-none-match")) {
    request.if_none_match = value;
  } else if (equals_ignoring_case(name, "if-modified-since")) {
    request.if_modified_since = value;
  } else if (equals_ignoring_case(name, "range")) {
    request.range = value;
  } else if (equals_ignoring_case(name, "if-range")) {
    request.if_range = value;
  }
  return true;
}

}  // namespace

std::optional<Request> parse_request(std::string_view head) {
  auto line = take(head, "\r\n");
  const auto method = take(line, " ");
  const auto target = take(line, " ");
  if (line != "HTTP/1.1" && line != "HTTP/1.0") return std::nullopt;
  Request request;
  for (const char c : method) {
    if (!is_token_char(c)) return std::nullopt;
  }
  if (method == "GET") request.method = Method::get;
  if (method == "HEAD") request.method = Method::head;
  const auto question = target.find('?');
  if (question != std::string_view::npos) request.query = target.substr(question);
  for (const char c : request.query) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return std::nullopt;
  }
  auto path = decode_target(target.substr(0, question));
  if (!path && !(method == "OPTIONS" && target == "*")) return std::nullopt;
  if (path) request.path = std::move(*path);
  request.keep_alive = line == "HTTP/1.1";  // HTTP/1.0 is answered and closed
  int hosts = 0;
  while (!head.empty()) {
    const auto field = take(head, "\r\n");
    if (field.empty()) break;
    if (!apply_field(field, request, hosts)) return std::nullopt;
  }
  if (hosts > 1 || (hosts == 0 && line == "HTTP/1.1")) return std::nullopt;
  return request;
}

std::optional<std::string> decode_target(std::string_view target) {
  if (target.empty() || target.front() != '/') return std::nullopt;
  target = target.substr(0, target.find_first_of("?#"));
  std::string raw;
  for (std::size_t i = 0; i < target.size(); ++i) {
    char c = target[i];
    if (c == '%') {
      if (i + 2 >= target.size()) return std::nullopt;
      const int high = hex_value(target[i + 1]);
      const int low = hex_value(target[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return std::nullopt;
    raw.push_back(c);
  }
  std::string path;
  std::string_view rest = raw;
  while (!rest.empty()) {
    const auto segment = take(rest, "/");
    if (segment == "..") return std::nullopt;
    if (segment.empty() || segment == ".") continue;
    path += '/';
    path += segment;
  }
  if (path.empty() || raw.back() == '/') path += '/';
  return path;
}

bool is_hidden(std::string_view path) {
  if (path.starts_with("/.well-known/")) path.remove_prefix(12);
  return path.find("/.") != std::string_view::npos;
}

RangeAnswer resolve_range(std::string_view header, unsigned long long size) {
  if (!header.starts_with("bytes=")) return {};
  header.remove_prefix(6);
  if (header.find(',') != std::string_view::npos) return {};
  header = trim(header);
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return {};
  const auto from = header.substr(0, dash);
  const auto to = header.substr(dash + 1);
  ByteRange bytes;
  if (from.empty()) {
    unsigned long long length = 0;
    if (!read_number(to, length)) return {};
    if (length == 0 || size == 0) return {RangeKind::unsatisfiable, {}};
    return {RangeKind::part, {size - std::min(length, size), size - 1}};
  }
  if (!read_number(from, bytes.first)) return {};
  bytes.last = size == 0 ? 0 : size - 1;
  if (!to.empty()) {
    unsigned long long last = 0;
    if (!read_number(to, last) || last < bytes.first) return {};
    bytes.last = std::min(last, bytes.last);
  }
  if (bytes.first >= size) return {RangeKind::unsatisfiable, {}};
  return {RangeKind::part, bytes};
}

bool etag_matches(std::string_view list, std::string_view etag) {
  if (trim(list) == "*") return true;
  while (!list.empty()) {
    auto tag = trim(take(list, ","));
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag) return true;
  }
  return false;
}

}  // namespace berth::site
