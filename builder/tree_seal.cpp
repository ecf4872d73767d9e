// SPDX-License-Identifier: Apache-2.0
#include "builder/tree_seal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "base/crypto.hpp"
#include "base/file.hpp"

namespace berth::builder {

namespace {

class Sealer final {
 public:
  Result<void> directory(int fd) {
    BERTH_ASSIGN(const auto names, names_in(fd));
    for (const auto& name : names) BERTH_TRY(with_context(entry(fd, name), name));
    add(std::uint64_t{0});  // so that no entry seems to be in a directory beside
    return {};
  }
  std::string finish() { return hash_.finish_hex(); }

 private:
  void add(std::uint64_t number) {
    hash_.update({reinterpret_cast<const char*>(&number), sizeof number});
  }
  void add(std::string_view text) {
    add(text.size());
    hash_.update(text);
  }

  Result<void> entry(int parent, const std::string& name) {
    struct stat status {};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return system_error("stat");
    add(name);
    add(status.st_mode);
    add(status.st_uid);
    add(status.st_gid);
    add(static_cast<std::uint64_t>(status.st_mtim.tv_sec));
    add(static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
    if (S_ISDIR(status.st_mode)) {
      const Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!fd) return system_error("open");
      return directory(fd.get());
    }
    add(static_cast<std::uint64_t>(status.st_size));
    if (!S_ISLNK(status.st_mode)) return {};
    char target[4096];
    const ssize_t length = ::readlinkat(parent, name.c_str(), target, sizeof target);
    if (length < 0) return system_error("read link");
    add(std::string_view(target, static_cast<std::size_t>(length)));
    return {};
  }

  Sha256 hash_;
};

}  // namespace

Result<std::string> tree_seal(const std::filesystem::path& directory) {
  BERTH_ASSIGN(const Fd root, open_file(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  Sealer sealer;
  BERTH_TRY(with_context(sealer.directory(root.get()), "look through " + directory.string()));
  return sealer.finish();
}

bool has_seal(const std::filesystem::path& directory, const std::string& seal) {
  if (seal.empty()) return false;
  const auto now = tree_seal(directory);
  return now.has_value() && *now == seal;
}

}  // namespace berth::builder
