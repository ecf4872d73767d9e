// SPDX-License-Identifier: Apache-2.0
#include "api/log_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/crypto.hpp"
#include "base/file.hpp"

namespace berth::api {

namespace {

constexpr std::size_t piece_bytes = 64 << 10;
constexpr std::size_t longest_line = 64 << 10;
constexpr std::uint64_t furthest_back = 64ULL << 20;
constexpr std::size_t generation_bytes = 256;
constexpr int most_files = 32;

Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t count) {
  std::string piece(count, '\0');
  ssize_t got;
  do got = ::pread(fd, piece.data(), count, static_cast<off_t>(offset));
  while (got < 0 && errno == EINTR);
  if (got < 0) return system_error("read the log");
  piece.resize(static_cast<std::size_t>(got));
  return piece;
}

std::uint64_t size_of(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// A digest of the first line, or "" while it is not whole.
std::string generation_of(int fd) {
  const auto head = read_at(fd, 0, generation_bytes);
  if (head.has_error()) return {};
  const auto end = head->find('\n');
  if (end == std::string::npos && head->size() < generation_bytes) return {};
  return sha256_hex(std::string_view(*head).substr(0, end)).substr(0, 12);
}

}  // namespace

bool LogFilter::wants(std::string_view line) const {
  if (process.empty() && source.empty()) return true;
  const auto space = line.find(' ');
  const auto open = line.find('[', space);
  const auto close = line.find("]:", open);
  if (space == std::string_view::npos || open == std::string_view::npos ||
      close == std::string_view::npos)
    return false;
  const std::string_view from = line.substr(space + 1, open - space - 1);
  const std::string_view name = line.substr(open + 1, close - open - 1);
  if (!source.empty()) {
    const bool of_platform = source == "heroku" || source == "berth";
    if (of_platform ? from == "app" : from != source) return false;
  }
  if (process.empty() || name == process) return true;
  return name.size() > process.size() && name.starts_with(process) && name[process.size()] == '.';
}

std::filesystem::path LogReader::path_of(int age) const {
  return directory_ / (age == 0 ? "current.log" : "current.log." + std::to_string(age));
}

std::optional<LogReader::File> LogReader::open(int age) const {
  auto fd = open_file(path_of(age), O_RDONLY | O_NOFOLLOW);
  if (fd.has_error()) return std::nullopt;
  std::string generation = generation_of(fd->get());
  return File{std::move(*fd), std::move(generation)};
}

int LogReader::oldest() const {
  int age = 0;
  while (age < most_files && ::access(path_of(age + 1).c_str(), F_OK) == 0) ++age;
  return age;
}

int LogReader::current_age() const {
  struct stat mine{};
  if (!file_ || ::fstat(file_->fd.get(), &mine) != 0) return -1;
  for (int age = 0; age <= most_files; ++age) {
    struct stat other{};
    if (::stat(path_of(age).c_str(), &other) == 0 && other.st_ino == mine.st_ino &&
        other.st_dev == mine.st_dev)
      return age;
  }
  return -1;
}

bool LogReader::advance() {
  const int age = current_age();
  if (age == 0) return false;
  auto next = open(age > 0 ? age - 1 : oldest());
  if (!next) return false;
  file_ = std::move(next);
  offset_ = 0;
  partial_.clear();
  return true;
}

Result<bool> LogReader::step_back(std::size_t lines) {
  if (!back_) {
    back_ = Back{};
    file_ = open(0);
    if (file_) back_->position = size_of(file_->fd.get());
    offset_ = back_->position;
  }
  Back& back = *back_;
  if ((back.found >= lines && back.behind_unfinished) || back.scanned >= furthest_back) return true;
  if (!file_ || back.position == 0) {
    if (back.behind_unfinished && !back.head.empty() && filter_.wants(back.head)) ++back.found;
    back.head.clear();
    back.behind_unfinished = true;
    if (file_) offset_ = 0;
    if (back.found >= lines) return true;
    auto older = open(back.age + 1);
    if (!older) return true;
    ++back.age;
    back.position = size_of(older->fd.get());
    offset_ = back.position;
    file_ = std::move(older);
    return false;
  }
  const std::size_t count = std::min<std::uint64_t>(piece_bytes, back.position);
  BERTH_ASSIGN(const std::string piece, read_at(file_->fd.get(), back.position - count, count));
  if (piece.size() != count) return true;
  // Line ends from the last to the first; a line begins after the one before it.
  std::size_t line_end = piece.size();
  for (std::size_t i = piece.size(); i-- > 0;) {
    if (piece[i] != '\n') continue;
    std::string line = piece.substr(i + 1, line_end - i - 1) + back.head;
    back.head.clear();
    line_end = i;
    if (!back.behind_unfinished) {
      // What comes after the last line end is still being written: it is no line yet.
      back.behind_unfinished = true;
      offset_ = back.position - count + i + 1;
      if (lines == 0) return true;
      continue;
    }
    if (line.empty() || !filter_.wants(line)) continue;
    offset_ = back.position - count + i + 1;
    if (++back.found >= lines) return true;
  }
  back.head = (piece.substr(0, line_end) + back.head).substr(0, longest_line);
  back.position -= count;
  back.scanned += count;
  return false;
}

bool LogReader::resume(std::string_view id) {
  const auto dash = id.find('-');
  if (dash == std::string_view::npos) return false;
  std::uint64_t offset = 0;
  const auto [end, failure] = std::from_chars(id.data() + dash + 1, id.data() + id.size(), offset);
  if (failure != std::errc{} || end != id.data() + id.size()) return false;
  const int last = oldest();
  for (int age = 0; age <= last; ++age) {
    auto file = open(age);
    if (!file || file->generation != id.substr(0, dash) || offset > size_of(file->fd.get()))
      continue;
    file_ = std::move(file);
    offset_ = offset;
    return true;
  }
  // Rotated away: all that is kept came after it.
  file_ = open(last);
  offset_ = 0;
  return true;
}

void LogReader::emit(std::string_view line, std::vector<LogLine>& lines) {
  if (line.empty() || !filter_.wants(line)) return;
  if (file_->generation.empty()) file_->generation = generation_of(file_->fd.get());
  lines.push_back({file_->generation + "-" + std::to_string(offset_), std::string(line)});
}

void LogReader::take_lines(std::string_view piece, std::vector<LogLine>& lines) {
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    const bool whole = end != std::string_view::npos;
    const std::size_t used = whole ? end + 1 : piece.size();
    partial_.append(piece.substr(0, whole ? end : piece.size()));
    offset_ += used;
    piece.remove_prefix(used);
    if (!whole && partial_.size() < longest_line) return;
    emit(std::string_view(partial_).substr(0, longest_line), lines);
    partial_.clear();
  }
}

Result<LogReader::Batch> LogReader::next() {
  Batch batch;
  if (!file_) {
    file_ = open(oldest());
    offset_ = 0;
    if (!file_) {
      batch.at_end = true;
      return batch;
    }
  }
  BERTH_ASSIGN(std::string piece, read_at(file_->fd.get(), offset_, piece_bytes));
  if (piece.empty() && current_age() != 0) {
    // Rotated. What was written between our read and the rename is still to be read.
    BERTH_ASSIGN(piece, read_at(file_->fd.get(), offset_, piece_bytes));
    if (piece.empty()) {
      if (!partial_.empty()) emit(partial_, batch.lines);
      partial_.clear();
      batch.at_end = !advance();
      return batch;
    }
  }
  if (piece.empty() && size_of(file_->fd.get()) < offset_) {
    offset_ = 0;  // truncated in place by someone's hand
    partial_.clear();
    file_->generation.clear();
    return batch;
  }
  batch.at_end = piece.empty();
  take_lines(piece, batch.lines);
  return batch;
}

}  // namespace berth::api
