// SPDX-License-Identifier: Apache-2.0
#include "builder/oci.hpp"

#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "builder/tar_format.hpp"

namespace berth::builder {

namespace {

constexpr std::string_view manifest_type = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view config_type = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view layer_type = "application/vnd.oci.image.layer.v1.tar";
constexpr std::string_view index_type = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view name_annotation = "org.opencontainers.image.ref.name";

json::object descriptor_json(std::string_view type, const Descriptor& descriptor) {
  return {{"mediaType", type}, {"digest", descriptor.digest}, {"size", descriptor.size_bytes}};
}

constexpr std::array further_settings = {"Healthcheck", "OnBuild", "Shell", "StopSignal",
                                         "Volumes"};

json::array strings(const std::vector<std::string>& values) {
  return json::array(values.begin(), values.end());
}

Result<Descriptor> parse_descriptor(const json::object& object) {
  BERTH_ASSIGN(const std::string digest, require_string(object, "digest"));
  BERTH_ASSIGN(const std::int64_t size, require_int(object, "size"));
  if (!is_digest(digest))
    return Error{ErrorKind::invalid, "'" + digest + "' is not a sha256 digest"};
  if (size < 0) return Error{ErrorKind::invalid, "a descriptor's size is negative"};
  return Descriptor{digest, static_cast<std::uint64_t>(size)};
}

Result<std::vector<std::string>> string_list(const json::object& object, std::string_view key) {
  std::vector<std::string> values;
  if (const json::array* array = optional_array(object, key))
    for (const auto& value : *array) {
      if (!value.is_string())
        return Error{ErrorKind::invalid, std::string(key) + " holds something else than strings"};
      values.emplace_back(value.get_string());
    }
  return values;
}

Result<std::vector<ImageLayer>> parse_layers(const json::object& manifest,
                                             const ImageConfig& config) {
  const json::array* blobs = optional_array(manifest, "layers");
  if (!blobs) return Error{ErrorKind::invalid, "the image has no layers"};
  if (config.diff_ids.size() != blobs->size())
    return Error{ErrorKind::invalid, "the image's manifest and config count different layers"};
  std::vector<ImageLayer> layers;
  for (std::size_t i = 0; i < config.diff_ids.size(); ++i) {
    if (!(*blobs)[i].is_object()) return Error{ErrorKind::invalid, "a layer is not an object"};
    BERTH_ASSIGN(const Descriptor blob, parse_descriptor((*blobs)[i].get_object()));
    if (blob.digest != config.diff_ids[i])
      return Error{ErrorKind::invalid, "layer " + blob.digest + " is not an uncompressed tar"};
    layers.push_back({.diff_id = blob.digest,
                      .size_bytes = blob.size_bytes,
                      .created_by = i < config.history.size() ? config.history[i] : ""});
  }
  return layers;
}

Result<void> parse_settings(const json::object& settings, Image& image) {
  BERTH_ASSIGN(image.env, string_list(settings, "Env"));
  BERTH_ASSIGN(image.entrypoint, string_list(settings, "Entrypoint"));
  BERTH_ASSIGN(image.command, string_list(settings, "Cmd"));
  image.working_directory = optional_string(settings, "WorkingDir").value_or("");
  image.user = optional_string(settings, "User").value_or("");
  if (const json::object* labels = optional_object(settings, "Labels"))
    for (const auto& [name, value] : *labels)
      if (value.is_string()) image.labels[std::string(name)] = value.get_string();
  if (const json::object* ports = optional_object(settings, "ExposedPorts")) {
    for (const auto& [name, value] : *ports) image.exposed_ports.emplace_back(name);
    std::sort(image.exposed_ports.begin(), image.exposed_ports.end());
  }
  for (const char* name : further_settings)
    if (const json::value* value = settings.if_contains(name); value && !value->is_null())
      image.further[name] = *value;
  return {};
}

}  // namespace

bool is_digest(std::string_view text) {
  return text.size() == 71 && text.starts_with("sha256:") &&
         std::all_of(text.begin() + 7, text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string_view oci_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#else
#error "name this architecture as Go does"
#endif
}

std::string image_config_json(const Image& image) {
  json::object settings;
  if (!image.user.empty()) settings["User"] = image.user;
  if (!image.env.empty()) settings["Env"] = strings(image.env);
  if (!image.entrypoint.empty()) settings["Entrypoint"] = strings(image.entrypoint);
  if (!image.command.empty()) settings["Cmd"] = strings(image.command);
  if (!image.working_directory.empty()) settings["WorkingDir"] = image.working_directory;
  if (!image.exposed_ports.empty()) {
    json::object ports;
    for (const auto& port : image.exposed_ports) ports[port] = json::object();
    settings["ExposedPorts"] = std::move(ports);
  }
  if (!image.labels.empty()) {
    json::object labels;
    for (const auto& [name, value] : image.labels) labels[name] = value;
    settings["Labels"] = std::move(labels);
  }
  for (const char* name : further_settings)
    if (const json::value* value = image.further.if_contains(name)) settings[name] = *value;
  json::array diff_ids;
  json::array history;
  for (const auto& layer : image.layers) {
    diff_ids.emplace_back(layer.diff_id);
    history.push_back(json::object{{"created", layer_time_text}, {"created_by", layer.created_by}});
  }
  return to_text(
      json::object{{"created", layer_time_text},
                   {"architecture", oci_architecture()},
                   {"os", "linux"},
                   {"config", std::move(settings)},
                   {"rootfs", json::object{{"type", "layers"}, {"diff_ids", std::move(diff_ids)}}},
                   {"history", std::move(history)}});
}

std::string image_manifest_json(const Image& image, const Descriptor& config) {
  json::array layers;
  for (const auto& layer : image.layers)
    layers.push_back(descriptor_json(layer_type, {layer.diff_id, layer.size_bytes}));
  return to_text(json::object{{"schemaVersion", 2},
                              {"mediaType", manifest_type},
                              {"config", descriptor_json(config_type, config)},
                              {"layers", std::move(layers)}});
}

std::string image_index_json(const std::vector<IndexEntry>& entries) {
  json::array manifests;
  for (const auto& entry : entries) {
    json::object descriptor = descriptor_json(manifest_type, entry.manifest);
    descriptor["annotations"] = json::object{{name_annotation, entry.name}};
    manifests.push_back(std::move(descriptor));
  }
  return to_text(json::object{
      {"schemaVersion", 2}, {"mediaType", index_type}, {"manifests", std::move(manifests)}});
}

std::string_view image_layout_json() { return R"({"imageLayoutVersion":"1.0.0"})"; }

Result<Descriptor> manifest_config(std::string_view manifest) {
  BERTH_ASSIGN(const json::object object, parse_json_object(manifest));
  const auto type = optional_string(object, "mediaType");
  if (type && *type != manifest_type)
    return Error{ErrorKind::invalid, "'" + *type + "' is not an image manifest"};
  const json::object* config = optional_object(object, "config");
  if (!config) return Error{ErrorKind::invalid, "the manifest names no config"};
  return parse_descriptor(*config);
}

Result<ImageConfig> parse_image_config(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  ImageConfig config;
  config.os = optional_string(object, "os").value_or("");
  config.architecture = optional_string(object, "architecture").value_or("");
  const json::object* rootfs = optional_object(object, "rootfs");
  if (!rootfs) return Error{ErrorKind::invalid, "the image's config has no rootfs"};
  BERTH_ASSIGN(config.diff_ids, string_list(*rootfs, "diff_ids"));
  for (const auto& id : config.diff_ids)
    if (!is_digest(id)) return Error{ErrorKind::invalid, "'" + id + "' is not a sha256 digest"};
  if (const json::array* entries = optional_array(object, "history"))
    for (const auto& entry : *entries)
      if (entry.is_object() && !optional_bool(entry.get_object(), "empty_layer").value_or(false))
        config.history.push_back(optional_string(entry.get_object(), "created_by").value_or(""));
  if (const json::object* settings = optional_object(object, "config"))
    BERTH_TRY(parse_settings(*settings, config.image));
  return config;
}

Result<Image> parse_image(std::string_view manifest_text, std::string_view config_text) {
  BERTH_ASSIGN(const json::object manifest, parse_json_object(manifest_text));
  BERTH_ASSIGN(ImageConfig config, parse_image_config(config_text));
  Image image = std::move(config.image);
  BERTH_ASSIGN(image.layers, parse_layers(manifest, config));
  return image;
}

Result<std::vector<IndexEntry>> parse_index(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  std::vector<IndexEntry> entries;
  const json::array* manifests = optional_array(object, "manifests");
  if (!manifests) return Error{ErrorKind::invalid, "the image index has no manifests"};
  for (const auto& value : *manifests) {
    if (!value.is_object()) return Error{ErrorKind::invalid, "a manifest is not an object"};
    BERTH_ASSIGN(Descriptor manifest, parse_descriptor(value.get_object()));
    const json::object* annotations = optional_object(value.get_object(), "annotations");
    entries.push_back(
        {annotations ? optional_string(*annotations, name_annotation).value_or("") : "",
         std::move(manifest)});
  }
  return entries;
}

}  // namespace berth::builder
