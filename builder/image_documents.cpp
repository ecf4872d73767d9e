// SPDX-License-Identifier: Apache-2.0
#include "builder/image_documents.hpp"

#include <algorithm>
#include <set>

#include "base/json.hpp"
#include "builder/log_format.hpp"

namespace berth::builder {

namespace {

constexpr std::size_t longest_name_bytes = 255;

bool is_index_type(std::string_view type) {
  return type == "application/vnd.oci.image.index.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

bool is_manifest_type(std::string_view type) {
  return type == "application/vnd.oci.image.manifest.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.v2+json";
}

Result<Descriptor> descriptor_of(const json::object& object) {
  BERTH_ASSIGN(const std::string digest, require_string(object, "digest"));
  BERTH_ASSIGN(const std::int64_t size, require_int(object, "size"));
  if (!is_digest(digest))
    return Error{ErrorKind::invalid, "'" + digest + "' is not a sha256 digest"};
  if (size < 0) return Error{ErrorKind::invalid, "a descriptor's size is negative"};
  return Descriptor{digest, static_cast<std::uint64_t>(size)};
}

/// tar, tar+gzip, tar+zstd of OCI and docker; the content decides which it is.
Result<void> check_layer_type(std::string_view type) {
  if (type.find("encrypted") != std::string_view::npos)
    return Error{ErrorKind::invalid, "a layer is encrypted; save the image without encryption"};
  if (type.find("foreign") != std::string_view::npos)
    return Error{ErrorKind::invalid,
                 "a layer is not in the archive (it lies at another place); such images cannot be "
                 "used"};
  if (type.starts_with("application/vnd.oci.image.layer.") ||
      type.starts_with("application/vnd.docker.image.rootfs.diff.tar") ||
      type == "application/vnd.docker.container.image.rootfs.diff.tar")
    return {};
  return Error{ErrorKind::invalid, "'" + std::string(type) + "' is not a layer of an image"};
}

Result<std::vector<std::string>> strings_of(const json::object& object, std::string_view key) {
  std::vector<std::string> result;
  if (const json::array* values = optional_array(object, key))
    for (const auto& value : *values) {
      if (!value.is_string())
        return Error{ErrorKind::invalid, std::string(key) + " holds something else than strings"};
      result.emplace_back(value.get_string());
    }
  return result;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/// Digits up to the first slash.
bool is_port(std::string_view path, std::size_t at) {
  const std::string_view port = path.substr(at, path.find('/') - at);
  return path.find('/') != path.npos && path.find('/') > at && port.size() <= 5 &&
         std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<std::vector<ForeignEntry>> parse_foreign_index(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  const json::array* manifests = optional_array(object, "manifests");
  if (!manifests) return Error{ErrorKind::invalid, "the index names no images"};
  std::vector<ForeignEntry> entries;
  for (const auto& value : *manifests) {
    if (!value.is_object()) return Error{ErrorKind::invalid, "an index holds a non-object"};
    const json::object& one = value.get_object();
    ForeignEntry entry;
    const std::string type = optional_string(one, "mediaType").value_or("");
    entry.is_index = is_index_type(type);
    if (!entry.is_index && !is_manifest_type(type) && !type.empty()) continue;
    BERTH_ASSIGN(entry.descriptor, descriptor_of(one));
    if (const json::object* platform = optional_object(one, "platform")) {
      entry.os = optional_string(*platform, "os").value_or("");
      entry.architecture = optional_string(*platform, "architecture").value_or("");
    }
    if (entry.os == "unknown") continue;
    if (const json::object* annotations = optional_object(one, "annotations")) {
      entry.name = optional_string(*annotations, "io.containerd.image.name").value_or("");
      if (entry.name.empty())
        entry.name =
            optional_string(*annotations, "org.opencontainers.image.ref.name").value_or("");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<ForeignManifest> parse_foreign_manifest(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  if (optional_int(object, "schemaVersion").value_or(0) == 1)
    return Error{ErrorKind::invalid,
                 "the image's manifest is of docker's schema 1, which no tool of the last ten "
                 "years writes; save the image again"};
  const auto type = optional_string(object, "mediaType");
  if (type && !is_manifest_type(*type))
    return Error{ErrorKind::invalid, "'" + *type + "' is not an image manifest"};
  const json::object* config = optional_object(object, "config");
  const json::array* layers = optional_array(object, "layers");
  if (!config || !layers)
    return Error{ErrorKind::invalid, "the image's manifest names no config or no layers"};
  ForeignManifest manifest;
  BERTH_ASSIGN(manifest.config, descriptor_of(*config));
  for (const auto& value : *layers) {
    if (!value.is_object()) return Error{ErrorKind::invalid, "a layer is not an object"};
    BERTH_TRY(check_layer_type(optional_string(value.get_object(), "mediaType").value_or("")));
    BERTH_ASSIGN(Descriptor layer, descriptor_of(value.get_object()));
    manifest.layers.push_back(std::move(layer));
  }
  return manifest;
}

Result<std::vector<SavedImage>> parse_saved_images(std::string_view text) {
  BERTH_ASSIGN(const json::value value, parse_json(text));
  if (!value.is_array()) return Error{ErrorKind::invalid, "manifest.json is not a list of images"};
  std::vector<SavedImage> images;
  for (const auto& entry : value.get_array()) {
    if (!entry.is_object()) return Error{ErrorKind::invalid, "manifest.json holds a non-object"};
    SavedImage image;
    BERTH_ASSIGN(image.config, require_string(entry.get_object(), "Config"));
    BERTH_ASSIGN(image.names, strings_of(entry.get_object(), "RepoTags"));
    BERTH_ASSIGN(image.layers, strings_of(entry.get_object(), "Layers"));
    images.push_back(std::move(image));
  }
  return images;
}

Result<ForeignEntry> choose_entry(const std::vector<ForeignEntry>& entries) {
  if (entries.empty()) return Error{ErrorKind::invalid, "the archive holds no image"};
  std::vector<ForeignEntry> fitting;
  std::set<std::string> others;
  for (const auto& entry : entries)
    if ((entry.os.empty() || entry.os == "linux") &&
        (entry.architecture.empty() || entry.architecture == oci_architecture()))
      fitting.push_back(entry);
    else
      others.insert(entry.os + "/" + entry.architecture);
  if (fitting.empty())
    return Error{ErrorKind::invalid,
                 "the image is for " + people_list({others.begin(), others.end()}) +
                     ", and this machine is linux/" + std::string(oci_architecture()) +
                     ". Save it for that platform"};
  std::set<std::string> digests;
  std::vector<std::string> names;
  for (const auto& entry : fitting)
    if (digests.insert(entry.descriptor.digest).second)
      names.push_back(entry.name.empty() ? entry.descriptor.digest.substr(0, 19) : entry.name);
  if (digests.size() > 1)
    return Error{ErrorKind::invalid, "the archive holds several images (" + people_list(names) +
                                         "). Save the one that is meant alone"};
  return fitting.front();
}

Result<std::string> normal_image_name(std::string_view name) {
  std::string_view rest = name;
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorKind::invalid, "'" + std::string(name) + "' is not an image's name: " +
                                         std::string(why) + ". Names look like debian:bookworm"};
  };
  if (name.empty() || name.size() > longest_name_bytes) return refuse("1 to 255 bytes are allowed");
  for (const std::string_view prefix :
       {"docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/"})
    if (rest.starts_with(prefix)) {
      rest.remove_prefix(prefix.size());
      break;
    }
  const auto at = rest.find('@');
  const std::string_view digest = at == rest.npos ? "" : rest.substr(at + 1);
  if (at != rest.npos && !is_digest(digest)) return refuse("after '@' stands no sha256 digest");
  const std::string_view path_and_tag = rest.substr(0, at);
  const auto slash = path_and_tag.rfind('/');
  const auto colon = path_and_tag.find(':', slash == path_and_tag.npos ? 0 : slash);
  const std::string_view path = path_and_tag.substr(0, colon);
  const std::string_view tag = colon == path_and_tag.npos ? "" : path_and_tag.substr(colon + 1);
  if (path.empty() || path.front() == '/' || path.back() == '/' || path.find("//") != path.npos)
    return refuse("a part of it is empty");
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool port = path[i] == ':' && is_port(path, i + 1);  // registry:5000/app
    if (!is_name_character(path[i]) && path[i] != '/' && !port)
      return refuse("lower-case letters, digits, '.', '_', '-' and '/' are allowed");
    const bool first = i == 0 || path[i - 1] == '/';
    if (first && (path[i] == '.' || path[i] == '-'))
      return refuse("a part of it begins with '.' or '-'");
  }
  if (colon != path_and_tag.npos) {
    if (tag.empty() || tag.size() > 128 || tag.front() == '.' || tag.front() == '-' ||
        !std::ranges::all_of(
            tag, [](char c) { return is_name_character(c) || (c >= 'A' && c <= 'Z'); }))
      return refuse("the tag after ':' is letters, digits, '.', '_' and '-', 128 at most");
    return std::string(rest);
  }
  return at == rest.npos ? std::string(rest) + ":latest" : std::string(rest);
}

}  // namespace berth::builder
