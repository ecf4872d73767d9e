// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_cache.hpp"

#include "base/crypto.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

std::string docker_key(const std::vector<std::string>& parts) {
  Sha256 hash;
  for (const auto& part : parts) {
    hash.update(std::to_string(part.size()) + ":");
    hash.update(part);
  }
  return hash.finish_hex();
}

DockerCache::DockerCache(const ImageStore& images, const BuildRecord& last) : images_(images) {
  if (const BuildpackRecord* record = last.find(docker_record_id))
    old_ = record->layers;
  old_bases_ = recorded_bases(last);
}

void DockerCache::use(const std::string& name, const std::string& layer) {
  LayerRecord record{.id = layer, .flags = {.cache = true}, .metadata = {}};
  // Known from a good build: it stays until the next one.
  if (const auto old = old_.find(name); old != old_.end() && old->second.id == layer)
    record.metadata = old->second.metadata;
  used_[name] = std::move(record);
}

std::optional<std::string> DockerCache::find(const std::string& key, bool exported) {
  for (const auto* layers : {&used_, &old_}) {
    const auto found = layers->find("step-" + key);
    if (found == layers->end()) continue;
    const std::string& layer = found->second.id;
    if (!layer.empty() && (!images_.has_layer(layer) || (exported && !is_digest(layer)))) continue;
    return layer;
  }
  return std::nullopt;
}

std::optional<std::string> DockerCache::find_mount(const std::string& key) {
  for (const auto* layers : {&used_, &old_}) {
    const auto found = layers->find("mount-" + key);
    if (found != layers->end() && images_.has_layer(found->second.id)) return found->second.id;
  }
  return std::nullopt;
}

BuildpackRecord DockerCache::record_of(const std::map<std::string, LayerRecord>& layers,
                                       const std::map<std::string, std::string>& bases) {
  json::object names;
  for (const auto& [name, digest] : bases) names[name] = digest;
  return {.id = std::string(docker_record_id),
          .version = "1",
          .layers = layers,
          .store = json::object{{"bases", std::move(names)}}};
}

BuildpackRecord DockerCache::used() const {
  std::map<std::string, LayerRecord> layers = used_;
  for (auto& [name, layer] : layers) layer.metadata = {{"good", true}};
  return record_of(layers, bases_);
}

BuildpackRecord DockerCache::after_failure() const {
  std::map<std::string, LayerRecord> layers = used_;
  for (const auto& [name, layer] : old_)
    if (optional_bool(layer.metadata, "good").value_or(false)) layers.emplace(name, layer);
  return record_of(layers, old_bases_);
}

std::map<std::string, std::string> recorded_bases(const BuildRecord& record) {
  std::map<std::string, std::string> result;
  const BuildpackRecord* mine = record.find(docker_record_id);
  if (!mine || !mine->store) return result;
  if (const json::object* bases = optional_object(*mine->store, "bases"))
    for (const auto& [name, digest] : *bases)
      if (digest.is_string()) result[std::string(name)] = digest.get_string();
  return result;
}

}  // namespace berth::builder
