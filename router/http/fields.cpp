// SPDX-License-Identifier: Apache-2.0
#include "router/http/fields.hpp"

#include "router/http/characters.hpp"

namespace berth::router::http {

namespace {

enum class Match : std::uint8_t { no, exact, twin };

Match matches(std::string_view name, std::string_view known) {
  bool twin = false;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const char c = name[i];
    if (to_lower(c) == known[i]) continue;
    if (c != '_' || known[i] != '-') return Match::no;
    twin = true;
  }
  return twin ? Match::twin : Match::exact;
}

FieldName one_of(std::string_view name, std::string_view known, FieldName field) {
  switch (matches(name, known)) {
    case Match::no: return FieldName::other;
    case Match::exact: return field;
    case Match::twin: break;
  }
  const bool framing =
      field == FieldName::content_length || field == FieldName::transfer_encoding;
  return framing ? FieldName::framing_twin : FieldName::underscore_twin;
}

FieldName first_of(FieldName a, FieldName b) { return a != FieldName::other ? a : b; }

}  // namespace

FieldName classify(std::string_view name) {
  using F = FieldName;
  switch (name.size()) {
    case 2: return one_of(name, "te", F::te);
    case 4: return one_of(name, "host", F::host);
    case 6: return first_of(one_of(name, "accept", F::accept), one_of(name, "expect", F::expect));
    case 7: return one_of(name, "upgrade", F::upgrade);
    case 9: return one_of(name, "forwarded", F::forwarded);
    case 10:
      return first_of(one_of(name, "connection", F::connection),
                      one_of(name, "keep-alive", F::keep_alive));
    case 12: return one_of(name, "x-request-id", F::x_request_id);
    case 14:
      return first_of(one_of(name, "content-length", F::content_length),
                      one_of(name, "http2-settings", F::http2_settings));
    case 15:
      return first_of(one_of(name, "x-forwarded-for", F::x_forwarded_for),
                      one_of(name, "x-request-start", F::x_request_start));
    case 16:
      return first_of(first_of(one_of(name, "x-forwarded-host", F::x_forwarded_host),
                               one_of(name, "x-forwarded-port", F::x_forwarded_port)),
                      one_of(name, "proxy-connection", F::proxy_connection));
    case 17:
      return first_of(one_of(name, "x-forwarded-proto", F::x_forwarded_proto),
                      one_of(name, "transfer-encoding", F::transfer_encoding));
    default: return F::other;
  }
}

Scan scan_fields(const char*& at, const char* end, Fields& fields) {
  fields.count = 0;
  for (;;) {
    if (at == end) return scan_incomplete();
    if (*at == '\r') {
      if (end - at < 2) return scan_incomplete();
      if (at[1] != '\n') return scan_invalid(400, "bare carriage return");
      at += 2;
      return scan_complete();
    }
    const char* const name = at;
    while (at != end && is_token(*at)) ++at;
    if (at == end) return scan_incomplete();
    if (at == name && (*at == ' ' || *at == '\t'))
      return scan_invalid(400, "folded header line");
    if (*at != ':' || at == name) return scan_invalid(400, "invalid header name");
    if (at - name > 256) return scan_invalid(431, "header name too long");
    const auto name_size = static_cast<std::uint16_t>(at - name);
    ++at;
    while (at != end && (*at == ' ' || *at == '\t')) ++at;
    const char* const value = at;
    at = find_value_end(at, end);
    if (end - at < 2) {
      if (at != end && *at != '\r') return scan_invalid(400, "control character in a header value");
      return scan_incomplete();
    }
    if (*at != '\r') return scan_invalid(400, "control character in a header value");
    if (at[1] != '\n') return scan_invalid(400, "bare carriage return");
    const char* value_end = at;
    while (value_end != value && (value_end[-1] == ' ' || value_end[-1] == '\t')) --value_end;
    at += 2;
    if (fields.count == max_fields) return scan_invalid(431, "too many header lines");
    Field& field = fields.items[fields.count++];
    field.line = name;
    field.next = at;
    field.value_begin = value;
    field.value_size = static_cast<std::uint32_t>(value_end - value);
    field.name_size = name_size;
    field.known = classify(field.name());
  }
}

bool parse_content_length(std::string_view value, std::uint64_t& length) {
  if (value.empty() || value.size() > 18) return false;
  length = 0;
  for (const char c : value) {
    if (!is_digit(c)) return false;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

void read_connection(std::string_view value, ConnectionOptions& options) {
  for_each_list_item(value, [&](std::string_view item) {
    if (equals_ignoring_case(item, "close")) {
      options.close = true;
    } else if (equals_ignoring_case(item, "keep-alive")) {
      options.keep_alive = true;
    } else if (equals_ignoring_case(item, "upgrade")) {
      options.upgrade = true;
    } else {
      options.names_others = true;
      switch (classify(item)) {
        case FieldName::host:
        case FieldName::content_length:
        case FieldName::transfer_encoding:
        case FieldName::framing_twin: options.names_forbidden = true; break;
        default: break;
      }
    }
  });
}

bool is_grpc(const Fields& fields) {
  constexpr std::string_view type = "application/grpc";
  for (const Field& field : fields.all()) {
    if (!equals_ignoring_case(field.name(), "content-type")) continue;
    const std::string_view value = field.value();
    if (!equals_ignoring_case(value.substr(0, type.size()), type)) return false;
    return value.size() == type.size() || value[type.size()] == '+' || value[type.size()] == ';';
  }
  return false;
}

bool is_nominated(const Fields& fields, std::string_view name) {
  bool found = false;
  for (const Field& field : fields.all()) {
    if (field.known != FieldName::connection) continue;
    for_each_list_item(field.value(), [&](std::string_view item) {
      if (item.size() != name.size()) return;
      for (std::size_t i = 0; i < item.size(); ++i)
        if (to_lower(item[i]) != to_lower(name[i])) return;
      found = true;
    });
  }
  return found;
}

}  // namespace berth::router::http
