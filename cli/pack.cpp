// SPDX-License-Identifier: Apache-2.0
#include "cli/pack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/file.hpp"

namespace berth::cli {

namespace fs = std::filesystem;

namespace {

struct ArchiveDeleter {
  void operator()(archive* handle) const noexcept { archive_write_free(handle); }
};
struct EntryDeleter {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};
struct RepositoryDeleter {
  void operator()(git_repository* handle) const noexcept { git_repository_free(handle); }
};

class Packer final {
 public:
  Packer(fs::path directory, const fs::path& target)
      : directory_(std::move(directory)), target_(target) {}

  Outcome<Packed> run() {
    BERTH_TRY(read_ignores());
    archive_.reset(archive_write_new());
    archive_write_set_format_pax_restricted(archive_.get());
    archive_write_add_filter_gzip(archive_.get());
    archive_write_set_filter_option(archive_.get(), "gzip", "compression-level", "3");
    if (archive_write_open_filename(archive_.get(), target_.c_str()) != ARCHIVE_OK)
      return broken("write " + target_.string());
    BERTH_TRY(pack_children(""));
    if (archive_write_close(archive_.get()) != ARCHIVE_OK)
      return broken("write " + target_.string());
    return packed_;
  }

 private:
  Failure broken(const std::string& what) const {
    const char* text = archive_error_string(archive_.get());
    return failed("Packing stopped: " + what + ": " + (text ? text : "unknown error") + ".");
  }

  /// An empty repository elsewhere with the directory as its working copy: libgit2 then reads the
  /// directory's .gitignore files exactly as git does.
  Outcome<void> read_ignores() {
    git_libgit2_init();
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    BERTH_ASSIGN(TempDir made, TempDir::create(fs::temp_directory_path()));
    scratch_.emplace_back(std::move(made));
    git_repository* repository = nullptr;
    if (git_repository_init(&repository, scratch_.back().path().c_str(), 1) != 0)
      return failed("The ignore files could not be read.");
    repository_.reset(repository);
    if (git_repository_set_workdir(repository, directory_.c_str(), 0) != 0)
      return failed("The ignore files of " + directory_.string() + " could not be read.");
    return {};
  }

  bool is_ignored(const std::string& path, bool is_directory) const {
    int ignored = 0;
    const std::string asked = is_directory ? path + "/" : path;
    return git_ignore_path_is_ignored(&ignored, repository_.get(), asked.c_str()) == 0 &&
           ignored != 0;
  }

  Outcome<void> pack_children(const std::string& prefix) {
    std::error_code failure;
    std::vector<std::string> names;
    for (fs::directory_iterator at(directory_ / prefix, failure), end; !failure && at != end;
         at.increment(failure))
      names.push_back(at->path().filename().string());
    if (failure)
      return failed("Cannot read " + (directory_ / prefix).string() + ": " + failure.message() +
                    ".");
    std::ranges::sort(names);
    for (const auto& name : names) {
      if (name == ".git") continue;
      BERTH_TRY(pack(prefix.empty() ? name : prefix + "/" + name));
    }
    return {};
  }

  Outcome<void> pack(const std::string& path) {
    struct stat status{};
    const fs::path file = directory_ / path;
    if (::lstat(file.c_str(), &status) != 0) return Failure(system_error("read " + file.string()));
    if (is_ignored(path, S_ISDIR(status.st_mode))) {
      ++packed_.ignored;
      return {};
    }
    if (S_ISDIR(status.st_mode)) return pack_children(path);
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) return {};
    const std::unique_ptr<archive_entry, EntryDeleter> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_perm(entry.get(), status.st_mode & 0111 ? 0755 : 0644);
    archive_entry_set_mtime(entry.get(), status.st_mtim.tv_sec, 0);
    ++packed_.files;
    if (S_ISLNK(status.st_mode)) {
      std::error_code failure;
      const fs::path link = fs::read_symlink(file, failure);
      if (failure) return failed("Cannot read the link " + file.string() + ".");
      archive_entry_set_filetype(entry.get(), AE_IFLNK);
      archive_entry_set_symlink(entry.get(), link.c_str());
      if (archive_write_header(archive_.get(), entry.get()) != ARCHIVE_OK) return broken(path);
      return {};
    }
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_size(entry.get(), status.st_size);
    return content(path, file, entry.get(), static_cast<std::uint64_t>(status.st_size));
  }

  /// Exactly `size` bytes: a file that grows meanwhile is cut, one that shrinks is an error.
  Outcome<void> content(const std::string& path, const fs::path& file, archive_entry* entry,
                        std::uint64_t size) {
    BERTH_ASSIGN(const Fd fd, open_file(file, O_RDONLY | O_NOFOLLOW));
    if (archive_write_header(archive_.get(), entry) != ARCHIVE_OK) return broken(path);
    std::string buffer(1 << 18, '\0');
    while (size > 0) {
      const ssize_t count =
          ::read(fd.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), size));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Failure(system_error("read " + file.string()));
      if (count == 0) return failed(path + " became shorter while it was packed. Try again.");
      if (archive_write_data(archive_.get(), buffer.data(), static_cast<std::size_t>(count)) !=
          count)
        return broken(path);
      size -= static_cast<std::uint64_t>(count);
    }
    return {};
  }

  fs::path directory_;
  const fs::path& target_;
  std::vector<TempDir> scratch_;
  std::unique_ptr<git_repository, RepositoryDeleter> repository_;
  std::unique_ptr<archive, ArchiveDeleter> archive_;
  Packed packed_;
};

}  // namespace

Outcome<Packed> pack_directory(const fs::path& directory, const fs::path& archive) {
  std::error_code failure;
  const fs::path whole = fs::canonical(directory, failure);
  if (failure || !fs::is_directory(whole))
    return failed("There is no directory " + directory.string() + ".");
  return Packer(whole, archive).run();
}

}  // namespace berth::cli
