// SPDX-License-Identifier: Apache-2.0
//
// Appends whole lines to a log that several processes share and whose disk may fill up. What cannot
// be written is dropped and counted, never waited for; the writer tells the count in a line of its
// own once lines fit again. Header only: the shim, which links nothing, uses it too.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace berth {

class LineAppender final {
 public:
  /// Writes `lines`, each with its line feed; false if some were dropped. A descriptor below 0
  /// drops all of them.
  bool append(int fd, std::string_view lines, std::int64_t now_us) {
    const std::string_view rest = write_some(fd, lines);
    if (rest.empty()) return true;
    if (lost_ == 0) lost_since_us_ = now_us;
    lost_ += static_cast<std::uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
    return false;
  }
  /// Writes the line that tells of the loss; the count begins anew if it fits.
  bool tell(int fd, std::string_view notice) {
    if (!write_some(fd, notice).empty()) return false;
    lost_ = 0;
    return true;
  }
  /// Lines dropped and not told of yet, a line that was cut among them.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::int64_t lost_since_us() const { return lost_since_us_; }

 private:
  /// What was not written.
  std::string_view write_some(int fd, std::string_view lines) {
    std::string mended;
    std::string_view rest = lines;
    // Others append to the file, so a line that was cut cannot be taken back: it is ended.
    if (cut_) rest = mended = "\n" + std::string(lines);
    while (fd >= 0 && !rest.empty()) {
      const ssize_t count = ::write(fd, rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      cut_ = rest[static_cast<std::size_t>(count) - 1] != '\n';
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    return lines.substr(lines.size() - std::min(lines.size(), rest.size()));
  }

  std::uint64_t lost_ = 0;
  std::int64_t lost_since_us_ = 0;
  bool cut_ = false;  ///< our last line has no end
};

}  // namespace berth
