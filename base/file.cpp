// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace berth {

namespace fs = std::filesystem;

Result<Fd> open_file(const fs::path& path, int flags, unsigned mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return system_error("open " + path.string());
  return Fd(fd);
}

Result<std::string> read_file(const fs::path& path, std::uint64_t limit) {
  BERTH_ASSIGN(Fd fd, open_file(path, O_RDONLY));
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read " + path.string());
    if (count == 0) return content;
    if (content.size() + static_cast<std::size_t>(count) > limit)
      return Error{ErrorKind::limit,
                   path.string() + " is larger than " + std::to_string(limit) + " bytes"};
    content.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<void> write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("write");
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> write_file(const fs::path& path, std::string_view content, unsigned mode) {
  BERTH_ASSIGN(Fd fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  return with_context(write_all(fd.get(), content), path.string());
}

Result<void> write_file_atomic(const fs::path& path, std::string_view content, unsigned mode) {
  std::string beside = path.string() + ".XXXXXX";
  Fd fd(::mkostemp(beside.data(), O_CLOEXEC));
  if (!fd) return system_error("create " + beside);
  auto written = write_all(fd.get(), content);
  if (!written.has_error() && ::fchmod(fd.get(), mode) != 0) written = system_error("chmod");
  if (!written.has_error() && ::fsync(fd.get()) != 0) written = system_error("sync");
  if (!written.has_error() && ::rename(beside.c_str(), path.c_str()) != 0)
    written = system_error("rename to");
  if (written.has_error()) {
    ::unlink(beside.c_str());
    return written.error().context(path.string());
  }
  // The rename itself is durable only once the directory is.
  BERTH_ASSIGN(Fd directory, open_file(path.has_parent_path() ? path.parent_path() : fs::path("."),
                                       O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0) return system_error("sync " + path.parent_path().string());
  return {};
}

Result<std::vector<std::string>> names_in(int directory) {
  // fdopendir takes its descriptor: the walk keeps the original.
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return system_error("open directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  if (!stream) return system_error("read directory");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return system_error("read directory");
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> make_directories(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure) return system_error("create directory " + path.string(), failure.value());
  return {};
}

Result<void> remove_tree(const fs::path& path) {
  std::error_code failure;
  fs::remove_all(path, failure);
  if (failure) return system_error("remove " + path.string(), failure.value());
  return {};
}

Result<void> remove_tree(const fs::path& path, const std::atomic<bool>& stop) {
  std::error_code failure;
  const auto status = fs::symlink_status(path, failure);
  if (status.type() == fs::file_type::directory) {
    for (fs::directory_iterator at(path, failure), end; !failure && at != end;
         at.increment(failure)) {
      if (stop) return Error{ErrorKind::cancelled, "removing " + path.string() + " was ended"};
      BERTH_TRY(remove_tree(at->path(), stop));
    }
  }
  if (status.type() != fs::file_type::not_found) fs::remove(path, failure);
  if (failure && failure != std::errc::no_such_file_or_directory)
    return system_error("remove " + path.string(), failure.value());
  return {};
}

Result<TempDir> TempDir::create(const fs::path& parent, std::string_view prefix) {
  std::string name = (parent / (std::string(prefix) + "XXXXXX")).string();
  if (!::mkdtemp(name.data())) return system_error("create directory in " + parent.string());
  return TempDir(fs::path(name));
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  std::error_code ignored;  // A destructor has nobody to tell; start-up sweeps what is left.
  fs::remove_all(path_, ignored);
}

}  // namespace berth
