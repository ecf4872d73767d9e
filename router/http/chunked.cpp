// SPDX-License-Identifier: Apache-2.0
#include "router/http/chunked.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "router/http/characters.hpp"

namespace berth::router::http {

namespace {

constexpr std::uint8_t max_size_digits = 15;
constexpr std::uint32_t max_extension = 256;
constexpr std::uint32_t max_trailers = 8 * 1024;

constexpr std::array<std::string_view, 5> forbidden_trailers = {
    "content-length", "transfer-encoding", "host", "connection", "proxy-connection"};
constexpr std::uint8_t longest_forbidden = 18;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool ChunkedBody::follow_name(char c) {
  for (std::size_t i = 0; i < forbidden_trailers.size(); ++i) {
    const std::string_view name = forbidden_trailers[i];
    const bool is_alike = (alike_ >> i & 1) != 0;
    if (c == ':' && is_alike && name_size_ == name.size()) return false;
    if (is_alike && (name_size_ >= name.size() || name[name_size_] != to_lower(c)))
      alike_ &= static_cast<std::uint8_t>(~(1U << i));
  }
  if (name_size_ < longest_forbidden) ++name_size_;
  return true;
}

bool ChunkedBody::end_extension(char c) {
  state_ = c == ';' ? State::extension_first : State::size_lf;
  return c == ';' || c == '\r';
}

/// Without blanks, which no sender may make (RFC 9110, section 5.6.3) and some parsers refuse, and
/// with every quote closed: some read on to the other, over the end of the line.
bool ChunkedBody::step_extension(char c) {
  switch (state_) {
    case State::extension_first: state_ = State::extension_name; return is_token(c);
    case State::extension_name:
      if (is_token(c)) return true;
      if (c != '=') return end_extension(c);
      state_ = State::extension_value_first;
      return true;
    case State::extension_value_first:
      state_ = c == '"' ? State::extension_quoted : State::extension_value;
      return c == '"' || is_token(c);
    case State::extension_value: return is_token(c) || end_extension(c);
    case State::extension_quoted:
      if (c == '"') state_ = State::extension_end;
      if (c == '\\') state_ = State::extension_escaped;
      return is_value_byte(c);
    case State::extension_escaped: state_ = State::extension_quoted; return is_value_byte(c);
    default: return end_extension(c);
  }
}

/// One byte of framing; false if it may not stand here.
bool ChunkedBody::step(char c) {
  switch (state_) {
    case State::size_first:
      left_ = 0;
      digits_ = 0;
      count_ = 0;
      state_ = State::size;
      [[fallthrough]];
    case State::size:
      if (const int digit = hex_value(c); digit >= 0) {
        if (++digits_ > max_size_digits) return false;
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return true;
      }
      return digits_ != 0 && end_extension(c);
    case State::extension_first:
    case State::extension_name:
    case State::extension_value_first:
    case State::extension_value:
    case State::extension_quoted:
    case State::extension_escaped:
    case State::extension_end: return ++count_ <= max_extension && step_extension(c);
    case State::size_lf:
      if (c != '\n') return false;
      state_ = left_ == 0 ? State::trailer_first : State::data;
      count_ = 0;
      return true;
    case State::data_cr: state_ = State::data_lf; return c == '\r';
    case State::data_lf: state_ = State::size_first; return c == '\n';
    case State::trailer_first:
      if (c == '\r') {
        state_ = State::last_lf;
        return true;
      }
      state_ = State::trailer_name;
      name_size_ = 0;
      alike_ = strict_trailers_ ? (1U << forbidden_trailers.size()) - 1 : 0;
      return is_token(c) && follow_name(c) && ++count_ <= max_trailers;
    case State::trailer_name:
      if (c == ':') state_ = State::trailer_value;
      return (c == ':' || is_token(c)) && follow_name(c) && ++count_ <= max_trailers;
    case State::trailer_value:
      if (c == '\r') state_ = State::trailer_lf;
      return (c == '\r' || is_value_byte(c)) && ++count_ <= max_trailers;
    case State::trailer_lf: state_ = State::trailer_first; return c == '\n';
    case State::last_lf: state_ = State::done; return c == '\n';
    case State::data:
    case State::done: break;
  }
  return false;
}

ChunkedBody::Step ChunkedBody::follow(const char* data, std::size_t size) {
  std::size_t at = 0;
  while (at < size && state_ != State::done) {
    if (state_ == State::data) {
      const std::size_t run = std::min<std::uint64_t>(left_, size - at);
      at += run;
      left_ -= run;
      if (left_ == 0) state_ = State::data_cr;
    } else if (!step(data[at++])) {
      return {Status::invalid, at, 0};
    }
  }
  return {state_ == State::done ? Status::done : Status::more, at, 0};
}

ChunkedBody::Step ChunkedBody::decode(char* data, std::size_t size,
                                      std::string* trailers) {
  std::size_t at = 0;
  std::size_t kept = 0;
  while (at < size && state_ != State::done) {
    if (state_ == State::data) {
      const std::size_t run = std::min<std::uint64_t>(left_, size - at);
      if (kept != at) std::memmove(data + kept, data + at, run);
      kept += run;
      at += run;
      left_ -= run;
      if (left_ == 0) state_ = State::data_cr;
    } else {
      const bool was_in_trailers = is_in_trailers();
      if (!step(data[at++])) return {Status::invalid, at, kept};
      if (trailers && (was_in_trailers || is_in_trailers())) *trailers += data[at - 1];
    }
  }
  return {state_ == State::done ? Status::done : Status::more, at, kept};
}

}  // namespace berth::router::http
