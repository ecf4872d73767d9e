// SPDX-License-Identifier: Apache-2.0
#include "cli/sse.hpp"

#include <algorithm>

namespace berth::cli {

namespace {

void append_bounded(std::string& to, std::string_view text) {
  to.append(text.substr(0, SseParser::most_bytes - std::min(SseParser::most_bytes, to.size())));
}

}  // namespace

void SseParser::feed(std::string_view bytes, const std::function<void(const SseEvent&)>& on_event) {
  while (!bytes.empty()) {
    if (after_cr_ && bytes.front() == '\n') {
      // The second half of CR LF.
      bytes.remove_prefix(1);
      after_cr_ = false;
      continue;
    }
    after_cr_ = false;
    const auto end = bytes.find_first_of("\r\n");
    append_bounded(line_, bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    std::string_view text = line_;
    if (at_start_ && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    at_start_ = false;
    line(text, on_event);
    line_.clear();
  }
}

void SseParser::line(std::string_view text, const std::function<void(const SseEvent&)>& on_event) {
  if (text.empty()) {
    last_event_id_ = id_;
    if (has_data_) {
      if (data_.ends_with('\n')) data_.pop_back();
      on_event({.type = type_.empty() ? "message" : type_, .data = data_});
    }
    data_.clear();
    type_.clear();
    has_data_ = false;
    return;
  }
  const auto colon = text.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view name = text.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    append_bounded(data_, value);
    append_bounded(data_, "\n");
    has_data_ = true;
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  }
}

void SseParser::reset_connection() {
  line_.clear();
  data_.clear();
  type_.clear();
  id_ = last_event_id_;
  has_data_ = false;
  after_cr_ = false;
  at_start_ = true;
}

}  // namespace berth::cli
