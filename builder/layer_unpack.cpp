// SPDX-License-Identifier: Apache-2.0
#include "builder/layer_unpack.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "builder/archive_reader.hpp"

namespace berth::builder {

namespace {

/// A path of an archive, cleaned: relative, without "." and empty parts. ".." is an error.
Result<std::vector<std::string>> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part == "..")
      return Error{ErrorKind::invalid, "an entry's name leads out of the layer ('..')"};
    if (!part.empty() && part != ".") parts.emplace_back(part);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

class Unpacker final {
 public:
  Unpacker(archive* handle, Fd root, const UnpackLimits& limits)
      : archive_(handle), root_(std::move(root)), limits_(limits) {}

  Result<void> run() {
    for (;;) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(archive_, &entry);
      if (status == ARCHIVE_EOF) return {};
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        return archive_failure(archive_, "read layer");
      if (++entries_ > limits_.entries)
        return Error{ErrorKind::limit, "the layer has too many entries"};
      const char* name = archive_entry_pathname(entry);
      if (!name) return Error{ErrorKind::invalid, "an entry of the layer has no name"};
      BERTH_TRY(with_context(one(entry, name), name));
    }
  }

 private:
  Result<void> one(archive_entry* entry, std::string_view name) {
    BERTH_ASSIGN(auto parts, parts_of(name));
    if (parts.empty()) return attributes(root_.get(), ".", entry);
    const std::string base = std::move(parts.back());
    parts.pop_back();
    BERTH_ASSIGN(const Fd parent, make_parents(parts));
    if (base == ".wh..wh..opq") return opaque(parent.get());
    if (base.starts_with(".wh.")) return whiteout(parent.get(), base.substr(4));
    if (archive_entry_hardlink(entry)) return hard_link(parent.get(), base, entry);
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR: return directory(parent.get(), base, entry);
      case AE_IFREG: return file(parent.get(), base, entry);
      case AE_IFLNK: return symbolic_link(parent.get(), base, entry);
      default: return {};
    }
  }

  /// Resolves inside the root even through absolute and climbing symbolic links.
  Result<Fd> open_inside(int at, const std::string& path, std::uint64_t flags) const {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, at, path.c_str(), &how, sizeof how);
    if (fd < 0) return system_error("open " + path);
    return Fd(static_cast<int>(fd));
  }

  Result<Fd> make_parents(const std::vector<std::string>& parts) const {
    std::string path = ".";
    auto current = open_inside(root_.get(), path, O_PATH | O_DIRECTORY);
    for (const auto& part : parts) {
      if (current.has_error()) return current;
      path += "/" + part;
      auto next = open_inside(root_.get(), path, O_PATH | O_DIRECTORY);
      if (next.has_error() && next.error().kind == ErrorKind::not_found &&
          ::mkdirat(current->get(), part.c_str(), 0755) == 0)
        next = open_inside(root_.get(), path, O_PATH | O_DIRECTORY);
      current = std::move(next);
    }
    return current;
  }

  /// Clears the place of a new entry. A directory in its place is not removed: the layer is wrong.
  static Result<void> clear(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR && ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return {};
    return system_error("replace " + name);
  }

  Result<void> directory(int parent, const std::string& name, archive_entry* entry) {
    struct stat status{};
    const bool there = ::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISDIR(status.st_mode)) BERTH_TRY(clear(parent, name));
    if ((!there || !S_ISDIR(status.st_mode)) && ::mkdirat(parent, name.c_str(), 0755) != 0)
      return system_error("create directory");
    return attributes(parent, name, entry);
  }

  Result<void> file(int parent, const std::string& name, archive_entry* entry) {
    BERTH_TRY(clear(parent, name));
    const Fd fd(
        ::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return system_error("create file");
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    for (;;) {
      const int status = archive_read_data_block(archive_, &data, &size, &offset);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK) return archive_failure(archive_, "read layer");
      bytes_ += size;
      if (bytes_ > limits_.bytes || offset < 0 ||
          static_cast<std::uint64_t>(offset) > limits_.bytes)
        return Error{ErrorKind::limit, "the layer is larger than the limit"};
      const auto* at = static_cast<const char*>(data);
      while (size > 0) {
        const ssize_t count = ::pwrite(fd.get(), at, size, offset);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_error("write");
        at += count;
        size -= static_cast<std::size_t>(count);
        offset += count;
      }
    }
    // A sparse entry may end in a hole.
    if (archive_entry_size_is_set(entry)) {
      const la_int64_t length = archive_entry_size(entry);
      if (length < 0 || static_cast<std::uint64_t>(length) > limits_.bytes)
        return Error{ErrorKind::limit, "the layer is larger than the limit"};
      if (::ftruncate(fd.get(), length) != 0) return system_error("set size");
    }
    return attributes(parent, name, entry);
  }

  Result<void> symbolic_link(int parent, const std::string& name, archive_entry* entry) {
    const char* target = archive_entry_symlink(entry);
    if (!target) return Error{ErrorKind::invalid, "a symbolic link without a target"};
    BERTH_TRY(clear(parent, name));
    if (::symlinkat(target, parent, name.c_str()) != 0) return system_error("create link");
    return attributes(parent, name, entry);
  }

  Result<void> hard_link(int parent, const std::string& name, archive_entry* entry) {
    BERTH_ASSIGN(auto parts, parts_of(archive_entry_hardlink(entry)));
    if (parts.empty()) return Error{ErrorKind::invalid, "a hard link without a target"};
    const std::string base = std::move(parts.back());
    parts.pop_back();
    std::string path = ".";
    for (const auto& part : parts) path += "/" + part;
    BERTH_ASSIGN(const Fd from, open_inside(root_.get(), path, O_PATH | O_DIRECTORY));
    struct stat source{};
    struct stat target{};
    if (::fstatat(from.get(), base.c_str(), &source, AT_SYMLINK_NOFOLLOW) != 0)
      return system_error("hard link to " + base);
    if (::fstatat(parent, name.c_str(), &target, AT_SYMLINK_NOFOLLOW) == 0 &&
        source.st_ino == target.st_ino)
      return {};
    BERTH_TRY(clear(parent, name));
    if (::linkat(from.get(), base.c_str(), parent, name.c_str(), 0) != 0)
      return system_error("create hard link");
    return {};
  }

  static Result<void> whiteout(int parent, const std::string& name) {
    if (name.empty()) return Error{ErrorKind::invalid, "a whiteout without a name"};
    BERTH_TRY(clear(parent, name));
    if (::mknodat(parent, name.c_str(), S_IFCHR, makedev(0, 0)) != 0)
      return system_error("create whiteout");
    return {};
  }

  static Result<void> opaque(int parent) {
    // O_PATH descriptors cannot carry fsetxattr; /proc leads to the same inode.
    const std::string path = "/proc/self/fd/" + std::to_string(parent);
    if (::setxattr(path.c_str(), "trusted.overlay.opaque", "y", 1, 0) != 0)
      return system_error("mark directory opaque");
    return {};
  }

  static Result<void> attributes(int parent, const std::string& name, archive_entry* entry) {
    const auto uid = static_cast<uid_t>(archive_entry_uid(entry));
    const auto gid = static_cast<gid_t>(archive_entry_gid(entry));
    if (::fchownat(parent, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
      return system_error("set owner");
    // After chown, which clears set-user-id bits.
    if (archive_entry_filetype(entry) != AE_IFLNK &&
        ::fchmodat(parent, name.c_str(), archive_entry_perm(entry) & 07777, 0) != 0)
      return system_error("set mode");
    if (archive_entry_mtime_is_set(entry)) {
      const timespec time{.tv_sec = archive_entry_mtime(entry),
                          .tv_nsec = archive_entry_mtime_nsec(entry)};
      const timespec both[2] = {time, time};
      ::utimensat(parent, name.c_str(), both, AT_SYMLINK_NOFOLLOW);  // Only for people's eyes.
    }
    return {};
  }

  archive* archive_;
  Fd root_;
  UnpackLimits limits_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<void> unpack_layer(const std::filesystem::path& tar, const std::filesystem::path& root,
                          const UnpackLimits& limits) {
  const ReadArchive handle(archive_read_new());
  archive_read_support_format_tar(handle.get());
  archive_read_support_format_empty(handle.get());
  BERTH_TRY(open_archive(handle.get(), tar));
  BERTH_ASSIGN(Fd directory, open_file(root, O_PATH | O_DIRECTORY));
  return Unpacker(handle.get(), std::move(directory), limits).run();
}

Result<void> decompress(const std::filesystem::path& source,
                        const std::function<Result<void>(std::string_view)>& output,
                        const UnpackLimits& limits) {
  const ReadArchive handle(archive_read_new());
  archive_read_support_format_raw(handle.get());
  archive_read_support_format_empty(handle.get());
  BERTH_TRY(open_archive(handle.get(), source));
  archive_entry* entry = nullptr;
  const int status = archive_read_next_header(handle.get(), &entry);
  if (status == ARCHIVE_EOF) return {};
  if (status != ARCHIVE_OK) return archive_failure(handle.get(), source.string());
  std::string buffer(1 << 20, '\0');
  std::uint64_t total = 0;
  for (;;) {
    const la_ssize_t count = archive_read_data(handle.get(), buffer.data(), buffer.size());
    if (count < 0) return archive_failure(handle.get(), source.string());
    if (count == 0) return {};
    total += static_cast<std::uint64_t>(count);
    if (total > limits.bytes)
      return Error{ErrorKind::limit, source.string() + " is larger than the limit when unpacked"};
    BERTH_TRY(output(std::string_view(buffer).substr(0, static_cast<std::size_t>(count))));
  }
}

}  // namespace berth::builder
