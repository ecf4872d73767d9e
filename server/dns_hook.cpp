// SPDX-License-Identifier: Apache-2.0
#include "server/dns_hook.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/child_process.hpp"

namespace berth::server {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_output = 64 << 10;
constexpr std::size_t most_shown = 500;

Error refused(const fs::path& path, const std::string& why) {
  return {ErrorKind::invalid, path.string() + " " + why};
}

/// A directory that is like /tmp lets nobody replace what another has there.
Result<void> check_owner(const fs::path& path, const struct stat& status) {
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return refused(path, "belongs to user " + std::to_string(status.st_uid) +
                             ". Let it belong to root or to the server's user");
  const bool shared = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !shared)
    return refused(path, "can be written by others. Take that away: chmod go-w " + path.string());
  return {};
}

/// The end of it, in one line of ASCII.
std::string shown(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.size() > most_shown) text.erase(0, text.size() - most_shown);
  for (char& c : text)
    if (c == '\n' || c == '\r' || c == '\t')
      c = ' ';
    else if (c < ' ' || c > '~')
      c = '?';
  return text.empty() ? "it printed nothing" : text;
}

}  // namespace

Result<void> check_dns_hook(const fs::path& program) {
  if (program.empty()) return Error{ErrorKind::invalid, "is empty. Set it to a program's path"};
  std::error_code failure;
  const fs::path real = fs::canonical(program, failure);
  if (failure) return refused(program, "cannot be read: " + failure.message());
  for (fs::path path = real;; path = path.parent_path()) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
      return refused(path, std::string("cannot be read: ") + std::strerror(errno));
    if (path == real && (!S_ISREG(status.st_mode) || ::access(path.c_str(), X_OK) != 0))
      return refused(path, "is no program that may be run. Try: chmod 755 " + path.string());
    BERTH_TRY(check_owner(path, status));
    if (path == path.root_path()) return {};
  }
}

Result<void> run_dns_hook(const fs::path& program, std::string action, const DnsRecord& record,
                          std::chrono::milliseconds deadline, const std::atomic<bool>* cancel) {
  BERTH_TRY(check_dns_hook(program));
  const std::string call = program.string() + " " + action + " " + record.domain;
  auto ended = run_program(
      {.argv = {program.string(), std::move(action), record.domain, record.name, record.value}}, {},
      deadline, most_output, cancel);
  if (ended.has_error()) return ended.error().context(call);
  if (ended->status.success()) return {};
  return Error{ErrorKind::unavailable, call + ": " + ended->status.describe() + ": " +
                                           shown(ended->err.empty() ? ended->out : ended->err)};
}

}  // namespace berth::server
