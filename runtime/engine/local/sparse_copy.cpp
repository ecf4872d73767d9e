// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/sparse_copy.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.hpp"
#include "base/file.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t piece = 64 << 20;

Result<void> copy_range(const Fd& source, const Fd& target, off_t from, off_t end) {
  for (off_t at = from; at < end;) {
    off_t in = at;
    off_t out = at;
    const ssize_t count =
        ::copy_file_range(source.get(), &in, target.get(), &out,
                          std::min(piece, static_cast<std::size_t>(end - at)), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("write");
    if (count == 0) return {};  // the hole at its end
    at += count;
  }
  return {};
}

}  // namespace

bool can_reflink(const fs::path& from, const fs::path& to) {
  const fs::path probe = to.string() + ".probe";
  const Fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  const Fd target(::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!source || !target) return false;
  // Of the first block alone: an answer of "not on this file system" is all that is asked for.
  file_clone_range range{};
  range.src_fd = source.get();
  range.src_length = 4096;
  const bool can = ::ioctl(target.get(), FICLONERANGE, &range) == 0;
  ::unlink(probe.c_str());
  return can;
}

Result<void> sparse_copy(const fs::path& from, const fs::path& to) {
  const std::string what = "copy " + from.string();
  BERTH_ASSIGN(const Fd source, open_file(from, O_RDONLY));
  BERTH_ASSIGN(const Fd target, open_file(to, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (::ioctl(target.get(), FICLONE, source.get()) == 0) return {};
  struct stat status{};
  if (::fstat(source.get(), &status) != 0 || ::ftruncate(target.get(), status.st_size) != 0)
    return system_error(what);
  for (off_t at = 0; at < status.st_size;) {
    const off_t data = ::lseek(source.get(), at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // nothing but a hole is left
    const off_t hole = data < 0 ? -1 : ::lseek(source.get(), data, SEEK_HOLE);
    if (hole < 0) return system_error(what);
    BERTH_TRY(with_context(copy_range(source, target, data, hole), what));
    at = hole;
  }
  return {};
}

Result<void> sync_file(const fs::path& path) {
  BERTH_ASSIGN(const Fd file, open_file(path, O_RDONLY));
  if (::fsync(file.get()) != 0) return system_error("write " + path.string() + " to the disk");
  return {};
}

}  // namespace berth::runtime
