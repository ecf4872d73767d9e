// SPDX-License-Identifier: Apache-2.0
#include "server/app_log.hpp"

#include <fcntl.h>

#include <string>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace berth::server {

void append_app_log(const std::filesystem::path& directory, std::string_view part,
                    std::string_view text) {
  std::string line = rfc3339_micros(now()) + " berth[" + std::string(part) + "]: ";
  // One event, one line: a message may quote what an app printed.
  for (const char c : text) line.push_back(c == '\n' || c == '\r' ? ' ' : c);
  line.push_back('\n');
  auto file = open_file(directory / "current.log", O_WRONLY | O_APPEND | O_CREAT, 0640);
  auto written = file.has_error() ? Result<void>(file.error()) : write_all(file->get(), line);
  // The directory goes with its app; what is still said of it then is for nobody.
  if (file.has_error() && file.error().kind == ErrorKind::not_found) return;
  if (written.has_error()) log_warning("app log lost a line: {}", written.error().message);
}

Say append_to(const std::filesystem::path& log) {
  return [log](std::string_view text) {
    // A full disk may cost lines, not the deploy.
    if (make_directories(log.parent_path()).has_error()) return;
    const auto file = open_file(log, O_WRONLY | O_CREAT | O_APPEND, 0640);
    if (file.has_value()) (void)write_all(file->get(), text);
  };
}

void rotate_app_log(const std::filesystem::path& directory, std::uint64_t max_bytes) {
  const auto current = directory / "current.log";
  std::error_code failure;
  const auto size = std::filesystem::file_size(current, failure);
  if (failure || size < max_bytes) return;
  std::filesystem::rename(current, directory / "current.log.1", failure);
  if (failure) log_warning("rotate {}: {}", current.string(), failure.message());
}

}  // namespace berth::server
