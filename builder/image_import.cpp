// SPDX-License-Identifier: Apache-2.0
#include "builder/image_import.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "builder/image_documents.hpp"
#include "builder/layer_unpack.hpp"
#include "builder/log_format.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_document_bytes = 8U << 20;
constexpr int deepest_index = 4;

std::string path_of(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

class ImageImport final {
 public:
  ImageImport(ImageStore& images, const ImageImportLimits& limits, Fd root)
      : images_(images), limits_(limits), root_(std::move(root)) {}

  Result<ImportedImage> run() {
    const auto index = open_inside("index.json");
    const auto saved = open_inside("manifest.json");
    if (index.has_value() && open_inside("oci-layout").has_value()) {
      BERTH_TRY(read_layout());
    } else if (saved.has_value()) {
      BERTH_TRY(read_saved());
    } else {
      return Error{ErrorKind::invalid,
                   "this is no image: it holds neither docker's manifest.json nor an OCI layout. "
                   "Save one with `docker save -o FILE.tar IMAGE` or `skopeo copy … "
                   "oci-archive:FILE.tar`; for source code use --source"};
    }
    BERTH_ASSIGN(result_.image, images_.add_image(std::move(result_.image)));
    return std::move(result_);
  }

 private:
  /// A plain file of the archive, whatever links lead to it: nothing outside can be reached.
  Result<Fd> open_inside(const std::string& path) const {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const long number = ::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how);
    if (number < 0) return system_error("open " + path + " of the archive");
    Fd fd(static_cast<int>(number));
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
      return Error{ErrorKind::invalid, path + " of the archive is not a file"};
    return fd;
  }

  Result<std::string> document(const std::string& path) const {
    BERTH_ASSIGN(const Fd fd, open_inside(path));
    return with_context(read_file(path_of(fd), longest_document_bytes), path);
  }

  static std::string blob_name(const Descriptor& descriptor) {
    return "blobs/sha256/" + descriptor.digest.substr(7);
  }

  Result<std::string> document(const Descriptor& descriptor) const {
    BERTH_ASSIGN(std::string text, document(blob_name(descriptor)));
    if ("sha256:" + sha256_hex(text) != descriptor.digest)
      return Error{ErrorKind::invalid, "the archive is damaged: " + descriptor.digest +
                                           " has other content than its digest says"};
    return text;
  }

  Result<void> read_layout() {
    BERTH_ASSIGN(std::string text, document(std::string("index.json")));
    ForeignEntry entry;
    for (int depth = 0;; ++depth) {
      if (depth == deepest_index)
        return Error{ErrorKind::invalid, "the archive's indexes are nested too deeply"};
      BERTH_ASSIGN(const auto entries, parse_foreign_index(text));
      BERTH_ASSIGN(entry, choose_entry(entries));
      if (!entry.name.empty()) result_.names.push_back(entry.name);
      BERTH_ASSIGN(text, document(entry.descriptor));
      if (!entry.is_index) break;
    }
    BERTH_ASSIGN(const ForeignManifest manifest, parse_foreign_manifest(text));
    BERTH_ASSIGN(const std::string config, document(manifest.config));
    std::vector<std::string> paths;
    for (const auto& layer : manifest.layers) {
      BERTH_TRY(verify(layer));
      paths.push_back(blob_name(layer));
    }
    return take(config, paths);
  }

  /// The digest of a layer as it lies there.
  Result<void> verify(const Descriptor& layer) const {
    BERTH_ASSIGN(const Fd fd, open_inside(blob_name(layer)));
    Sha256 hash;
    std::string buffer(1 << 20, '\0');
    for (;;) {
      const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_error("read layer " + layer.digest);
      if (count == 0) break;
      hash.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
    }
    if ("sha256:" + hash.finish_hex() == layer.digest) return {};
    return Error{ErrorKind::invalid, "the archive is damaged: layer " + layer.digest +
                                         " has other content than its digest says"};
  }

  Result<void> read_saved() {
    BERTH_ASSIGN(const std::string text, document(std::string("manifest.json")));
    BERTH_ASSIGN(const auto saved, parse_saved_images(text));
    if (saved.empty()) return Error{ErrorKind::invalid, "the archive holds no image"};
    if (saved.size() > 1) {
      std::vector<std::string> names;
      for (const auto& image : saved)
        names.push_back(image.names.empty() ? image.config.substr(0, 12) : image.names.front());
      return Error{ErrorKind::invalid, "the archive holds several images (" + people_list(names) +
                                           "). Save the one that is meant alone"};
    }
    result_.names = saved.front().names;
    BERTH_ASSIGN(const std::string config, document(saved.front().config));
    return take(config, saved.front().layers);
  }

  Result<void> take(const std::string& text, const std::vector<std::string>& layers) {
    BERTH_ASSIGN(ImageConfig config, with_context(parse_image_config(text), "the image's config"));
    const std::string platform = config.os + "/" + config.architecture;
    const std::string ours = "linux/" + std::string(oci_architecture());
    if (platform != ours)
      return Error{ErrorKind::invalid, "the image is for " + platform + ", and this machine is " +
                                           ours + ". Save it for that platform"};
    if (config.diff_ids.size() != layers.size())
      return Error{ErrorKind::invalid, "the image's manifest and config count different layers"};
    if (layers.empty()) return Error{ErrorKind::invalid, "the image has no layers: it is empty"};
    if (layers.size() > limits_.layers)
      return Error{ErrorKind::limit,
                   "the image has " + std::to_string(layers.size()) + " layers, and " +
                       std::to_string(limits_.layers) +
                       " can be mounted. Squash it (`buildah build --squash`)"};
    Image image = std::move(config.image);
    std::uint64_t left = limits_.bytes;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      BERTH_ASSIGN(
          ImageLayer layer,
          with_context(one_layer(layers[i], config.diff_ids[i],
                                 i < config.history.size() ? config.history[i] : "", left),
                       "layer " + std::to_string(i + 1) + " of " + std::to_string(layers.size())));
      left -= std::min(left, layer.size_bytes);
      image.layers.push_back(std::move(layer));
    }
    result_.image = std::move(image);
    return {};
  }

  /// A layer that is in the store already is not unpacked again. It is still read: whoever only
  /// knows a layer's id must not get its content by claiming it.
  Result<ImageLayer> one_layer(const std::string& path, const std::string& diff_id,
                               const std::string& created_by, std::uint64_t left) {
    BERTH_ASSIGN(const Fd fd, open_inside(path));
    auto known = images_.known_layer(diff_id, created_by);
    if (known.has_error() || images_.mountable_layer(diff_id).has_error())
      return images_.add_layer_tar(path_of(fd), created_by, diff_id, left);
    Sha256 hash;
    BERTH_TRY(decompress(
        path_of(fd),
        [&](std::string_view data) {
          hash.update(data);
          return Result<void>();
        },
        {.bytes = left}));
    if ("sha256:" + hash.finish_hex() == diff_id) return known;
    return Error{ErrorKind::invalid,
                 "the layer's content is not " + diff_id + ", as the image's config says"};
  }

  ImageStore& images_;
  const ImageImportLimits& limits_;
  Fd root_;
  ImportedImage result_;
};

}  // namespace

Result<ImportedImage> import_image_directory(ImageStore& images, const fs::path& directory,
                                             const ImageImportLimits& limits) {
  BERTH_ASSIGN(Fd root, open_file(directory, O_PATH | O_DIRECTORY));
  return ImageImport(images, limits, std::move(root)).run();
}

Result<ImportedImage> import_image_archive(ImageStore& images, const fs::path& archive,
                                           const fs::path& work, const ImageImportLimits& limits) {
  BERTH_TRY(make_directories(work.parent_path()));
  // Nobody else may enter: what lies in it has the owners and modes that the archive says.
  if (::mkdir(work.c_str(), 0700) != 0) return system_error("create " + work.string());
  BERTH_TRY(make_directories(work / "content"));
  auto unpacked = unpack_layer(archive, work / "content",
                               {.bytes = limits.bytes, .entries = limits.files});
  Result<ImportedImage> result = Error{};
  if (unpacked.has_error())
    result = unpacked.error().kind == ErrorKind::invalid
                 ? Error{ErrorKind::invalid, "the image's archive cannot be read: " +
                                                 unpacked.error().message}
                 : unpacked.error();
  else
    result = import_image_directory(images, work / "content", limits);
  BERTH_TRY(remove_tree(work));
  return result;
}

}  // namespace berth::builder
