// SPDX-License-Identifier: Apache-2.0
#include "builder/source.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "base/crypto.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "builder/build.hpp"
#include "builder/git_handles.hpp"
#include "builder/log_format.hpp"
#include "builder/source_path.hpp"
#include "builder/tree_seal.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_list = 256 << 20;

struct OpenSource {
  Repository repository;
  ObjectDatabase objects;
  Tree tree;
};

/// To a directory of the tree.
Result<void> descend(OpenSource& open, const std::string& path) {
  git_tree_entry* entry = nullptr;
  git_tree* tree = nullptr;
  const int found = git_tree_entry_bypath(&entry, open.tree.get(), path.c_str());
  const TreeEntry owner(entry);
  if (found != 0 || git_tree_entry_type(entry) != GIT_OBJECT_TREE ||
      git_tree_lookup(&tree, open.repository.get(), git_tree_entry_id(entry)) != 0)
    return Error{ErrorKind::not_found, "the commit has no directory " + path};
  open.tree.reset(tree);
  return {};
}

Result<OpenSource> open_source(const GitSource& source) {
  start_libgit2();
  OpenSource open;
  git_repository* repository = nullptr;
  if (git_repository_open_bare(&repository, source.repository.c_str()) != 0)
    return git_failure("open repository " + source.repository.string());
  open.repository.reset(repository);
  git_odb* objects = nullptr;
  if (git_repository_odb(&objects, repository) != 0) return git_failure("open the object database");
  open.objects.reset(objects);
  if (!source.extra_object_directory.empty() &&
      git_odb_add_disk_alternate(objects, source.extra_object_directory.c_str()) != 0)
    return git_failure("open the pushed objects");
  git_oid id;
  if (source.commit.size() != GIT_OID_HEXSZ || git_oid_fromstr(&id, source.commit.c_str()) != 0)
    return Error{ErrorKind::invalid, "'" + source.commit + "' is not a commit id"};
  git_commit* commit = nullptr;
  if (git_commit_lookup(&commit, repository, &id) != 0)
    return Error{ErrorKind::not_found, "commit " + source.commit + " is not in the repository"};
  const Commit owner(commit);
  git_tree* tree = nullptr;
  if (git_commit_tree(&tree, commit) != 0) return git_failure("read the commit's tree");
  open.tree.reset(tree);
  if (!source.directory.empty() && descend(open, source.directory).has_error())
    return Error{ErrorKind::not_found, "the commit has no directory " + source.directory +
                                           ", which PROJECT_PATH names: correct the config var"};
  return open;
}

std::string hex_of(const git_oid* id) {
  char text[GIT_OID_HEXSZ + 1];
  return git_oid_tostr(text, sizeof text, id);
}

enum class FileKind : char { directory = 'd', file = 'f', executable = 'x', symlink = 'l' };

struct SourceEntry {
  FileKind kind = FileKind::file;
  std::string id;  ///< of the blob; a directory's content is in entries of its own
  friend bool operator==(const SourceEntry&, const SourceEntry&) = default;
};

/// By path, parents before children.
using SourceList = std::map<std::string, SourceEntry>;

/// What the exported tree holds, and how it looked when it was written.
struct KeptSource {
  SourceList list;
  std::string seal;
};

/// A digest of what follows, a line for the seal, lines "kind id path"; each ends with NUL.
std::string list_text(const KeptSource& kept) {
  std::string text = kept.seal + '\0';
  for (const auto& [path, entry] : kept.list) {
    text += static_cast<char>(entry.kind);
    text.append(" ").append(entry.id).append(" ").append(path).append(1, '\0');
  }
  return sha256_hex(text) + '\0' + text;
}

std::optional<SourceList> parse_lines(std::string_view text) {
  SourceList list;
  while (!text.empty()) {
    const auto end = text.find('\0');
    if (end == text.npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto space = line.find(' ', 2);
    if (line.size() < 4 || line[1] != ' ' || space == line.npos) return std::nullopt;
    list.emplace(
        std::string(line.substr(space + 1)),
        SourceEntry{static_cast<FileKind>(line[0]), std::string(line.substr(2, space - 2))});
  }
  return list;
}

std::optional<KeptSource> parse_list(std::string_view text) {
  const auto sum = text.find('\0');
  if (sum == text.npos || sha256_hex(text.substr(sum + 1)) != text.substr(0, sum))
    return std::nullopt;
  text.remove_prefix(sum + 1);
  const auto seal = text.find('\0');
  if (seal == text.npos) return std::nullopt;
  auto list = parse_lines(text.substr(seal + 1));
  if (!list) return std::nullopt;
  return KeptSource{.list = std::move(*list), .seal = std::string(text.substr(0, seal))};
}

/// Reads the trees and the sizes of the blobs; no content yet.
class TreeReader final {
 public:
  TreeReader(const OpenSource& source, const SourceLimits& limits, const PathFilter& filter,
             SourceTree& summary)
      : source_(source), limits_(limits), filter_(filter), summary_(summary) {}

  Result<void> read(const git_tree* tree, const std::string& path) {
    const std::size_t count = git_tree_entrycount(tree);
    for (std::size_t i = 0; i < count; ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
      const std::string name = git_tree_entry_name(entry);
      BERTH_TRY(check_tree_name(name));
      const std::string full = path.empty() ? name : path + "/" + name;
      BERTH_TRY(check_source_path(full));
      BERTH_TRY(one(entry, full));
    }
    return {};
  }

  SourceList list;

 private:
  Result<void> one(const git_tree_entry* entry, const std::string& path) {
    const git_oid* id = git_tree_entry_id(entry);
    const bool directory = git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE;
    if (!directory && !filter_.keeps(path, git_tree_entry_filemode(entry) == GIT_FILEMODE_COMMIT))
      return {};
    switch (git_tree_entry_filemode(entry)) {
      case GIT_FILEMODE_TREE: {
        list[path] = {FileKind::directory, "-"};
        git_tree* child = nullptr;
        if (git_tree_lookup(&child, source_.repository.get(), id) != 0)
          return git_failure("read directory " + path);
        const Tree owner(child);
        BERTH_TRY(read(child, path));
        // A directory of which nothing is kept is left out with it.
        const auto inside = list.lower_bound(path + "/");
        if (!filter_.empty() && (inside == list.end() || !inside->first.starts_with(path + "/")))
          list.erase(path);
        return {};
      }
      case GIT_FILEMODE_COMMIT:
        list[path] = {FileKind::directory, "-"};
        summary_.notes.push_back(
            "The submodule " + path +
            " is left empty: submodules are not fetched. Vendor its files to use them.");
        return {};
      case GIT_FILEMODE_LINK:
        return blob(FileKind::symlink, id, path);
      case GIT_FILEMODE_BLOB_EXECUTABLE:
        return blob(FileKind::executable, id, path);
      case GIT_FILEMODE_BLOB:
        return blob(FileKind::file, id, path);
      default:
        return Error{ErrorKind::invalid, path + " has a mode that git does not define"};
    }
  }

  Result<void> blob(FileKind kind, const git_oid* id, const std::string& path) {
    std::size_t size = 0;
    git_object_t type{};
    if (git_odb_read_header(&size, &type, source_.objects.get(), id) != 0)
      return git_failure("read " + path);
    if (type != GIT_OBJECT_BLOB) return Error{ErrorKind::invalid, path + " is not a file in git"};
    if (size > limits_.file_bytes)
      return Error{ErrorKind::limit,
                   path + " has " + people_bytes(size) + "; a file of a push may have " +
                       people_bytes(limits_.file_bytes) +
                       ". Remove it from the commit and fetch it during the build or at start."};
    if (kind == FileKind::symlink && (size == 0 || size > 4095))
      return Error{ErrorKind::invalid, "the symbolic link " + path + " has no usable target"};
    summary_.bytes += size;
    if (summary_.bytes > limits_.total_bytes)
      return Error{ErrorKind::limit, "the commit's files have more than " +
                                         people_bytes(limits_.total_bytes) + " together"};
    if (++summary_.files > limits_.files)
      return Error{ErrorKind::limit,
                   "the commit has more than " + std::to_string(limits_.files) + " files"};
    list[path] = {kind, hex_of(id)};
    return {};
  }

  const OpenSource& source_;
  SourceLimits limits_;
  const PathFilter& filter_;
  SourceTree& summary_;
};

/// Applies the difference of two lists to a directory. Paths are walked without following a link.
class TreeWriter final {
 public:
  TreeWriter(const OpenSource& source, const fs::path& root, std::uint32_t uid, std::uint32_t gid)
      : source_(source), root_(root), uid_(uid), gid_(gid) {}

  Result<std::uint64_t> apply(const SourceList& before, const SourceList& after) {
    // Children first: a directory is removed when it is empty.
    for (auto old = before.rbegin(); old != before.rend(); ++old) {
      const auto now = after.find(old->first);
      const bool stays = now != after.end() && (now->second.kind == FileKind::directory) ==
                                                   (old->second.kind == FileKind::directory);
      if (!stays) BERTH_TRY(remove(old->first));
    }
    std::uint64_t written = 0;
    for (const auto& [path, entry] : after) {
      const auto old = before.find(path);
      if (old != before.end() && old->second == entry) continue;
      if (entry.kind == FileKind::directory) {
        BERTH_TRY(make_directory(path));
      } else {
        BERTH_TRY(with_context(write(path, entry), path));
        ++written;
      }
    }
    return written;
  }

 private:
  /// The directory that holds `path`. Made by us alone: no link stands on the way, and O_NOFOLLOW
  /// keeps it so.
  Result<Fd> parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
    if (parent_fd_ && parent == parent_path_)
      return Fd(::fcntl(parent_fd_.get(), F_DUPFD_CLOEXEC, 0));
    BERTH_ASSIGN(Fd fd, open_file(root_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    std::string_view rest = parent;
    while (!rest.empty()) {
      const std::string part(rest.substr(0, rest.find('/')));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      Fd next(::openat(fd.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) return system_error("open " + parent);
      fd = std::move(next);
    }
    parent_path_ = parent;
    parent_fd_ = Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    return fd;
  }

  static std::string base_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

  Result<void> remove(const std::string& path) {
    BERTH_ASSIGN(const Fd parent, parent_of(path));
    const std::string base = base_of(path);
    if (::unlinkat(parent.get(), base.c_str(), 0) == 0 ||
        ::unlinkat(parent.get(), base.c_str(), AT_REMOVEDIR) == 0)
      return {};
    return system_error("remove " + path);
  }

  Result<void> make_directory(const std::string& path) {
    BERTH_ASSIGN(const Fd parent, parent_of(path));
    const std::string base = base_of(path);
    if (::mkdirat(parent.get(), base.c_str(), 0755) != 0) return system_error("create " + path);
    return own(parent.get(), base);
  }

  Result<void> own(int parent, const std::string& base) const {
    if (::fchownat(parent, base.c_str(), uid_, gid_, AT_SYMLINK_NOFOLLOW) != 0)
      return system_error("set owner");
    return {};
  }

  Result<void> write(const std::string& path, const SourceEntry& entry) {
    BERTH_ASSIGN(const Fd parent, parent_of(path));
    const std::string base = base_of(path);
    git_oid id;
    git_oid_fromstr(&id, entry.id.c_str());
    git_odb_object* object = nullptr;
    if (git_odb_read(&object, source_.objects.get(), &id) != 0) return git_failure("read from git");
    const OdbObject owner(object);
    const std::string_view content(static_cast<const char*>(git_odb_object_data(object)),
                                   git_odb_object_size(object));
    // Never in place: the old file may be hard-linked into an image's layer.
    if (::unlinkat(parent.get(), base.c_str(), 0) != 0 && errno != ENOENT)
      return system_error("replace");
    if (entry.kind == FileKind::symlink) {
      if (::symlinkat(std::string(content).c_str(), parent.get(), base.c_str()) != 0)
        return system_error("create link");
      return own(parent.get(), base);
    }
    const mode_t mode = entry.kind == FileKind::executable ? 0755 : 0644;
    const Fd file(::openat(parent.get(), base.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file) return system_error("create file");
    BERTH_TRY(write_all(file.get(), content));
    if (::fchmod(file.get(), mode) != 0) return system_error("set mode");
    if (::fchown(file.get(), uid_, gid_) != 0) return system_error("set owner");
    return {};
  }

  const OpenSource& source_;
  fs::path root_;
  std::uint32_t uid_;
  std::uint32_t gid_;
  std::string parent_path_;
  Fd parent_fd_;
};

}  // namespace

Result<std::string> source_tree_id(const GitSource& source) {
  BERTH_ASSIGN(const OpenSource open, open_source(source));
  return hex_of(git_tree_id(open.tree.get()));
}

Result<std::optional<std::string>> read_source_file(const GitSource& source,
                                                    const std::string& path, std::uint64_t limit) {
  BERTH_ASSIGN(const OpenSource open, open_source(source));
  git_tree_entry* entry = nullptr;
  if (git_tree_entry_bypath(&entry, open.tree.get(), path.c_str()) != 0)
    return std::optional<std::string>();
  const TreeEntry owner(entry);
  const auto mode = git_tree_entry_filemode(entry);
  if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE)
    return std::optional<std::string>();
  git_odb_object* object = nullptr;
  if (git_odb_read(&object, open.objects.get(), git_tree_entry_id(entry)) != 0)
    return git_failure("read " + path);
  const OdbObject content(object);
  if (git_odb_object_size(object) > limit)
    return Error{ErrorKind::limit, path + " is larger than " + people_bytes(limit)};
  return std::optional<std::string>(std::in_place,
                                    static_cast<const char*>(git_odb_object_data(object)),
                                    git_odb_object_size(object));
}

Result<std::map<std::string, std::string>> read_source_list(const fs::path& directory) {
  BERTH_ASSIGN(const std::string text, read_file(directory / "list", longest_list));
  const auto kept = parse_list(text);
  if (!kept) return Error{ErrorKind::internal, "the list of the kept source is broken"};
  std::map<std::string, std::string> result;
  for (const auto& [path, entry] : kept->list)
    result[path] = std::string(1, static_cast<char>(entry.kind)) + " " + entry.id;
  return result;
}

Result<SourceTree> export_source(const GitSource& source, const fs::path& directory,
                                 std::uint32_t uid, std::uint32_t gid, const SourceLimits& limits,
                                 const SourceSelection& selection) {
  BERTH_ASSIGN(OpenSource open, open_source(source));
  if (!selection.directory.empty()) BERTH_TRY(descend(open, selection.directory));
  SourceTree summary;
  summary.tree = hex_of(git_tree_id(open.tree.get()));
  TreeReader reader(open, limits, selection.filter, summary);
  BERTH_TRY(reader.read(open.tree.get(), ""));
  if (reader.list.empty())
    return Error{ErrorKind::invalid,
                 selection.filter.empty()
                     ? "the commit is empty: there are no files to build"
                     : "no file of the commit is left: include, exclude or .slugignore takes all"};

  const fs::path tree = directory / "tree";
  const fs::path list = directory / "list";
  SourceList before;
  if (const auto text = read_file(list, longest_list); text.has_value())
    if (auto kept = parse_list(*text); kept && has_seal(tree, kept->seal))
      before = std::move(kept->list);
  // From here until the new list is written the tree is neither the old nor the new one.
  BERTH_TRY(remove_tree(list));
  // A list or a tree that is not as we left it is not believed: all is written anew.
  if (before.empty()) BERTH_TRY(remove_tree(tree));
  BERTH_TRY(make_directories(tree));
  if (::chown(tree.c_str(), uid, gid) != 0) return system_error("set owner of " + tree.string());
  BERTH_ASSIGN(summary.written, TreeWriter(open, tree, uid, gid).apply(before, reader.list));
  BERTH_ASSIGN(std::string seal, tree_seal(tree));
  BERTH_TRY(write_file_atomic(
      list, list_text({.list = std::move(reader.list), .seal = std::move(seal)})));
  return summary;
}

}  // namespace berth::builder
