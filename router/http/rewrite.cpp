// SPDX-License-Identifier: Apache-2.0
#include "router/http/rewrite.hpp"

#include <charconv>
#include <cstring>

#include "router/http/characters.hpp"

namespace berth::router::http {

namespace {

class Writer final {
 public:
  explicit Writer(char* out) : begin_(out), at_(out) {}

  void put(std::string_view text) {
    if (text.empty()) return;  // its data may be null, which memcpy must not see
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  RewrittenRequest::Range put_range(std::string_view text) {
    const auto begin = static_cast<std::uint32_t>(at_ - begin_);
    put(text);
    return {begin, static_cast<std::uint32_t>(text.size())};
  }
  void put_number(std::int64_t number) { at_ = std::to_chars(at_, at_ + 24, number).ptr; }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

/// Copies the field lines for which `keep` holds, neighbouring lines in one piece.
template <class Keep>
void copy_fields(const Fields& fields, Writer& out, Keep&& keep) {
  const char* run = nullptr;
  const char* run_end = nullptr;
  for (const Field& field : fields.all()) {
    if (!keep(field)) continue;
    if (run_end != field.line) {
      if (run) out.put({run, static_cast<std::size_t>(run_end - run)});
      run = field.line;
    }
    run_end = field.next;
  }
  if (run) out.put({run, static_cast<std::size_t>(run_end - run)});
}

bool has_field(const Fields& fields, std::string_view lower_case_name) {
  for (const Field& field : fields.all())
    if (equals_ignoring_case(field.name(), lower_case_name)) return true;
  return false;
}

bool keep_in_request(const RequestHead& head, const Field& field) {
  switch (field.known) {
    case FieldName::other:
      return !head.connection.names_others || !is_nominated(head.fields, field.name());
    case FieldName::accept:
    case FieldName::expect: return true;
    default: return false;  // replaced below, or hop-by-hop
  }
}

/// In the one form that nobody can read otherwise, whatever spaces, zeros and letters it had.
void put_framing(const Framing& framing, Writer& out) {
  if (framing.chunked) {
    out.put("Transfer-Encoding: chunked\r\n");
  } else if (framing.has_length) {
    out.put("Content-Length: ");
    out.put_number(static_cast<std::int64_t>(framing.length));
    out.put("\r\n");
  }
}

RewrittenRequest::Range put_forwarded_for(const RequestHead& head, std::string_view client_ip,
                                          Writer& out) {
  out.put("X-Forwarded-For: ");
  const auto begin = static_cast<std::uint32_t>(out.size());
  for (const Field& field : head.fields.all()) {
    if (field.known != FieldName::x_forwarded_for || field.value_size == 0) continue;
    out.put(field.value());
    out.put(", ");
  }
  out.put(client_ip);
  const auto end = static_cast<std::uint32_t>(out.size());
  out.put("\r\n");
  return {begin, end - begin};
}

/// RFC 7239, of this hop alone: behind a quote that a client left open, ours would be read as its.
void put_forwarded(const RequestHead& head, const RequestContext& context, Writer& out) {
  const std::string_view ip = context.origin_ip.empty() ? context.client_ip : context.origin_ip;
  const bool v6 = ip.find(':') != std::string_view::npos;
  out.put(v6 ? "\r\nForwarded: for=\"[" : "\r\nForwarded: for=");
  out.put(ip);
  out.put(v6 ? "]\";proto=" : ";proto=");
  out.put(context.proto);
  if (head.host.empty()) return;
  out.put(";host=\"");
  out.put(head.host);
  out.put("\"");
}

}  // namespace

bool is_valid_request_id(std::string_view id) {
  if (id.size() < 20 || id.size() > 200) return false;
  for (const char c : id) {
    const bool letter = to_lower(c) >= 'a' && to_lower(c) <= 'z';
    if (!letter && !is_digit(c) && c != '+' && c != '/' && c != '=' && c != '-') return false;
  }
  return true;
}

RewrittenRequest rewrite_request(const RequestHead& head, const RequestContext& context,
                                 char* out) {
  RewrittenRequest result;
  Writer writer(out);
  result.method = writer.put_range(head.method);
  writer.put(" ");
  result.target = writer.put_range(head.target);
  writer.put(" HTTP/1.1\r\nHost: ");
  result.host = writer.put_range(head.host);
  writer.put("\r\n");
  copy_fields(head.fields, writer,
              [&](const Field& field) { return keep_in_request(head, field); });
  put_framing(head.framing, writer);
  if (!head.upgrade.empty()) {
    writer.put("Connection: Upgrade\r\nUpgrade: ");
    writer.put(head.upgrade);
    writer.put("\r\n");
  }
  result.forwarded_for = put_forwarded_for(head, context.client_ip, writer);
  writer.put("X-Forwarded-Proto: ");
  writer.put(context.proto);
  writer.put("\r\nX-Forwarded-Port: ");
  writer.put(context.port);
  writer.put("\r\nX-Forwarded-Host: ");
  writer.put(head.host);
  put_forwarded(head, context, writer);
  writer.put("\r\nX-Request-Id: ");
  result.request_id = writer.put_range(context.request_id);
  if (!context.trace.empty()) {
    writer.put("\r\ntraceparent: ");
    writer.put(context.trace);
  }
  writer.put("\r\nX-Request-Start: ");
  writer.put_number(context.started_ms);
  writer.put("\r\nVia: ");
  writer.put(context.version);
  writer.put(" berth\r\n\r\n");
  result.size = writer.size();
  return result;
}

std::size_t rewrite_response(const ResponseHead& head, const ResponseContext& context, char* out) {
  Writer writer(out);
  writer.put("HTTP/1.1 ");
  writer.put(head.status_text);
  writer.put("\r\n");
  bool length_kept = false;
  // Framing that the message cannot have: in 1xx and 204 (RFC 9110, section 8.6), and chunks for
  // a client that does not know them.
  const bool no_framing = head.status < 200 || head.status == 204;
  copy_fields(head.fields, writer, [&](const Field& field) {
    switch (field.known) {
      case FieldName::connection:
      case FieldName::keep_alive:
      case FieldName::proxy_connection:
      case FieldName::te:
      case FieldName::http2_settings: return false;
      case FieldName::upgrade: return context.upgrade;
      case FieldName::content_length: {
        const bool keep = !no_framing && !length_kept;
        length_kept = true;
        return keep;
      }
      case FieldName::transfer_encoding: return !no_framing && !context.client_is_http_1_0;
      default: return !head.connection.names_others || !is_nominated(head.fields, field.name());
    }
  });
  if (!context.hsts.empty() && head.status >= 200 &&
      !has_field(head.fields, "strict-transport-security")) {
    writer.put("Strict-Transport-Security: ");
    writer.put(context.hsts);
    writer.put("\r\n");
  }
  if (!context.cookie.empty() && head.status >= 200) {
    writer.put("Set-Cookie: ");
    writer.put(context.cookie);
    writer.put("\r\n");
  }
  writer.put("Via: 1.1 berth\r\n");
  if (context.upgrade) {
    writer.put("Connection: Upgrade\r\n");
  } else if (head.status >= 200 && context.close) {
    writer.put("Connection: close\r\n");
  } else if (head.status >= 200 && context.client_is_http_1_0) {
    writer.put("Connection: keep-alive\r\n");
  }
  writer.put("\r\n");
  return writer.size();
}

}  // namespace berth::router::http
