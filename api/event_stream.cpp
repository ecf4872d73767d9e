// SPDX-License-Identifier: Apache-2.0
#include "api/event_stream.hpp"

#include <algorithm>

namespace berth::api {

Response event_stream_head() {
  return {.status = 200,
          .headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}},
          .body = {}};
}

std::string event_text(std::string_view id, std::string_view type, std::string_view data) {
  std::string text;
  if (!id.empty()) text += "id: " + std::string(id) + "\n";
  if (!type.empty()) text += "event: " + std::string(type) + "\n";
  // A lone CR would end a line too (WHATWG HTML, section 9.2.6).
  std::string line;
  for (const char c : data) {
    if (c == '\r') continue;
    if (c != '\n') {
      line += c;
      continue;
    }
    text += "data: " + line + "\n";
    line.clear();
  }
  return text + "data: " + line + "\n\n";
}

std::chrono::milliseconds Heartbeat::left() const {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(next_ - Clock::now()),
                  std::chrono::milliseconds(0));
}

bool Heartbeat::due() {
  if (Clock::now() < next_) return false;
  next_ = Clock::now() + every_;
  return true;
}

}  // namespace berth::api
