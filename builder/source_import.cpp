// SPDX-License-Identifier: Apache-2.0
#include "builder/source_import.hpp"

#include <map>
#include <optional>
#include <string_view>

#include "builder/archive_reader.hpp"
#include "builder/git_handles.hpp"
#include "builder/log_format.hpp"
#include "builder/source_path.hpp"

namespace berth::builder {

namespace {

constexpr const char* reference_name = "refs/berth/source";
/// Entries that are no files (directories above all) for each file that is allowed.
constexpr std::uint64_t entries_per_file = 4;

bool is_git_directory(std::string_view name) {
  return name.size() == 4 && name[0] == '.' && (name[1] | 0x20) == 'g' &&
         (name[2] | 0x20) == 'i' && (name[3] | 0x20) == 't';
}

/// The path as a tree holds it; nothing for the root itself and for what is git's own.
Result<std::optional<std::string>> tree_path(std::string_view name) {
  const std::string whole(name);
  if (name.starts_with('/'))
    return Error{ErrorKind::invalid, "the archive holds an absolute name, '" + whole +
                                         "'. Pack with names relative to the app's directory"};
  std::string path;
  while (!name.empty()) {
    const auto slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (is_git_directory(part)) return std::optional<std::string>();
    if (const auto checked = check_tree_name(part); checked.has_error())
      return Error{ErrorKind::invalid, "the archive holds '" + whole +
                                           "', a name that leads out of the app's directory or "
                                           "cannot be stored"};
    if (!path.empty()) path += '/';
    path += part;
  }
  if (const auto checked = check_source_path(path); checked.has_error())
    return Error{ErrorKind::limit,
                 "the archive holds a path that is too long or too deep: " + path.substr(0, 100)};
  if (path.empty()) return std::optional<std::string>();
  return std::optional<std::string>(std::move(path));
}

class Importer final {
 public:
  explicit Importer(const SourceImport& import) : import_(import) {}

  Result<ImportedSource> run() {
    start_libgit2();
    git_repository* repository = nullptr;
    if (git_repository_open_bare(&repository, import_.repository.c_str()) != 0)
      return git_failure("open repository " + import_.repository.string());
    repository_.reset(repository);
    git_index* index = nullptr;
    if (git_index_new(&index) != 0) return git_failure("make a git index");
    index_.reset(index);
    BERTH_TRY(read_entries());
    if (files_.empty())
      return Error{ErrorKind::invalid,
                   "the archive holds no files, or it is not a tar or zip archive. Pack the app's "
                   "directory: tar czf app.tar.gz -C DIRECTORY ."};
    BERTH_TRY(commit());
    notes();
    return std::move(result_);
  }

 private:
  struct File {
    git_oid id{};
    git_filemode_t mode = GIT_FILEMODE_BLOB;
  };

  Result<void> read_entries() {
    archive_.reset(archive_read_new());
    archive_read_support_format_tar(archive_.get());
    archive_read_support_format_zip(archive_.get());
    if (const auto opened = open_archive(archive_.get(), import_.archive); opened.has_error())
      return unreadable(opened.error().message);
    std::uint64_t entries = 0;
    for (;;) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(archive_.get(), &entry);
      if (status == ARCHIVE_EOF) return {};
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        return unreadable(archive_failure(archive_.get(), "libarchive").message);
      if (++entries > import_.limits.files * entries_per_file) return too_many();
      const char* name = archive_entry_pathname(entry);
      if (!name) return Error{ErrorKind::invalid, "an entry of the archive has no name"};
      BERTH_ASSIGN(const auto path, tree_path(name));
      if (path)
        BERTH_TRY(one(entry, *path));
      else if (archive_entry_filetype(entry) == AE_IFREG)
        ++git_files_;
    }
  }

  static Error unreadable(const std::string& why) {
    return {ErrorKind::invalid,
            "the source is not a tar or zip archive, or it is damaged (" + why + ")"};
  }

  [[nodiscard]] Error too_many() const {
    return {ErrorKind::limit, "the archive holds more than " +
                                  std::to_string(import_.limits.files) +
                                  " files. Leave out what the build makes (.gitignore)"};
  }

  Result<void> one(archive_entry* entry, const std::string& path) {
    if (const char* target = archive_entry_hardlink(entry)) {
      BERTH_ASSIGN(const auto from, tree_path(target));
      const auto known = from ? files_.find(*from) : files_.end();
      if (known == files_.end())
        return Error{ErrorKind::invalid, "the archive holds '" + path +
                                             "', a link to a file that is not before it"};
      return add(path, known->second);
    }
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR: return {};
      case AE_IFREG: return file(entry, path);
      case AE_IFLNK: return link(entry, path);
      default: ++special_files_; return {};
    }
  }

  Result<void> file(archive_entry* entry, const std::string& path) {
    git_writestream* stream = nullptr;
    if (git_blob_create_from_stream(&stream, repository_.get(), nullptr) != 0)
      return git_failure("store " + path);
    std::uint64_t size = 0;
    const void* data = nullptr;
    std::size_t count = 0;
    la_int64_t offset = 0;
    Result<void> outcome;
    for (;;) {
      const int status = archive_read_data_block(archive_.get(), &data, &count, &offset);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK) outcome = archive_failure(archive_.get(), path);
      // A sparse file's hole, which git does not know: zeros, within the limits.
      if (outcome.has_value()) outcome = grow(path, static_cast<std::uint64_t>(offset) + count);
      static constexpr char zeros[4096] = {};
      while (outcome.has_value() && size < static_cast<std::uint64_t>(offset)) {
        const auto hole =
            std::min<std::uint64_t>(sizeof zeros, static_cast<std::uint64_t>(offset) - size);
        if (stream->write(stream, zeros, hole) != 0) outcome = git_failure("store " + path);
        size += hole;
      }
      if (outcome.has_value() &&
          stream->write(stream, static_cast<const char*>(data), count) != 0)
        outcome = git_failure("store " + path);
      if (outcome.has_error()) {
        stream->free(stream);
        return outcome;
      }
      size += count;
    }
    bytes_ += size;
    File made{.id = {},
              .mode = (archive_entry_perm(entry) & 0111) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE
                                                              : GIT_FILEMODE_BLOB};
    if (git_blob_create_from_stream_commit(&made.id, stream) != 0)
      return git_failure("store " + path);
    return add(path, made);
  }

  [[nodiscard]] Result<void> grow(const std::string& path, std::uint64_t size) const {
    if (size > import_.limits.file_bytes)
      return Error{ErrorKind::limit,
                   path + " is larger than " + people_bytes(import_.limits.file_bytes)};
    if (bytes_ + size > import_.limits.total_bytes)
      return Error{ErrorKind::limit, "the source is larger than " +
                                         people_bytes(import_.limits.total_bytes) +
                                         " unpacked. Leave out what the build makes (.gitignore)"};
    return {};
  }

  Result<void> link(archive_entry* entry, const std::string& path) {
    const char* target = archive_entry_symlink(entry);
    if (!target || !*target)
      return Error{ErrorKind::invalid, "the archive holds '" + path + "', a link to nowhere"};
    File made{.id = {}, .mode = GIT_FILEMODE_LINK};
    const std::string_view text(target);
    if (git_blob_create_from_buffer(&made.id, repository_.get(), text.data(), text.size()) != 0)
      return git_failure("store " + path);
    return add(path, made);
  }

  Result<void> add(const std::string& path, const File& file) {
    git_index_entry entry{};
    entry.id = file.id;
    entry.mode = file.mode;
    entry.path = path.c_str();
    // What is there of that name, also a directory, makes room: the last entry of an archive wins.
    if (git_index_add(index_.get(), &entry) != 0) return git_failure("add " + path);
    files_[path] = file;
    if (files_.size() > import_.limits.files) return too_many();
    return {};
  }

  /// The commit that the last import made, if there was one.
  Result<Commit> last_commit() {
    git_oid id;
    git_commit* commit = nullptr;
    const int found = git_reference_name_to_id(&id, repository_.get(), reference_name);
    if (found == GIT_ENOTFOUND) return Commit();
    if (found != 0 || git_commit_lookup(&commit, repository_.get(), &id) != 0)
      return git_failure("read the last imported source");
    return Commit(commit);
  }

  Result<void> commit() {
    git_oid tree_id;
    if (git_index_write_tree_to(&tree_id, index_.get(), repository_.get()) != 0)
      return git_failure("store the tree");
    BERTH_ASSIGN(const Commit last, last_commit());
    result_.files = git_index_entrycount(index_.get());
    result_.tree = hex(tree_id);
    if (last && git_oid_equal(git_commit_tree_id(last.get()), &tree_id)) {
      result_.commit = hex(*git_commit_id(last.get()));
      return {};
    }
    git_tree* tree = nullptr;
    if (git_tree_lookup(&tree, repository_.get(), &tree_id) != 0) return git_failure("read a tree");
    const Tree owner(tree);
    git_signature* signature = nullptr;
    const std::string author = import_.author.empty() ? "berth" : import_.author;
    if (git_signature_now(&signature, author.c_str(), author.c_str()) != 0)
      return git_failure("sign the commit");
    const Signature signer(signature);
    const git_commit* parents[] = {last.get()};
    git_oid id;
    if (git_commit_create(&id, repository_.get(), nullptr, signature, signature, nullptr,
                          import_.message.c_str(), tree, last ? 1 : 0, parents) != 0)
      return git_failure("store the commit");
    git_reference* reference = nullptr;
    if (git_reference_create(&reference, repository_.get(), reference_name, &id, 1, nullptr) != 0)
      return git_failure("name the commit");
    const Reference named(reference);
    result_.commit = hex(id);
    return {};
  }

  static std::string hex(const git_oid& id) {
    char text[GIT_OID_HEXSZ + 1];
    return git_oid_tostr(text, sizeof text, &id);
  }

  void notes() {
    if (git_files_ > 0) result_.notes.push_back("git's own directory (.git) was left out");
    if (special_files_ > 0)
      result_.notes.push_back(people_count(special_files_, "device, pipe or socket") +
                              " left out");
    // `tar czf app.tar.gz app/` instead of `tar czf app.tar.gz -C app .`
    const std::string& first = files_.begin()->first;
    const std::string top = first.substr(0, first.find('/') + 1);
    if (!top.empty() && files_.rbegin()->first.starts_with(top))
      result_.notes.push_back("everything is in the directory " + top +
                              "; an app's files stand at the top of its archive");
  }

  const SourceImport& import_;
  Repository repository_;
  GitIndex index_;
  ReadArchive archive_;
  std::map<std::string, File> files_;
  std::uint64_t bytes_ = 0;
  std::uint64_t git_files_ = 0;
  std::uint64_t special_files_ = 0;
  ImportedSource result_;
};

}  // namespace

Result<ImportedSource> import_source(const SourceImport& import) { return Importer(import).run(); }

}  // namespace berth::builder
