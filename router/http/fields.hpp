// SPDX-License-Identifier: Apache-2.0
//
// The field section of a message head: one strict scanner for requests and responses, which keeps
// byte ranges and no copies, and the names that the router must know. Nothing here allocates.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace berth::router::http {

/// Fields that the router reads, replaces or removes; all others pass untouched.
enum class FieldName : std::uint8_t {
  other,
  accept,
  connection,
  content_length,
  expect,
  forwarded,
  host,
  http2_settings,
  keep_alive,
  proxy_connection,
  te,
  transfer_encoding,
  upgrade,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_port,
  x_forwarded_proto,
  x_request_id,
  x_request_start,
  underscore_twin,  ///< one of the above but for '_' in place of '-': CGI-style apps mix them up
  framing_twin,     ///< such a twin of content-length or transfer-encoding
};

[[nodiscard]] FieldName classify(std::string_view name);

struct Field {
  const char* line = nullptr;  ///< first byte of the name
  const char* next = nullptr;  ///< first byte after the CRLF
  const char* value_begin = nullptr;
  std::uint32_t value_size = 0;
  std::uint16_t name_size = 0;
  FieldName known = FieldName::other;

  [[nodiscard]] std::string_view name() const { return {line, name_size}; }
  [[nodiscard]] std::string_view value() const { return {value_begin, value_size}; }
};

inline constexpr std::size_t max_fields = 128;

struct Fields {
  std::array<Field, max_fields> items;
  std::size_t count = 0;

  [[nodiscard]] std::span<const Field> all() const { return {items.data(), count}; }
};

enum class ScanStatus : std::uint8_t { complete, incomplete, invalid };

/// What a scanner says about a head. For `invalid`: the status to answer a request with, and why.
struct Scan {
  ScanStatus status = ScanStatus::incomplete;
  int http_status = 0;
  const char* reason = "";
};

[[nodiscard]] constexpr Scan scan_incomplete() { return {}; }
[[nodiscard]] constexpr Scan scan_complete() { return {ScanStatus::complete, 0, ""}; }
[[nodiscard]] constexpr Scan scan_invalid(int http_status, const char* reason) {
  return {ScanStatus::invalid, http_status, reason};
}

/// Scans field lines up to and with the empty line; `at` moves behind what was scanned.
[[nodiscard]] Scan scan_fields(const char*& at, const char* end, Fields& fields);

/// Message framing that the fields state (RFC 9112, section 6).
struct Framing {
  bool chunked = false;
  bool has_length = false;
  std::uint64_t length = 0;
};

/// Digits only, at most 18 of them: "+5", "5, 5", "0x5", "" and " 5" inside are all refused.
[[nodiscard]] bool parse_content_length(std::string_view value, std::uint64_t& length);

/// What the Connection fields ask for.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  bool names_others = false;       ///< nominates fields that must not be passed on
  bool names_forbidden = false;    ///< nominates one that framing or routing needs: an attack
};

void read_connection(std::string_view value, ConnectionOptions& options);

/// The Content-Type of gRPC over HTTP/2; that of gRPC-Web, which HTTP/1.1 can carry, is another.
[[nodiscard]] bool is_grpc(const Fields& fields);

/// Whether some Connection field nominates `name`.
[[nodiscard]] bool is_nominated(const Fields& fields, std::string_view name);

}  // namespace berth::router::http
