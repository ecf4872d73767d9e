// SPDX-License-Identifier: Apache-2.0
#include "server/uploads.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/crypto.hpp"
#include "base/disk_usage.hpp"
#include "base/file.hpp"
#include "server/push.hpp"

namespace berth::server {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t id_bytes = 24;
constexpr std::size_t most_uploads = 64;
constexpr auto life = std::chrono::hours(1);
constexpr const char* partial = ".part";

Error unknown() {
  return {ErrorKind::not_found,
          "this upload is not known or too old: ask for a place (POST /sources) and send it again"};
}

}  // namespace

void Uploads::clear() const {
  std::error_code failure;
  std::vector<fs::path> old;
  for (fs::directory_iterator at(directory_, failure), end; !failure && at != end;
       at.increment(failure))
    old.push_back(at->path());
  for (const auto& path : old) fs::remove(path, failure);
}

Result<std::string> Uploads::begin() const {
  BERTH_TRY(check_disk(free_disk_bytes(directory_), needed_bytes_));
  std::error_code failure;
  std::vector<fs::path> old;
  std::size_t kept = 0;
  const auto oldest = fs::file_time_type::clock::now() - life;
  for (fs::directory_iterator at(directory_, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (at->last_write_time(failure) < oldest)
      old.push_back(at->path());
    else
      ++kept;
  }
  for (const auto& path : old) fs::remove(path, failure);
  if (kept >= most_uploads)
    return Error{ErrorKind::limit, "too many uploads wait to be used; try again in an hour"};
  std::string id = random_hex(id_bytes);
  BERTH_TRY(write_file(directory_ / (id + partial), "", 0600));
  return id;
}

/// Never a path that somebody else made.
Result<fs::path> Uploads::place(const std::string& id) const {
  const bool plain = id.size() == id_bytes * 2 && std::ranges::all_of(id, [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                     });
  if (!plain) return unknown();
  return directory_ / id;
}

Result<void> Uploads::write(const std::string& id, std::uint64_t offset,
                            std::string_view data) const {
  BERTH_ASSIGN(const fs::path path, place(id));
  BERTH_TRY(check_disk(free_disk_bytes(directory_), needed_bytes_));
  const Fd file(::open((path.string() + partial).c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return unknown();
  if (offset == 0 && ::ftruncate(file.get(), 0) != 0) return system_error("begin the upload");
  if (::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
    return system_error("store the upload");
  return with_context(write_all(file.get(), data), "store the upload");
}

Result<void> Uploads::finish(const std::string& id) const {
  BERTH_ASSIGN(const fs::path path, place(id));
  if (::rename((path.string() + partial).c_str(), path.c_str()) != 0) return unknown();
  return {};
}

Result<fs::path> Uploads::find(const std::string& id) const {
  BERTH_ASSIGN(fs::path path, place(id));
  std::error_code failure;
  if (!fs::is_regular_file(path, failure)) return unknown();
  return path;
}

Result<std::string> Uploads::checksum(const std::string& id) const {
  BERTH_ASSIGN(const fs::path path, find(id));
  BERTH_ASSIGN(const Fd file, open_file(path, O_RDONLY));
  Sha256 hash;
  std::string buffer(1 << 20, '\0');
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read the upload");
    if (count == 0) return hash.finish_hex();
    hash.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
  }
}

void Uploads::remove(const std::string& id) const {
  const auto path = place(id);
  std::error_code ignored;
  if (path.has_value()) fs::remove(*path, ignored);
}

}  // namespace berth::server
