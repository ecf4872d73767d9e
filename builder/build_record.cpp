// SPDX-License-Identifier: Apache-2.0
#include "builder/build_record.hpp"

#include <algorithm>

#include "base/crypto.hpp"

namespace berth::builder {

namespace {

constexpr std::int64_t record_version = 2;
/// Before the 64 digits of what follows them.
constexpr std::string_view sum_prefix = R"({"sum":")";
constexpr std::size_t sum_digits = 64;

json::object buildpack_json(const BuildpackRecord& buildpack) {
  json::object layers;
  for (const auto& [name, layer] : buildpack.layers)
    layers[name] = json::object{{"sha", layer.id},
                                {"data", layer.metadata},
                                {"build", layer.flags.build},
                                {"launch", layer.flags.launch},
                                {"cache", layer.flags.cache}};
  json::object result{
      {"key", buildpack.id}, {"version", buildpack.version}, {"layers", std::move(layers)}};
  if (buildpack.store) result["store"] = json::object{{"metadata", *buildpack.store}};
  return result;
}

std::optional<BuildpackRecord> parse_buildpack_record(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  BuildpackRecord record;
  record.id = optional_string(object, "key").value_or("");
  record.version = optional_string(object, "version").value_or("");
  if (record.id.empty()) return std::nullopt;
  if (const json::object* layers = optional_object(object, "layers"))
    for (const auto& [name, entry] : *layers) {
      if (!entry.is_object() || check_layer_name(name).has_error()) continue;
      const json::object& layer = entry.get_object();
      LayerRecord& target = record.layers[std::string(name)];
      target.id = optional_string(layer, "sha").value_or("");
      if (const json::object* data = optional_object(layer, "data")) target.metadata = *data;
      target.flags = {.build = optional_bool(layer, "build").value_or(false),
                      .launch = optional_bool(layer, "launch").value_or(false),
                      .cache = optional_bool(layer, "cache").value_or(false)};
    }
  if (const json::object* store = optional_object(object, "store"))
    if (const json::object* metadata = optional_object(*store, "metadata"))
      record.store = *metadata;
  return record;
}

std::vector<BuildpackRecord> parse_buildpacks(const json::object& object) {
  std::vector<BuildpackRecord> result;
  if (const json::array* buildpacks = optional_array(object, "buildpacks"))
    for (const auto& value : *buildpacks)
      if (auto record = parse_buildpack_record(value)) result.push_back(std::move(*record));
  return result;
}

}  // namespace

std::vector<EarlierBuild> BuildRecord::earlier_for(const std::string& next) const {
  std::vector<EarlierBuild> result;
  const auto add = [&](const EarlierBuild& build) {
    if (!build.key.empty() && build.key != next && result.size() < most_earlier_builds)
      result.push_back(build);
  };
  add({key, image});
  for (const auto& build : earlier)
    if (build.key != key) add(build);
  return result;
}

BuildRecord shareable(BuildRecord record) {
  const auto is_private = [](std::string_view id) { return id.starts_with("private:"); };
  for (BuildpackRecord& buildpack : record.buildpacks)
    std::erase_if(buildpack.layers,
                  [&](const auto& entry) { return is_private(entry.second.id); });
  std::erase_if(record.seals, [&](const auto& entry) { return is_private(entry.first); });
  if (is_private(record.sbom)) record.sbom.clear();
  return record;
}

const BuildpackRecord* BuildRecord::find(std::string_view buildpack) const {
  const auto found =
      std::find_if(buildpacks.begin(), buildpacks.end(),
                   [&](const BuildpackRecord& record) { return record.id == buildpack; });
  return found == buildpacks.end() ? nullptr : &*found;
}

json::array lifecycle_buildpacks(const BuildRecord& record) {
  json::array result;
  for (const auto& buildpack : record.buildpacks) result.push_back(buildpack_json(buildpack));
  return result;
}

std::string build_record_json(const BuildRecord& record) {
  json::object seals;
  for (const auto& [id, seal] : record.seals) seals[id] = seal;
  json::array earlier;
  for (const auto& build : record.earlier) earlier.push_back(json::array{build.key, build.image});
  const std::string text = to_text(json::object{{"version", record_version},
                                                {"key", record.key},
                                                {"image", record.image},
                                                {"tree", record.tree},
                                                {"sbom", record.sbom},
                                                {"seals", std::move(seals)},
                                                {"earlier", std::move(earlier)},
                                                {"buildpacks", lifecycle_buildpacks(record)}});
  const std::string rest = "\"," + text.substr(1);
  return std::string(sum_prefix) + sha256_hex(rest) + rest;
}

Result<BuildRecord> parse_build_record(std::string_view text) {
  if (!text.starts_with(sum_prefix) || text.size() < sum_prefix.size() + sum_digits ||
      sha256_hex(text.substr(sum_prefix.size() + sum_digits)) !=
          text.substr(sum_prefix.size(), sum_digits))
    return Error{ErrorKind::invalid, "the build record is damaged"};
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  BERTH_ASSIGN(const std::int64_t version, require_int(object, "version"));
  if (version != record_version)
    return Error{ErrorKind::invalid, "the build record has version " + std::to_string(version)};
  BuildRecord record;
  BERTH_ASSIGN(record.key, require_string(object, "key"));
  BERTH_ASSIGN(record.image, require_string(object, "image"));
  BERTH_ASSIGN(record.tree, require_string(object, "tree"));
  record.sbom = optional_string(object, "sbom").value_or("");
  record.buildpacks = parse_buildpacks(object);
  if (const json::array* earlier = optional_array(object, "earlier"))
    for (const auto& build : *earlier)
      if (build.is_array() && build.get_array().size() == 2 && build.at(0).is_string() &&
          build.at(1).is_string())
        record.earlier.push_back(
            {std::string(build.at(0).get_string()), std::string(build.at(1).get_string())});
  if (const json::object* seals = optional_object(object, "seals"))
    for (const auto& [id, seal] : *seals)
      if (seal.is_string()) record.seals[std::string(id)] = std::string(seal.get_string());
  return record;
}

BuildRecord parse_lifecycle_label(std::string_view text) {
  BuildRecord record;
  const auto object = parse_json_object(text);
  if (object.has_error()) return record;
  record.buildpacks = parse_buildpacks(*object);
  record.exec_env = optional_string(*object, "exec-env").value_or("");
  if (const json::object* sbom = optional_object(*object, "sbom"))
    record.sbom = optional_string(*sbom, "sha").value_or("");
  return record;
}

std::vector<RestoredLayer> plan_restore(const std::vector<std::string>& group,
                                        const BuildRecord& image, const BuildRecord& cache) {
  std::vector<RestoredLayer> result;
  static const BuildpackRecord nothing;
  for (const auto& id : group) {
    const BuildpackRecord* in_image = image.find(id);
    const BuildpackRecord* in_cache = cache.find(id);
    if (!in_image) in_image = &nothing;
    if (!in_cache) in_cache = &nothing;
    for (const auto& [name, layer] : in_image->layers) {
      // launch alone: only what describes it. With cache it is decided by the cache's copy below.
      if (layer.flags.launch && !layer.flags.build && !layer.flags.cache)
        result.push_back({id, name, layer.metadata, ""});
    }
    for (const auto& [name, layer] : in_cache->layers) {
      if (!layer.flags.cache) continue;
      if (layer.flags.launch) {
        const auto twin = in_image->layers.find(name);
        if (twin != in_image->layers.end() && twin->second.id != layer.id) continue;
      }
      result.push_back({id, name, layer.metadata, layer.id});
    }
  }
  return result;
}

}  // namespace berth::builder
