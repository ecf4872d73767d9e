// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_copy.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "builder/archive_reader.hpp"
#include "builder/layer_unpack.hpp"
#include "builder/path_patterns.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

bool is_pattern(std::string_view part) { return part.find_first_of("*?[\\") != part.npos; }

/// A directory that is ignored shows what an exception brings back.
bool is_hidden(const CopyOrigin& origin, const RootEntry& entry) {
  if (origin.ignore.empty() || entry.path.empty() || !origin.ignore.ignores(entry.path))
    return false;
  if (!entry.is_directory()) return true;
  for (const auto& name : origin.root.names(entry))
    if (!is_hidden(origin, origin.root.child(entry, name))) return false;
  return true;
}

class Finder final {
 public:
  Finder(const CopyOrigin& origin, std::vector<CopySource>& found)
      : origin_(origin), found_(found) {}

  Result<void> walk(const RootEntry& at, std::string_view rest) {
    const auto slash = rest.find('/');
    const std::string part(rest.substr(0, slash));
    const std::string_view after = slash == rest.npos ? "" : rest.substr(slash + 1);
    if (!is_pattern(part)) return step(at, part, after);
    for (const auto& name : origin_.root.names(at))
      if (wild_match(part, name)) BERTH_TRY(step(at, name, after));
    return {};
  }

 private:
  Result<void> step(const RootEntry& at, const std::string& name, std::string_view after) {
    RootEntry next = origin_.root.child(at, name);
    if (next.is_link()) {
      BERTH_ASSIGN(next, origin_.root.find(next.path));
    }
    if (!after.empty()) return next.is_directory() ? walk(next, after) : Result<void>();
    if (next.there() && !is_hidden(origin_, next)) found_.push_back({std::move(next), name});
    return {};
  }

  const CopyOrigin& origin_;
  std::vector<CopySource>& found_;
};

Result<void> set_attributes(const fs::path& path, std::uint32_t uid, std::uint32_t gid,
                            std::uint32_t mode, const struct stat* times) {
  // The mode after the owner, whose change clears the set-user-id bit.
  if (::lchown(path.c_str(), uid, gid) != 0 || ::chmod(path.c_str(), mode & 07777) != 0)
    return system_error("set attributes of " + path.string());
  if (!times) return {};
  const timespec both[2] = {times->st_atim, times->st_mtim};
  if (::utimensat(AT_FDCWD, path.c_str(), both, AT_SYMLINK_NOFOLLOW) != 0)
    return system_error("set times of " + path.string());
  return {};
}

Result<void> copy_content(const fs::path& from, const fs::path& to) {
  BERTH_ASSIGN(const Fd in, open_file(from, O_RDONLY | O_NOFOLLOW));
  BERTH_ASSIGN(const Fd out, open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0600));
  for (;;) {
    const ssize_t count = ::copy_file_range(in.get(), nullptr, out.get(), nullptr, 1 << 30, 0);
    if (count == 0) return {};
    if (count < 0 && errno != EINTR) return system_error("copy " + from.string());
  }
}

bool is_tar(const fs::path& path) {
  const ReadArchive handle(archive_read_new());
  archive_read_support_format_tar(handle.get());
  if (open_archive(handle.get(), path).has_error()) return false;
  archive_entry* entry = nullptr;
  return archive_read_next_header(handle.get(), &entry) == ARCHIVE_OK;
}

}  // namespace

Result<std::vector<CopySource>> find_copy_sources(const CopyOrigin& origin,
                                                  const std::vector<std::string>& patterns) {
  std::vector<CopySource> sources;
  for (const auto& pattern : patterns) {
    std::string_view rest = pattern;
    while (rest.starts_with('/')) rest.remove_prefix(1);
    const std::string path = clean_path(rest);
    if (path == ".." || path.starts_with("../"))
      return invalid("'" + pattern + "' lies outside of " + origin.what +
                     ", from which alone files are copied");
    BERTH_ASSIGN(RootEntry root, origin.root.find(""));
    if (path == ".") {
      sources.push_back({std::move(root), ""});
      continue;
    }
    const std::size_t before = sources.size();
    BERTH_TRY(Finder(origin, sources).walk(root, path));
    if (sources.size() > before) continue;
    const bool ignored = !origin.ignore.empty() && origin.ignore.ignores(path);
    return Error{ErrorKind::not_found,
                 "there is no '" + path + "' in " + origin.what +
                     (ignored         ? ": .dockerignore leaves it out"
                      : origin.shared ? ""
                                      : ". Is it committed, and its path right? It counts from the "
                                        "directory that is built")};
  }
  return sources;
}

std::string copy_fingerprint(const CopyOrigin& origin, const std::vector<CopySource>& sources,
                             const std::map<std::string, std::string>& ids,
                             const std::string& prefix) {
  std::string text;
  for (const auto& source : sources) {
    text += "> " + source.name + "\n";
    const std::string top = prefix + source.entry.path;
    for (auto at = ids.lower_bound(top); at != ids.end() && at->first.starts_with(top); ++at) {
      const std::string_view rest = std::string_view(at->first).substr(top.size());
      if (!rest.empty() && !top.empty() && !top.ends_with('/') && !rest.starts_with('/')) continue;
      const std::string path = at->first.substr(prefix.size());
      if (!path.empty() && !origin.ignore.ignores(path))
        text.append(rest).append(1, '\0').append(at->second).append("\n");
    }
  }
  return text;
}

LayerWriter::Owner LayerWriter::owner_of(const CopyOrigin& origin,
                                         const struct stat& status) const {
  if (options_.owner) return {options_.owner->first, options_.owner->second};
  return origin.shared ? Owner{status.st_uid, status.st_gid} : Owner{};
}

Result<void> LayerWriter::ensure(const std::string& path, const struct stat* like) {
  if (path.empty()) return {};
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (made_.insert(part).second) {
      if (::mkdir((root_ / part).c_str(), 0700) != 0)
        return system_error("create /" + part + " in the layer");
      BERTH_ASSIGN(const RootEntry there, image_.find(part));
      const bool last = end == path.npos;
      if (there.is_directory()) {
        const auto& status = there.entry.status;
        BERTH_TRY(set_attributes(root_ / part, status.st_uid, status.st_gid, status.st_mode,
                                 nullptr));
      } else {
        Owner owner;
        if (options_.owner) owner = {options_.owner->first, options_.owner->second};
        if (last && like) owner = {like->st_uid, like->st_gid};
        BERTH_TRY(set_attributes(root_ / part, owner.uid, owner.gid,
                                 last && like ? like->st_mode : 0755, nullptr));
      }
    }
    if (end == path.npos) return {};
  }
}

Result<void> LayerWriter::make_directory(const std::string& target) {
  BERTH_ASSIGN(const RootEntry there, image_.find(target));
  if (there.is_directory()) return {};
  if (there.there()) return invalid(target + " is a file, and no directory");
  return ensure(there.path);
}

Result<void> LayerWriter::write(const std::string& target, const std::string& name,
                                std::string_view content) {
  BERTH_ASSIGN(RootEntry to, image_.find(target));
  if (to.is_directory() || target.ends_with('/')) {
    BERTH_ASSIGN(to, image_.find(target + "/" + name));
  }
  const auto slash = to.path.rfind('/');
  if (slash != to.path.npos) BERTH_TRY(ensure(to.path.substr(0, slash)));
  BERTH_TRY(write_file(root_ / to.path, content, 0600));
  const auto owner = options_.owner.value_or(std::pair<std::uint32_t, std::uint32_t>(0, 0));
  return set_attributes(root_ / to.path, owner.first, owner.second, options_.mode.value_or(0644),
                        nullptr);
}

Result<void> LayerWriter::copy(const CopyOrigin& origin, const std::vector<CopySource>& sources,
                               const std::string& target) {
  BERTH_ASSIGN(const RootEntry there, image_.find(target));
  const bool directory = target.ends_with('/') || target.ends_with("/.");
  if (there.there() && !there.is_directory() && directory)
    return invalid(target + " is a file, and no directory");
  if (sources.size() > 1 && !directory && !there.is_directory())
    return invalid("several files are copied to '" + target +
                   "'. If it is a directory, write a slash at its end");
  for (const auto& source : sources) {
    if (options_.unpack && source.entry.is_file() && is_tar(source.entry.entry.paths[0])) {
      BERTH_TRY(unpack(source.entry, there));
    } else if (source.entry.is_directory()) {
      if (there.there() && !there.is_directory())
        return invalid(target + " is a file, and '" + source.name + "' a directory");
      BERTH_TRY(place_content(origin, source.entry, there));
    } else if (directory || there.is_directory()) {
      RootEntry to = image_.child(there, source.name);
      BERTH_TRY(place(origin, source.entry, std::move(to)));
    } else {
      BERTH_TRY(place(origin, source.entry, there));
    }
  }
  return {};
}

Result<void> LayerWriter::place(const CopyOrigin& origin, const RootEntry& source,
                                RootEntry target) {
  if (source.is_directory()) {
    // The image's link leads on, as /bin does where it is one to /usr/bin.
    if (target.is_link()) {
      BERTH_ASSIGN(target, image_.find(target.path));
    }
    if (target.there() && !target.is_directory())
      return invalid("/" + target.path + " is a file, and a directory is copied there");
    return place_content(origin, source, target);
  }
  if (target.is_directory())
    return invalid("/" + target.path + " is a directory, and a file is copied there");
  const auto slash = target.path.rfind('/');
  if (slash != target.path.npos) BERTH_TRY(ensure(target.path.substr(0, slash)));
  return place_file(origin, source, root_ / target.path);
}

Result<void> LayerWriter::place_content(const CopyOrigin& origin, const RootEntry& source,
                                        const RootEntry& target) {
  struct stat like = source.entry.status;
  const Owner owner = owner_of(origin, like);
  like.st_uid = owner.uid;
  like.st_gid = owner.gid;
  like.st_mode = options_.mode.value_or(like.st_mode & 07777);
  BERTH_TRY(ensure(target.path, &like));
  for (const auto& name : origin.root.names(source)) {
    const RootEntry child = origin.root.child(source, name);
    if (!is_hidden(origin, child)) BERTH_TRY(place(origin, child, image_.child(target, name)));
  }
  return {};
}

Result<void> LayerWriter::place_file(const CopyOrigin& origin, const RootEntry& source,
                                     const fs::path& to) const {
  const fs::path& from = source.entry.paths[0];
  const struct stat& status = source.entry.status;
  if (!source.is_file() && !source.is_link()) return {};  // pipes and sockets
  if (::unlink(to.c_str()) != 0 && errno != ENOENT) return system_error("replace " + to.string());
  const bool as_it_is = origin.shared && !options_.owner && (!options_.mode || source.is_link());
  if (as_it_is && ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0) == 0) return {};
  const Owner owner = owner_of(origin, status);
  if (source.is_link()) {
    BERTH_ASSIGN(const std::string target, RootView::link_target(source));
    if (::symlink(target.c_str(), to.c_str()) != 0 ||
        ::lchown(to.c_str(), owner.uid, owner.gid) != 0)
      return system_error("link " + to.string());
    return {};
  }
  BERTH_TRY(copy_content(from, to));
  return set_attributes(to, owner.uid, owner.gid, options_.mode.value_or(status.st_mode), &status);
}

Result<void> LayerWriter::unpack(const RootEntry& archive, const RootEntry& target) {
  const fs::path to = scratch_ / std::to_string(archives_++);
  BERTH_TRY(berth::make_directories(to));
  BERTH_TRY(with_context(unpack_layer(archive.entry.paths[0], to), archive.path));
  const CopyOrigin content{.root = RootView({to}), .ignore = {}, .what = {}, .shared = true};
  BERTH_ASSIGN(RootEntry root, content.root.find(""));
  root.entry.status.st_uid = root.entry.status.st_gid = 0;
  return place_content(content, root, target);
}

}  // namespace berth::builder
