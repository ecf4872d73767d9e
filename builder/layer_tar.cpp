// SPDX-License-Identifier: Apache-2.0
#include "builder/layer_tar.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "builder/overlay_entry.hpp"
#include "builder/tar_format.hpp"

namespace berth::builder {

namespace {

constexpr std::size_t buffer_bytes = 1 << 20;

/// Collects small pieces, hashes and writes large ones.
class HashingWriter final {
 public:
  explicit HashingWriter(int output) : output_(output) { buffer_.reserve(buffer_bytes); }

  Result<void> append(std::string_view data) {
    while (!data.empty()) {
      const std::size_t count = std::min(data.size(), buffer_bytes - buffer_.size());
      buffer_.append(data.substr(0, count));
      data.remove_prefix(count);
      if (buffer_.size() == buffer_bytes) BERTH_TRY(flush());
    }
    return {};
  }

  /// Reads straight into the buffer: the content of a file is copied once.
  Result<std::size_t> append_from(int file, std::size_t at_most) {
    if (buffer_.size() == buffer_bytes) BERTH_TRY(flush());
    const std::size_t before = buffer_.size();
    const std::size_t count = std::min(at_most, buffer_bytes - before);
    buffer_.resize(before + count);
    ssize_t got;
    do got = ::read(file, buffer_.data() + before, count);
    while (got < 0 && errno == EINTR);
    buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return system_error("read");
    return static_cast<std::size_t>(got);
  }

  Result<TarSummary> finish() {
    BERTH_TRY(flush());
    return TarSummary{.digest = "sha256:" + hash_.finish_hex(), .size_bytes = written_};
  }

 private:
  Result<void> flush() {
    hash_.update(buffer_);
    BERTH_TRY(write_all(output_, buffer_));
    written_ += buffer_.size();
    buffer_.clear();
    return {};
  }

  int output_;
  std::string buffer_;
  Sha256 hash_;
  std::uint64_t written_ = 0;
};

class Walk final {
 public:
  Walk(HashingWriter& writer, Whiteouts whiteouts) : writer_(writer), whiteouts_(whiteouts) {}

  Result<void> directory(int fd, const std::string& path) {
    BERTH_ASSIGN(const auto names, with_context(names_in(fd), path));
    for (const auto& name : names)
      BERTH_TRY(entry(fd, name, path.empty() ? name : path + "/" + name));
    return {};
  }

 private:
  Result<void> entry(int parent, const std::string& name, const std::string& path) {
    struct stat status{};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return system_error("stat " + path);
    TarEntry header{.path = path,
                    .mode = static_cast<std::uint32_t>(status.st_mode & 07777),
                    .uid = status.st_uid,
                    .gid = status.st_gid};
    if (S_ISDIR(status.st_mode)) {
      header.type = TarType::directory;
      BERTH_TRY(writer_.append(tar_header(header)));
      const Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!fd) return system_error("open " + path);
      if (whiteouts_ == Whiteouts::written && is_opaque(fd.get()))
        BERTH_TRY(writer_.append(tar_header(mark(path + "/.wh..wh..opq"))));
      return directory(fd.get(), path);
    }
    if (S_ISLNK(status.st_mode)) {
      header.type = TarType::symlink;
      header.mode = 0777;
      char target[4096];
      const ssize_t length = ::readlinkat(parent, name.c_str(), target, sizeof target);
      if (length < 0) return system_error("read link " + path);
      header.link_target.assign(target, static_cast<std::size_t>(length));
      return writer_.append(tar_header(header));
    }
    if (S_ISREG(status.st_mode)) return file(parent, name, header);
    if (whiteouts_ == Whiteouts::written && is_overlay_whiteout(status))
      return writer_.append(
          tar_header(mark(path.substr(0, path.size() - name.size()) + ".wh." + name)));
    return {};
  }

  /// OCI's form of what an overlay keeps as a device or an attribute: a file that is a name alone.
  static TarEntry mark(std::string path) { return {.path = std::move(path), .mode = 0644}; }

  static bool is_opaque(int directory) {
    char value = 0;
    for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"})
      if (::fgetxattr(directory, name, &value, 1) == 1 && value == 'y') return true;
    return false;
  }

  Result<void> file(int parent, const std::string& name, TarEntry& header) {
    const Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return system_error("open " + header.path);
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) return system_error("stat " + header.path);
    header.size_bytes = static_cast<std::uint64_t>(status.st_size);
    BERTH_TRY(writer_.append(tar_header(header)));
    std::uint64_t left = header.size_bytes;
    while (left > 0) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_bytes));
      BERTH_ASSIGN(const std::size_t count,
                   with_context(writer_.append_from(fd.get(), wanted), header.path));
      if (count == 0)
        return Error{ErrorKind::conflict, header.path + " became shorter while it was read"};
      left -= count;
    }
    return writer_.append(std::string(tar_padding(header.size_bytes), '\0'));
  }

  HashingWriter& writer_;
  Whiteouts whiteouts_;
};

}  // namespace

Result<TarSummary> write_layer_tar(const std::filesystem::path& directory, int output,
                                   Whiteouts whiteouts) {
  BERTH_ASSIGN(const Fd root, open_file(directory, O_RDONLY | O_DIRECTORY));
  HashingWriter writer(output);
  BERTH_TRY(with_context(Walk(writer, whiteouts).directory(root.get(), ""), "pack layer"));
  BERTH_TRY(writer.append(tar_end()));
  return writer.finish();
}

}  // namespace berth::builder
