// SPDX-License-Identifier: Apache-2.0
#include "builder/image_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "base/crypto.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "builder/layer_tar.hpp"
#include "builder/layer_unpack.hpp"
#include "builder/oci.hpp"
#include "builder/tar_format.hpp"
#include "builder/unsynced.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view private_prefix = "private:";
constexpr std::string_view incoming_prefix = ".incoming-";

/// Held while what lies in the directory is looked at and then changed.
Result<Fd> lock_directory(const fs::path& directory) {
  BERTH_ASSIGN(Fd fd, open_file(directory, O_RDONLY | O_DIRECTORY));
  while (::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return system_error("lock " + directory.string());
  return fd;
}

/// A blob being written: it has no name until it is whole, so a crash leaves nothing behind.
class BlobWriter final {
 public:
  static Result<BlobWriter> create(const fs::path& directory) {
    BERTH_ASSIGN(Fd fd, open_file(directory, O_TMPFILE | O_RDWR, 0644));
    return BlobWriter(directory, std::move(fd));
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

  Result<void> commit(std::string_view digest) {
    const fs::path name = directory_ / digest.substr(7);
    {
      // Against the collector: either it sees the stamp, or we see that the blob is gone.
      BERTH_ASSIGN(const Fd lock, lock_directory(directory_));
      if (::chmod(name.c_str(), 0644) == 0) return {};
    }
    if (::fdatasync(fd_.get()) != 0) return system_error("sync " + name.string());
    const std::string from = "/proc/self/fd/" + std::to_string(fd_.get());
    if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0 &&
        errno != EEXIST)
      return system_error("store " + name.string());
    return {};
  }

 private:
  BlobWriter(fs::path directory, Fd fd) : directory_(std::move(directory)), fd_(std::move(fd)) {}
  fs::path directory_;
  Fd fd_;
};

/// Or gone.
bool changed_since(const fs::path& path, Time time) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return true;
  const auto at = std::chrono::seconds(status.st_ctim.tv_sec) +
                  std::chrono::nanoseconds(status.st_ctim.tv_nsec);
  return Time(std::chrono::duration_cast<Duration>(at)) >= time;
}

/// Layers are mounted in containers whose processes are not root.
Result<void> make_root(const fs::path& path) {
  BERTH_TRY(make_directories(path));
  if (::chmod(path.c_str(), 0755) != 0) return system_error("set mode of " + path.string());
  return {};
}

}  // namespace

Result<ImageStore> ImageStore::open(const fs::path& root) {
  ImageStore store(root);
  BERTH_TRY(make_root(root / "images/blobs/sha256"));
  BERTH_TRY(make_root(root / "layers"));
  BERTH_TRY(make_directories(root / removed_folder));
  if (::chmod((root / removed_folder).c_str(), 0700) != 0)
    return system_error("set mode of " + (root / removed_folder).string());
  BERTH_TRY(make_directories(root / unsynced_folder));
  BERTH_ASSIGN(const std::vector<std::string> lost, lost_layers(root));
  for (const std::string& name : lost) {
    BERTH_TRY(store.put_away(root / "layers" / name));
    fs::remove(root / unsynced_folder / name);
  }
  BERTH_ASSIGN(const Fd lock, lock_directory(root / "images"));
  const fs::path layout = root / "images/oci-layout";
  const fs::path index = root / "images/index.json";
  if (!fs::exists(index)) BERTH_TRY(write_file_atomic(index, image_index_json({})));
  if (!fs::exists(layout)) BERTH_TRY(write_file_atomic(layout, image_layout_json()));
  return store;
}

fs::path ImageStore::blob_path(std::string_view digest) const {
  BERTH_ASSERT(is_digest(digest));
  return root_ / "images/blobs/sha256" / digest.substr(7);
}

Result<void> ImageStore::keep_layer(const fs::path& from, std::string_view diff_id) const {
  const fs::path to = layer_directory(diff_id);
  BERTH_TRY(note_unsynced(root_, to.filename().string()));
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  // A directory of that name that has content: the same layer, by its digest.
  if (errno == EEXIST || errno == ENOTEMPTY) return put_away(from);
  return system_error("move " + from.string() + " to " + to.string());
}

fs::path ImageStore::layer_directory(std::string_view diff_id) const {
  if (diff_id.starts_with(private_prefix))
    return root_ / "layers" / ("private-" + std::string(diff_id.substr(private_prefix.size())));
  BERTH_ASSERT(is_digest(diff_id));
  return root_ / "layers" / diff_id.substr(7);
}

bool ImageStore::has_layer(std::string_view diff_id) const {
  if (!diff_id.starts_with(private_prefix) && !is_digest(diff_id)) return false;
  std::error_code failure;
  if (fs::is_directory(layer_directory(diff_id), failure)) return true;
  return is_digest(diff_id) && fs::exists(blob_path(diff_id), failure);
}

/// Changing a mode to what it is leaves the directory's own time, which images show, as it is.
void ImageStore::stamp(std::string_view diff_id) const {
  ::chmod(layer_directory(diff_id).c_str(), 0755);
  if (is_digest(diff_id)) ::chmod(blob_path(diff_id).c_str(), 0644);
}

Result<ImageLayer> ImageStore::add_layer(const fs::path& directory, std::string_view created_by,
                                         Whiteouts whiteouts) {
  if (::chmod(directory.c_str(), 0755) != 0)
    return system_error("set mode of " + directory.string());
  BERTH_ASSIGN(BlobWriter blob, BlobWriter::create(root_ / "images/blobs/sha256"));
  BERTH_ASSIGN(const TarSummary tar, write_layer_tar(directory, blob.fd(), whiteouts));
  BERTH_TRY(blob.commit(tar.digest));
  BERTH_TRY(keep_layer(directory, tar.digest));
  stamp(tar.digest);
  return ImageLayer{
      .diff_id = tar.digest, .size_bytes = tar.size_bytes, .created_by = std::string(created_by)};
}

Result<ImageLayer> ImageStore::add_layer_tar(const fs::path& tar, std::string_view created_by,
                                             std::string_view diff_id, std::uint64_t limit_bytes) {
  BERTH_ASSIGN(BlobWriter blob, BlobWriter::create(root_ / "images/blobs/sha256"));
  Sha256 hash;
  std::uint64_t size = 0;
  BERTH_TRY(decompress(tar, [&](std::string_view data) {
    hash.update(data);
    size += data.size();
    return write_all(blob.fd(), data);
  }, {.bytes = limit_bytes}));
  const std::string digest = "sha256:" + hash.finish_hex();
  if (!diff_id.empty() && digest != diff_id)
    return Error{ErrorKind::invalid, "the layer's content is " + digest +
                                         ", but the image's config says " + std::string(diff_id)};
  BERTH_TRY(blob.commit(digest));
  BERTH_TRY(mountable_layer(digest, limit_bytes));
  return ImageLayer{.diff_id = digest, .size_bytes = size, .created_by = std::string(created_by)};
}

Result<Image> ImageStore::take_into_use(Image image) {
  for (const auto& layer : image.layers)
    BERTH_TRY(known_layer(layer.diff_id, layer.created_by));
  return add_image(std::move(image));
}

Result<void> ImageStore::unpack(std::string_view diff_id, std::uint64_t limit_bytes) const {
  BERTH_ASSIGN(TempDir incoming, TempDir::create(root_ / "layers", incoming_prefix));
  const fs::path content = incoming.path() / "content";
  BERTH_TRY(make_root(content));
  BERTH_TRY(with_context(unpack_layer(blob_path(diff_id), content, {.bytes = limit_bytes}),
                         "unpack layer " + std::string(diff_id)));
  return keep_layer(content, diff_id);
}

Result<std::string> ImageStore::add_private_layer(const fs::path& directory) {
  const std::string id = std::string(private_prefix) + random_hex(16);
  BERTH_TRY(note_unsynced(root_, layer_directory(id).filename().string()));
  if (::rename(directory.c_str(), layer_directory(id).c_str()) != 0)
    return system_error("move " + directory.string() + " into the layers");
  return id;
}

Result<void> ImageStore::take_private_layer(std::string_view id, const fs::path& directory) {
  BERTH_ASSERT(id.starts_with(private_prefix));
  if (::rename(layer_directory(id).c_str(), directory.c_str()) != 0)
    return system_error("take layer " + std::string(id));
  return {};
}

Result<void> ImageStore::sync() const { return sync_layers(root_); }

Result<void> ImageStore::put_away(const fs::path& path) const {
  if (::rename(path.c_str(), (root_ / removed_folder / random_hex(8)).c_str()) == 0) return {};
  if (errno == EXDEV) return remove_tree(path);  // an operator's mount, for the logs for example
  return errno == ENOENT ? Result<void>() : system_error("put away " + path.string());
}

Result<void> ImageStore::put_away_layer(std::string_view id) {
  if (id.starts_with(private_prefix)) return put_away(layer_directory(id));
  const std::string name = std::string(damaged_prefix) + std::string(id.substr(7)) + "-";
  const fs::path aside = root_ / "layers" / (name + random_hex(8));
  if (::rename(layer_directory(id).c_str(), aside.c_str()) != 0 && errno != ENOENT)
    return system_error("put away layer " + std::string(id));
  return {};
}

Result<bool> ImageStore::remove_layer_directory(std::string_view id, Time unless_changed_since) {
  const fs::path directory = layer_directory(id);
  BERTH_ASSIGN(const Fd lock, lock_directory(root_ / "layers"));
  if (changed_since(directory, unless_changed_since)) return false;
  BERTH_TRY(put_away(directory));
  return true;
}

Result<bool> ImageStore::remove_blob(std::string_view digest, Time unless_changed_since) {
  const fs::path path = blob_path(digest);
  BERTH_ASSIGN(const Fd lock, lock_directory(path.parent_path()));
  if (changed_since(path, unless_changed_since)) return false;
  if (::unlink(path.c_str()) != 0) return system_error("remove " + path.string());
  return true;
}

Result<std::string> ImageStore::add_blob(std::string_view content) {
  std::string digest = "sha256:" + sha256_hex(content);
  BERTH_ASSIGN(BlobWriter blob, BlobWriter::create(root_ / "images/blobs/sha256"));
  BERTH_TRY(write_all(blob.fd(), content));
  BERTH_TRY(blob.commit(digest));
  return digest;
}

Result<Image> ImageStore::add_image(Image image) {
  for (const auto& layer : image.layers)
    if (!is_digest(layer.diff_id) || !fs::exists(blob_path(layer.diff_id)))
      return Error{ErrorKind::not_found, "layer " + layer.diff_id + " is not in the image store"};
  const std::string config = image_config_json(image);
  Descriptor descriptor{.digest = {}, .size_bytes = config.size()};
  BERTH_ASSIGN(descriptor.digest, add_blob(config));
  BERTH_ASSIGN(image.digest, add_blob(image_manifest_json(image, descriptor)));
  return image;
}

Result<Image> ImageStore::find(std::string_view digest) const {
  const std::string name(digest);
  if (!is_digest(digest)) return Error{ErrorKind::invalid, "'" + name + "' is not an image digest"};
  auto manifest = read_file(blob_path(digest));
  if (manifest.has_error() && manifest.error().kind == ErrorKind::not_found)
    return Error{ErrorKind::not_found, "image " + name + " is not in the image store"};
  BERTH_TRY(manifest);
  BERTH_ASSIGN(const Descriptor config, with_context(manifest_config(*manifest), "image " + name));
  BERTH_ASSIGN(const std::string config_text, read_file(blob_path(config.digest)));
  BERTH_ASSIGN(Image image, with_context(parse_image(*manifest, config_text), "image " + name));
  image.digest = name;
  return image;
}

Result<ImageLayer> ImageStore::known_layer(std::string_view diff_id,
                                           std::string_view created_by) const {
  std::error_code failure;
  const auto size = is_digest(diff_id) ? fs::file_size(blob_path(diff_id), failure) : 0;
  if (!is_digest(diff_id) || failure)
    return Error{ErrorKind::not_found,
                 "layer " + std::string(diff_id) + " is not in the image store"};
  stamp(diff_id);
  return ImageLayer{std::string(diff_id), size, std::string(created_by)};
}

Result<fs::path> ImageStore::mountable_layer(std::string_view diff_id,
                                             std::uint64_t limit_bytes) const {
  fs::path directory = layer_directory(diff_id);
  {
    BERTH_ASSIGN(const Fd lock, lock_directory(root_ / "layers"));
    if (::chmod(directory.c_str(), 0755) == 0) return directory;
  }
  if (!is_digest(diff_id))
    return Error{ErrorKind::not_found, "layer " + std::string(diff_id) + " is gone"};
  BERTH_TRY(unpack(diff_id, limit_bytes));
  return directory;
}

Result<std::vector<fs::path>> ImageStore::directories(const Image& image) const {
  std::vector<fs::path> result;
  for (auto layer = image.layers.rbegin(); layer != image.layers.rend(); ++layer) {
    // An overlay refuses a directory twice, and what is above hides an equal layer below.
    const auto above = std::find_if(image.layers.rbegin(), layer, [&](const ImageLayer& other) {
      return other.diff_id == layer->diff_id;
    });
    if (above != layer) continue;
    BERTH_ASSIGN(fs::path directory, mountable_layer(layer->diff_id));
    result.push_back(std::move(directory));
  }
  return result;
}

Result<void> ImageStore::tag(std::string_view name, std::string_view digest) {
  if (!is_digest(digest)) return Error{ErrorKind::invalid, "not an image digest"};
  BERTH_ASSIGN(const Fd lock, lock_directory(root_ / "images"));
  BERTH_ASSIGN(const std::string text, read_file(root_ / "images/index.json"));
  BERTH_ASSIGN(auto entries, parse_index(text));
  std::error_code failure;
  const auto size = fs::file_size(blob_path(digest), failure);
  if (failure)
    return Error{ErrorKind::not_found,
                 "image " + std::string(digest) + " is not in the image store"};
  std::erase_if(entries, [&](const IndexEntry& entry) { return entry.name == name; });
  entries.push_back({std::string(name), {std::string(digest), size}});
  std::sort(entries.begin(), entries.end(),
            [](const IndexEntry& a, const IndexEntry& b) { return a.name < b.name; });
  return write_file_atomic(root_ / "images/index.json", image_index_json(entries));
}

Result<Image> ImageStore::find_tag(std::string_view name) const {
  BERTH_ASSIGN(const std::string text, read_file(root_ / "images/index.json"));
  BERTH_ASSIGN(const auto entries, parse_index(text));
  for (const auto& entry : entries)
    if (entry.name == name) return find(entry.manifest.digest);
  return Error{ErrorKind::not_found, "no image is named '" + std::string(name) + "'"};
}

Result<std::map<std::string, std::string>> ImageStore::tags() const {
  BERTH_ASSIGN(const std::string text, read_file(root_ / "images/index.json"));
  BERTH_ASSIGN(const auto entries, parse_index(text));
  std::map<std::string, std::string> result;
  for (const auto& entry : entries) result[entry.name] = entry.manifest.digest;
  return result;
}

Result<void> ImageStore::untag(std::string_view name) {
  BERTH_ASSIGN(const Fd lock, lock_directory(root_ / "images"));
  BERTH_ASSIGN(const std::string text, read_file(root_ / "images/index.json"));
  BERTH_ASSIGN(auto entries, parse_index(text));
  if (std::erase_if(entries, [&](const IndexEntry& entry) { return entry.name == name; }) == 0)
    return {};
  return write_file_atomic(root_ / "images/index.json", image_index_json(entries));
}

}  // namespace berth::builder
