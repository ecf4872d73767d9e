// SPDX-License-Identifier: Apache-2.0
//
// Who answers to TYPE.internal inside an app, and the answers as DNS has them (RFC 1035). Knows
// nothing else: any other name is refused, so that whoever asks turns to the next server. Pure, not
// thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace berth::runtime {

class NameTable final {
 public:
  /// A replica that runs and may ask; it serves nothing yet.
  void join(std::uint32_t address, std::uint32_t app, std::string_view type);
  /// It is ready, or not any more.
  void set_serving(std::uint32_t address, bool serving);
  void leave(std::uint32_t address) { entries_.erase(address); }

  /// The answer to a packet from this address; nothing for what deserves none.
  [[nodiscard]] std::optional<std::string> answer(std::string_view packet, std::uint32_t from);

 private:
  struct Entry {
    std::uint32_t app = 0;
    std::string type;  ///< in lower case
    bool serving = false;
  };
  std::map<std::uint32_t, Entry> entries_;  ///< by address
  std::uint32_t turn_ = 0;  ///< who is named first, so that all are
};

}  // namespace berth::runtime
