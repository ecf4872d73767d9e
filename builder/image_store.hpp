// SPDX-License-Identifier: Apache-2.0
//
// Images on disk: an OCI image layout (`images/`) beside the same layers unpacked (`layers/<diff
// id>/`, overlay lower directories). Layers are uncompressed tars, so blob digest and diff id are
// one. Every method is thread-safe and blocking; a crash leaves at worst what nothing refers to,
// which the collector (collector.hpp) removes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "builder/layer_tar.hpp"

namespace berth::builder {

/// Beside `layers/`: what put_away() moved.
inline constexpr std::string_view removed_folder = "removed";
/// Below the data directory: what is told of the runtimes that apps share (runtimes.hpp).
inline constexpr std::string_view runtimes_folder = "runtimes";
/// Before the digits of a damaged layer's diff id, in `layers/`.
inline constexpr std::string_view damaged_prefix = ".damaged-";

/// Unpacked, of one layer: more is refused.
inline constexpr std::uint64_t most_layer_bytes = 32ULL << 30;

struct ImageLayer {
  std::string diff_id;  ///< "sha256:…" of the uncompressed tar
  std::uint64_t size_bytes = 0;
  std::string created_by;  ///< for the image's history
  friend bool operator==(const ImageLayer&, const ImageLayer&) = default;
};

struct Image {
  std::string digest;              ///< of the manifest, "sha256:…"
  std::vector<ImageLayer> layers;  ///< base first
  std::vector<std::string> env;    ///< "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::string working_directory;
  std::string user;  ///< "1000:1000"
  std::vector<std::string> exposed_ports;  ///< "8080/tcp"
  std::map<std::string, std::string> labels;
  /// Of the config, handed on as it is: Healthcheck, OnBuild, Shell, StopSignal, Volumes.
  json::object further = {};
  /// Its value; empty where there is none.
  [[nodiscard]] std::string label(const std::string& name) const {
    const auto found = labels.find(name);
    return found == labels.end() ? "" : found->second;
  }
  friend bool operator==(const Image&, const Image&) = default;
};

class ImageStore final {
 public:
  /// Creates `root/images` (OCI layout) and `root/layers` if they are not there.
  [[nodiscard]] static Result<ImageStore> open(const std::filesystem::path& root);

  /// Tars `directory` (whose content is relative to the image's root) with the normalisation of
  /// specs/cnb.md 1.8, hashes while writing, and moves the directory into `layers/`. The source is
  /// gone afterwards. A layer that is already there costs the hash only.
  [[nodiscard]] Result<ImageLayer> add_layer(const std::filesystem::path& directory,
                                             std::string_view created_by,
                                             Whiteouts whiteouts = Whiteouts::left_out);
  /// Unpacks a layer tar (no entry may leave its root). For base images and imports.
  /// With a `diff_id` the unpacked tar must have it.
  [[nodiscard]] Result<ImageLayer> add_layer_tar(const std::filesystem::path& tar,
                                                 std::string_view created_by,
                                                 std::string_view diff_id = {},
                                                 std::uint64_t limit_bytes = most_layer_bytes);
  /// The layer can be mounted now, or its tar is there to be unpacked.
  [[nodiscard]] bool has_layer(std::string_view diff_id) const;
  [[nodiscard]] std::filesystem::path layer_directory(std::string_view diff_id) const;
  /// A layer that is there already, for one more image.
  [[nodiscard]] Result<ImageLayer> known_layer(std::string_view diff_id,
                                               std::string_view created_by) const;
  /// An image that is there already, for one more user: stamped, so that the collector leaves it
  /// alone although nothing names it yet. An error if something of it is gone.
  [[nodiscard]] Result<Image> take_into_use(Image image);
  /// layer_directory(), unpacked again from its tar if it was deleted.
  [[nodiscard]] Result<std::filesystem::path> mountable_layer(
      std::string_view diff_id, std::uint64_t limit_bytes = most_layer_bytes) const;

  /// A layer that never leaves this machine (a build's cache): moved into `layers/` without a tar
  /// or a hash, named "private:<random>". has_layer() and layer_directory() know such names too.
  [[nodiscard]] Result<std::string> add_private_layer(const std::filesystem::path& directory);
  /// Moves it to `directory`, an empty one, which it replaces: it is no layer then.
  [[nodiscard]] Result<void> take_private_layer(std::string_view id,
                                                const std::filesystem::path& directory);
  /// Waits until the disk has every unpacked layer: after a loss of power before that, a layer is
  /// unpacked again (unsynced.hpp).
  [[nodiscard]] Result<void> sync() const;
  /// Moves a directory out of use; one that is not there is success. The collector deletes it
  /// later: whoever waits for a build should not wait for the deletion of its thousands of files.
  [[nodiscard]] Result<void> put_away(const std::filesystem::path& path) const;
  /// A private layer that no build needs any more is put away, and so is a directory that was
  /// damaged; that is removed when nothing that runs can have it mounted; see collector.hpp.
  [[nodiscard]] Result<void> put_away_layer(std::string_view id);

  /// Writes config and manifest; same input, same digest. `created` is the constant of the spec.
  [[nodiscard]] Result<Image> add_image(Image image);
  [[nodiscard]] Result<Image> find(std::string_view digest) const;
  /// Overlay lower directories of an image, top first, each once. A directory that was deleted is
  /// unpacked again from its tar.
  [[nodiscard]] Result<std::vector<std::filesystem::path>> directories(const Image& image) const;

  /// Names an image in index.json (`org.opencontainers.image.ref.name`), moving the name if it
  /// exists.
  [[nodiscard]] Result<void> tag(std::string_view name, std::string_view digest);
  [[nodiscard]] Result<Image> find_tag(std::string_view name) const;
  [[nodiscard]] Result<void> untag(std::string_view name);
  /// Every name and the manifest's digest that it stands for, in order.
  [[nodiscard]] Result<std::map<std::string, std::string>> tags() const;

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

  // For the collector. Whatever is used, mounted or added once more is stamped (its change time),
  // so that these two leave alone what somebody took into use after the collector had looked.
  /// Puts it away, also a private or half-written one; false if it changed since, or is gone.
  [[nodiscard]] Result<bool> remove_layer_directory(std::string_view id, Time unless_changed_since);
  [[nodiscard]] Result<bool> remove_blob(std::string_view digest, Time unless_changed_since);
  [[nodiscard]] std::filesystem::path blob_path(std::string_view digest) const;

 private:
  explicit ImageStore(std::filesystem::path root) : root_(std::move(root)) {}
  void stamp(std::string_view diff_id) const;
  /// Moves a finished directory to its layer's name; loses the race to an equal one gladly.
  [[nodiscard]] Result<void> keep_layer(const std::filesystem::path& from,
                                        std::string_view diff_id) const;
  [[nodiscard]] Result<std::string> add_blob(std::string_view content);
  [[nodiscard]] Result<void> unpack(std::string_view diff_id, std::uint64_t limit_bytes) const;
  std::filesystem::path root_;
};

}  // namespace berth::builder
