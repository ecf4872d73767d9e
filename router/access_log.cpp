// SPDX-License-Identifier: Apache-2.0
#include "router/access_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <cstring>

#include "base/clock.hpp"
#include "base/file.hpp"

namespace berth::router {

namespace {

constexpr std::size_t max_value = 4096;
constexpr std::int64_t check_every_us = 1'000'000;
constexpr std::int64_t idle_after_us = 10'000'000;

void append_number(std::uint64_t number, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_milliseconds(std::int64_t us, std::string& out) {
  if (us < 0) return;
  append_number(static_cast<std::uint64_t>(us / 1000), out);
  out += "ms";
}

bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

void append_quoted(std::string_view value, std::string& out) {
  value = value.substr(0, max_value);
  out += '"';
  std::size_t plain = 0;
  while (plain < value.size() && is_plain(value[plain])) ++plain;
  out.append(value.substr(0, plain));
  for (const char c : value.substr(plain)) {
    if (is_plain(c)) {
      out += c;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      constexpr char digits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  out += '"';
}

}  // namespace

std::string_view TimestampFormatter::format(std::int64_t unix_us) {
  const std::int64_t second = unix_us / 1'000'000;
  if (second != second_) {
    const std::string text = rfc3339_micros(Time{Duration{unix_us}});
    std::memcpy(text_, text.data(), sizeof text_ - 1);
    second_ = second;
  }
  auto micros = static_cast<std::uint32_t>(unix_us % 1'000'000);
  for (int digit = 25; digit >= 20; --digit) {
    text_[digit] = static_cast<char>('0' + micros % 10);
    micros /= 10;
  }
  return {text_, sizeof text_ - 1};
}

void append_line(const AccessRecord& record, TimestampFormatter& timestamps, std::string& out) {
  out += timestamps.format(record.at_us);
  if (record.error == ErrorCode::none) {
    out += " berth[router]: at=info method=";
  } else {
    const ErrorInfo& error = info(record.error);
    out += " berth[router]: at=error code=";
    out += error.code;
    out += " desc=\"";
    out += error.description;
    out += "\" method=";
  }
  out += record.method;
  out += " path=";
  append_quoted(record.target, out);
  out += " host=";
  out += record.host;
  out += " request_id=";
  out += record.request_id;
  out += " fwd=";
  append_quoted(record.forwarded_for, out);
  out += " replica=";
  out += record.replica;
  out += " connect=";
  append_milliseconds(record.connect_us, out);
  out += " service=";
  append_milliseconds(record.service_us, out);
  if (record.held_us >= 0) {
    out += " held=";
    append_milliseconds(record.held_us, out);
  }
  out += " status=";
  append_number(static_cast<std::uint64_t>(record.status), out);
  out += " bytes=";
  append_number(record.bytes, out);
  out += " protocol=";
  out += record.protocol;
  out += '\n';
}

void AccessLog::set_directory(std::string_view directory, std::int64_t now_us) {
  const std::string path =
      directory.empty() ? std::string() : std::string(directory) + "/current.log";
  if (path == path_) return;
  flush(now_us);
  file_.reset();
  path_ = path;
}

bool AccessLog::add(const AccessRecord& record, TimestampFormatter& timestamps,
                    std::int64_t now_us) {
  if (buffer_.capacity() < flush_size) buffer_.reserve(flush_size);
  const std::size_t before = buffer_.size();
  append_line(record, timestamps, buffer_);
  used_us_ = now_us;
  if (buffer_.size() > flush_size - 512) {
    flush(now_us);
    return false;
  }
  return before == 0;
}

bool AccessLog::was_renamed() const {
  struct stat status {};
  return ::stat(path_.c_str(), &status) != 0 || status.st_ino != inode_ ||
         status.st_dev != device_;
}

bool AccessLog::open() {
  auto opened = open_file(path_, O_WRONLY | O_APPEND | O_CREAT, 0640);
  struct stat status {};
  if (opened.has_error() || ::fstat(opened->get(), &status) != 0) return false;
  file_ = std::move(*opened);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return true;
}

void AccessLog::flush(std::int64_t now_us) {
  if (buffer_.empty()) return;
  if (file_ && now_us - checked_us_ >= check_every_us) {
    checked_us_ = now_us;
    if (was_renamed()) file_.reset();
  }
  if (!file_) (void)open();
  // A line that cannot be written is counted and dropped: the log never stops the traffic.
  const Time at = now();
  if (appender_.lost() > 0)
    (void)appender_.tell(
        file_.get(), rfc3339_micros(at) + " berth[router]: Error L10 (output buffer overflow): " +
                         std::to_string(appender_.lost()) + " lines dropped since " +
                         rfc3339_micros(Time{Duration{appender_.lost_since_us()}}) +
                         "; the log could not be written: the disk was full\n");
  if (!appender_.append(file_.get(), buffer_, at.time_since_epoch().count()))
    lost_bytes_ += buffer_.size();
  buffer_.clear();
}

void AccessLog::release_if_idle(std::int64_t now_us) {
  if (!buffer_.empty() || now_us - used_us_ < idle_after_us) return;
  file_.reset();
  buffer_ = std::string();
}

}  // namespace berth::router
