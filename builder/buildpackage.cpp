// SPDX-License-Identifier: Apache-2.0
#include "builder/buildpackage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/crypto.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "builder/layer_unpack.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view metadata_label = "io.buildpacks.buildpackage.metadata";
constexpr UnpackLimits unpack_limits{.bytes = 4ULL << 30, .entries = 200'000};
constexpr std::uint64_t largest_blob = 2ULL << 30;
constexpr std::size_t most_layers = 500;
constexpr int deepest_index = 3;

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

Result<std::string> digest_in(const json::object& descriptor) {
  BERTH_ASSIGN(std::string digest, require_string(descriptor, "digest"));
  if (!is_digest(digest)) return invalid("'" + digest.substr(0, 100) + "' is no sha256 digest");
  return digest;
}

fs::path blob_of(const fs::path& layout, const std::string& digest) {
  return layout / "blobs/sha256" / digest.substr(7);
}

/// The content of a blob that is JSON, checked against its name.
Result<std::string> json_blob(const fs::path& layout, const std::string& digest) {
  BERTH_ASSIGN(std::string text, read_file(blob_of(layout, digest), 4 << 20));
  if ("sha256:" + sha256_hex(text) != digest) return invalid("the blob " + digest + " is broken");
  return text;
}

Result<void> check_blob(const fs::path& path, const std::string& digest) {
  BERTH_ASSIGN(const Fd fd, open_file(path, O_RDONLY | O_NOFOLLOW));
  Sha256 hash;
  std::uint64_t total = 0;
  std::string buffer(1 << 20, '\0');
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read " + path.string());
    if (count == 0) break;
    total += static_cast<std::uint64_t>(count);
    if (total > largest_blob)
      return Error{ErrorKind::limit, "the blob " + digest + " is too large"};
    hash.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
  }
  if ("sha256:" + hash.finish_hex() != digest) return invalid("the blob " + digest + " is broken");
  return {};
}

Result<PackageManifest> find_manifest(const fs::path& layout) {
  BERTH_ASSIGN(std::string index, read_file(layout / "index.json", 4 << 20));
  for (int depth = 0; depth < deepest_index; ++depth) {
    BERTH_ASSIGN(const std::string digest, choose_manifest(index));
    BERTH_ASSIGN(index, json_blob(layout, digest));
    BERTH_ASSIGN(PackageManifest manifest, parse_package_manifest(index));
    if (!manifest.config.empty()) return manifest;
  }
  return invalid("its index leads nowhere");
}

std::vector<fs::path> folders_in(const fs::path& root) {
  std::vector<fs::path> result;
  std::error_code failure;
  for (const fs::path& part : {root / "cnb", root / "cnb/buildpacks"})
    if (!fs::is_directory(fs::symlink_status(part))) return result;
  for (const auto& id : fs::directory_iterator(root / "cnb/buildpacks", failure)) {
    if (!fs::is_directory(id.symlink_status())) continue;
    for (const auto& version : fs::directory_iterator(id.path(), failure))
      if (fs::is_directory(version.symlink_status()) &&
          fs::is_regular_file(fs::symlink_status(version.path() / "buildpack.toml")))
        result.push_back(version.path());
  }
  return result;
}

}  // namespace

bool is_image_layout(const fs::path& directory) {
  return fs::is_regular_file(fs::symlink_status(directory / "index.json")) &&
         fs::is_directory(fs::symlink_status(directory / "blobs"));
}

Result<std::string> choose_manifest(std::string_view index) {
  BERTH_ASSIGN(const json::object object, parse_json_object(index));
  const json::array* manifests = optional_array(object, "manifests");
  if (!manifests || manifests->empty()) return invalid("its index names no image");
  const json::object* only = manifests->size() == 1 ? manifests->at(0).if_object() : nullptr;
  for (const auto& value : *manifests) {
    const json::object* entry = value.if_object();
    const json::object* platform = entry ? optional_object(*entry, "platform") : nullptr;
    if (platform && optional_string(*platform, "os") == "linux" &&
        optional_string(*platform, "architecture") == std::string(oci_architecture()))
      return digest_in(*entry);
  }
  if (only) return digest_in(*only);
  return invalid("its index has no image for linux/" + std::string(oci_architecture()));
}

Result<PackageManifest> parse_package_manifest(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  PackageManifest result{
      .media_type = optional_string(object, "mediaType").value_or(""), .config = {}, .layers = {}};
  if (object.contains("manifests")) return result;
  const json::object* config = optional_object(object, "config");
  const json::array* layers = optional_array(object, "layers");
  if (!config || !layers) return invalid("its manifest has no config or no layers");
  if (layers->size() > most_layers) return Error{ErrorKind::limit, "it has too many layers"};
  BERTH_ASSIGN(result.config, digest_in(*config));
  for (const auto& layer : *layers) {
    if (!layer.is_object()) return invalid("a layer is not an object");
    BERTH_ASSIGN(std::string digest, digest_in(layer.get_object()));
    result.layers.push_back(std::move(digest));
  }
  return result;
}

Result<BuildpackRef> parse_package_config(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  const json::object* settings = optional_object(object, "config");
  const json::object* labels = settings ? optional_object(*settings, "Labels") : nullptr;
  const auto label = labels ? optional_string(*labels, metadata_label) : std::nullopt;
  if (!label)
    return invalid("it has no label " + std::string(metadata_label) + ": it is no buildpackage");
  BERTH_ASSIGN(const json::object metadata, parse_json_object(*label));
  BuildpackRef ref;
  BERTH_ASSIGN(ref.id, require_string(metadata, "id"));
  ref.version = optional_string(metadata, "version").value_or("");
  return ref;
}

Result<Buildpackage> unpack_buildpackage(const fs::path& layout, const fs::path& target) {
  BERTH_ASSIGN(const PackageManifest manifest, find_manifest(layout));
  BERTH_ASSIGN(const std::string config, json_blob(layout, manifest.config));
  Buildpackage result;
  BERTH_ASSIGN(result.main, parse_package_config(config));
  BERTH_TRY(make_directories(target));
  for (const auto& digest : manifest.layers) {
    const fs::path blob = blob_of(layout, digest);
    BERTH_TRY(check_blob(blob, digest));
    BERTH_TRY(unpack_layer(blob, target, unpack_limits));
  }
  result.folders = folders_in(target);
  if (result.folders.empty()) return invalid("its layers hold no /cnb/buildpacks/<id>/<version>");
  return result;
}

}  // namespace berth::builder
