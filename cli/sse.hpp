// SPDX-License-Identifier: Apache-2.0
//
// Server-sent events (WHATWG HTML, section 9.2.6) out of bytes that come in any pieces. Pure; what
// it keeps between pieces is bounded.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace berth::cli {

struct SseEvent {
  std::string type;  ///< "message" unless the stream says otherwise
  std::string data;
  friend bool operator==(const SseEvent&, const SseEvent&) = default;
};

class SseParser {
 public:
  /// Longer lines and events are cut: a stream without line ends must not fill the memory.
  static constexpr std::size_t most_bytes = 1 << 20;

  void feed(std::string_view bytes, const std::function<void(const SseEvent&)>& on_event);
  /// What a new connection says in Last-Event-ID. Kept when the connection ends.
  [[nodiscard]] const std::string& last_event_id() const { return last_event_id_; }
  /// Forgets the half event of a connection that ended.
  void reset_connection();

 private:
  void line(std::string_view text, const std::function<void(const SseEvent&)>& on_event);

  std::string line_;
  std::string data_;
  std::string type_;
  std::string id_;
  std::string last_event_id_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;
};

}  // namespace berth::cli
