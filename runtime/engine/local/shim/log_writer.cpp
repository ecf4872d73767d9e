// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/log_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <cstdio>

namespace berth::runtime::shim {

namespace {

constexpr std::size_t batch_limit = 16 << 10;

}  // namespace

std::int64_t wall_us() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

std::string timestamp(std::int64_t us) {
  // Days to a civil date without gmtime, which would load the time zone files into every shim.
  const std::int64_t seconds = us / 1'000'000;
  const std::int64_t days = seconds / 86'400 + 719'468;
  const std::int64_t era = days / 146'097;
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const std::int64_t of_day = seconds % 86'400;
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00",
                static_cast<int>(year), static_cast<int>(month), static_cast<int>(day),
                static_cast<int>(of_day / 3600), static_cast<int>(of_day / 60 % 60),
                static_cast<int>(of_day % 60), static_cast<int>(us % 1'000'000));
  return text;
}

LogWriter::LogWriter(std::string path, std::string source, std::uint32_t lines_per_second)
    : path_(std::move(path)), source_(std::move(source)), limit_(lines_per_second) {}

void LogWriter::feed(std::string_view bytes) {
  framer_.feed(bytes, [this](std::string_view text) { line(text); });
  notice(false);
  flush();
}

void LogWriter::finish() {
  framer_.finish([this](std::string_view text) { line(text); });
  notice(true);
  flush();
}

void LogWriter::tick() {
  notice(false);
  flush();
}

void LogWriter::line(std::string_view text) {
  if (limit_.allow(wall_us(), text.size())) append("app", text);
}

void LogWriter::append(std::string_view program, std::string_view text) {
  batch_.append(timestamp(wall_us())).append(" ").append(program).append("[").append(source_);
  batch_.append("]: ").append(text).append("\n");
  if (batch_.size() >= batch_limit) flush();
}

void LogWriter::notice(bool at_end) {
  const std::int64_t since = limit_.first_drop_us();
  const std::uint64_t count = limit_.take_dropped(wall_us(), at_end);
  if (count == 0) return;
  append("berth", "Error L10 (output buffer overflow): " + std::to_string(count) +
                      " lines dropped since " + timestamp(since) +
                      "; the process prints faster than the log takes");
}

void LogWriter::flush() {
  if (batch_.empty() && appender_.lost() == 0) return;
  reopen_if_moved();
  tell_of_loss();
  // A full disk costs lines; the app must not stop for it.
  appender_.append(file_.get(), batch_, wall_us());
  batch_.clear();
}

void LogWriter::tell_of_loss() {
  if (appender_.lost() == 0) return;
  appender_.tell(file_.get(), timestamp(wall_us()) + " berth[" + source_ +
                                  "]: Error L10 (output buffer overflow): " +
                                  std::to_string(appender_.lost()) + " lines dropped since " +
                                  timestamp(appender_.lost_since_us()) +
                                  "; the log could not be written: the disk was full\n");
}

void LogWriter::reopen_if_moved() {
  const std::int64_t now = wall_us();
  if (file_ && now - checked_us_ < 1'000'000 && now >= checked_us_) return;
  checked_us_ = now;
  struct stat at_path {};
  struct stat open_file {};
  if (file_ && ::stat(path_.c_str(), &at_path) == 0 && ::fstat(file_.get(), &open_file) == 0 &&
      at_path.st_ino == open_file.st_ino && at_path.st_dev == open_file.st_dev)
    return;
  file_ = Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
}

}  // namespace berth::runtime::shim
