// SPDX-License-Identifier: Apache-2.0
#include "router/http/response_head.hpp"

#include <cstring>

#include "router/http/characters.hpp"
#include "router/http/request_head.hpp"

namespace berth::router::http {

namespace {

Scan scan_status_line(const char*& at, const char* end, ResponseHead& head) {
  const auto have = static_cast<std::size_t>(end - at);
  constexpr std::string_view prefix = "HTTP/1.";
  const std::size_t compared = have < prefix.size() ? have : prefix.size();
  if (std::memcmp(at, prefix.data(), compared) != 0)
    return scan_invalid(502, "the answer does not start with HTTP/1.1 or HTTP/1.0");
  if (have < 13) return scan_incomplete();
  if (at[7] != '0' && at[7] != '1') return scan_invalid(502, "unknown HTTP version");
  if (at[8] != ' ' || !is_digit(at[9]) || !is_digit(at[10]) || !is_digit(at[11]))
    return scan_invalid(502, "invalid status line");
  head.minor_version = at[7] - '0';
  head.status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
  if (head.status < 100 || head.status > 599) return scan_invalid(502, "invalid status code");
  // The reason may be empty, and many servers leave out the space before it then.
  if (at[12] != ' ' && at[12] != '\r') return scan_invalid(502, "invalid status line");
  const char* const code = at + 9;
  at = find_value_end(at + 12, end);
  if (at != end && *at != '\r') return scan_invalid(502, "control character in the status line");
  if (end - at < 2) return scan_incomplete();
  if (at[1] != '\n') return scan_invalid(502, "bare carriage return");
  head.status_text = {code, static_cast<std::size_t>(at - code)};
  at += 2;
  return scan_complete();
}

Scan read_fields(ResponseHead& head) {
  for (const Field& field : head.fields.all()) {
    switch (field.known) {
      case FieldName::content_length: {
        std::uint64_t length = 0;
        if (!parse_content_length(field.value(), length))
          return scan_invalid(502, "invalid Content-Length");
        if (head.framing.has_length && head.framing.length != length)
          return scan_invalid(502, "differing Content-Length");
        head.framing.has_length = true;
        head.framing.length = length;
        break;
      }
      case FieldName::transfer_encoding:
        if (head.framing.chunked || !equals_ignoring_case(field.value(), "chunked"))
          return scan_invalid(502, "Transfer-Encoding other than chunked");
        head.framing.chunked = true;
        break;
      case FieldName::framing_twin:
        return scan_invalid(502, "header name that imitates message framing");
      case FieldName::connection: read_connection(field.value(), head.connection); break;
      case FieldName::upgrade: head.has_upgrade = true; break;
      default: break;
    }
  }
  if (head.framing.chunked && head.framing.has_length)
    return scan_invalid(502, "both Transfer-Encoding and Content-Length");
  if (head.framing.chunked && head.minor_version == 0)
    return scan_invalid(502, "Transfer-Encoding in an HTTP/1.0 answer");
  if (head.connection.names_forbidden)
    return scan_invalid(502, "Connection names a header that framing needs");
  head.keep_alive = head.minor_version == 1 ? !head.connection.close
                                            : head.connection.keep_alive && !head.connection.close;
  return scan_complete();
}

}  // namespace

Scan scan_response(std::string_view data, ResponseHead& head) {
  head.framing = {};
  head.connection = {};
  head.has_upgrade = false;
  head.size = 0;
  const char* const begin = data.data();
  const char* const end = begin + data.size();
  const char* at = begin;
  Scan scan = scan_status_line(at, end, head);
  if (scan.status == ScanStatus::complete) scan = scan_fields(at, end, head.fields);
  if (scan.status == ScanStatus::incomplete && data.size() >= max_head_size)
    return scan_invalid(502, "head larger than 16 KiB");
  if (scan.status != ScanStatus::complete) return scan;
  head.size = static_cast<std::size_t>(at - begin);
  if (head.size > max_head_size) return scan_invalid(502, "head larger than 16 KiB");
  return read_fields(head);
}

}  // namespace berth::router::http
