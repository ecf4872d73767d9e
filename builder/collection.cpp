// SPDX-License-Identifier: Apache-2.0
#include "builder/collection.hpp"

#include <algorithm>

namespace berth::builder {

namespace {

constexpr std::string_view private_prefix = "private:";

class Planner {
 public:
  Planner(const Inventory& inventory, const Wanted& wanted, const CollectionPolicy& policy)
      : inventory_(inventory), wanted_(wanted), policy_(policy) {}

  Collection plan() {
    mark();
    sweep_tags();
    sweep_blobs();
    sweep_layers();
    sweep_paths();
    bound_caches();
    if (result_.bytes < policy_.missing_bytes) give_up_unpacked();
    if (result_.bytes < policy_.missing_bytes) give_up_caches();
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool is_busy(Time changed) const { return changed >= wanted_.busy_since; }

  void keep_image(const std::string& digest, bool unpacked) {
    const auto image = inventory_.images.find(digest);
    if (image == inventory_.images.end()) return;
    kept_blobs_.insert(digest);
    kept_blobs_.insert(image->second.config);
    for (const auto& layer : image->second.layers) {
      kept_blobs_.insert(layer);
      kept_layers_.insert(layer);
      if (unpacked) hot_layers_.insert(layer);
    }
  }

  void mark() {
    for (const auto& image : wanted_.images) keep_image(image, false);
    for (const auto& image : wanted_.hot) keep_image(image, true);
    for (const auto& layer : wanted_.mounted) {
      kept_layers_.insert(layer);
      hot_layers_.insert(layer);
    }
    for (const auto& [name, image] : inventory_.tags)
      if (name.starts_with(fetched_prefix)) {
        if (is_used(image)) keep_image(image, false);
      } else if (!is_release_tag(name)) {
        keep_image(image, true);
      }
    for (const auto& [path, runtime] : inventory_.runtimes) {
      if (!is_recent(runtime.used)) continue;
      kept_blobs_.insert(runtime.layer);
      kept_layers_.insert(runtime.layer);
      cached_layers_.insert(runtime.layer);
    }
    for (const auto& [app, cache] : inventory_.caches) {
      if (!wanted_.apps.contains(app) && !is_busy(cache.used)) continue;
      keep_image(cache.image, false);
      for (const auto& layer : cache.layers) {
        kept_blobs_.insert(layer);
        kept_layers_.insert(layer);
        cached_layers_.insert(layer);
      }
    }
  }

  [[nodiscard]] bool is_recent(Time used) const {
    return is_busy(used) || (used >= policy_.unused_since && policy_.missing_bytes == 0);
  }

  /// A fetched image: its manifest is stamped with each use.
  [[nodiscard]] bool is_used(const std::string& image) const {
    const auto blob = inventory_.blobs.find(image);
    return blob != inventory_.blobs.end() && is_recent(blob->second.changed);
  }

  void sweep_tags() {
    for (const auto& [name, image] : inventory_.tags) {
      const auto blob = inventory_.blobs.find(image);
      const bool busy = blob != inventory_.blobs.end() && is_busy(blob->second.changed);
      if ((is_release_tag(name) && !wanted_.images.contains(image) && !busy) ||
          (name.starts_with(fetched_prefix) && !is_used(image)))
        result_.tags.push_back(name);
    }
  }

  void sweep_blobs() {
    std::vector<std::pair<std::uint64_t, std::string>> doomed;
    for (const auto& [digest, blob] : inventory_.blobs)
      if (!kept_blobs_.contains(digest) && !is_busy(blob.changed))
        doomed.emplace_back(blob.bytes, digest);
    std::ranges::sort(doomed);
    for (auto& [bytes, digest] : doomed) {
      result_.bytes += bytes;
      result_.blobs.push_back(std::move(digest));
    }
  }

  void sweep_layers() {
    for (const auto& [id, layer] : inventory_.layers)
      if (!kept_layers_.contains(id) && !is_busy(layer.changed)) remove_layer(id, layer);
  }

  void remove_layer(const std::string& id, const StoredItem& layer) {
    if (!removed_layers_.insert(id).second) return;
    result_.bytes += layer.bytes;
    result_.layers.push_back(id);
  }

  void sweep_paths() {
    for (const auto& [path, item] : inventory_.directories) {
      // "git/<id>.git", "cache/<id>", "logs/<id>"
      const auto slash = path.find('/');
      const std::string app = path.substr(slash + 1, path.rfind(".git") - slash - 1);
      if (!wanted_.apps.contains(app) && !is_busy(item.changed)) remove_path(path, item);
    }
    for (const auto& [build, log] : inventory_.build_logs)
      if (!wanted_.builds.contains(build) && !is_busy(log.changed))
        remove_path(build_log_path(build), log);
    for (const auto& [path, runtime] : inventory_.runtimes)
      if (!is_recent(runtime.used)) remove_path(path, {});
    for (const auto& [path, item] : inventory_.leftovers)
      if (!is_busy(item.changed)) remove_path(path, item);
  }

  void remove_path(const std::string& path, const StoredItem& item) {
    result_.bytes += item.bytes;
    result_.paths.push_back(path);
  }

  [[nodiscard]] std::uint64_t size_of(const StoredCache& cache) const {
    std::uint64_t bytes = cache.file_bytes;
    for (const auto& layer : cache.layers)
      if (const auto found = inventory_.layers.find(layer);
          found != inventory_.layers.end() && layer.starts_with(private_prefix))
        bytes += found->second.bytes;
    return bytes;
  }

  /// (last use, app, bytes), the least recently used first; what a build uses now is left out.
  [[nodiscard]] std::vector<std::tuple<Time, std::string, std::uint64_t>> caches_by_use() const {
    std::vector<std::tuple<Time, std::string, std::uint64_t>> result;
    for (const auto& [app, cache] : inventory_.caches)
      if (wanted_.apps.contains(app) && !is_busy(cache.used))
        if (const std::uint64_t bytes = size_of(cache); bytes > 0)
          result.emplace_back(cache.used, app, bytes);
    std::ranges::sort(result);
    return result;
  }

  void evict(const std::string& app, std::uint64_t bytes) {
    if (std::ranges::find(result_.caches, app) != result_.caches.end()) return;
    result_.caches.push_back(app);
    result_.bytes += bytes;
  }

  void bound_caches() {
    std::uint64_t all = 0;
    for (const auto& [app, cache] : inventory_.caches) all += size_of(cache);
    const auto over = [](std::uint64_t bytes, std::uint64_t limit) {
      return limit > 0 && bytes > limit;
    };
    for (const auto& [used, app, bytes] : caches_by_use()) {
      if (!over(bytes, policy_.cache_app_bytes) && !over(all, policy_.cache_bytes)) continue;
      evict(app, bytes);
      all -= bytes;
    }
  }

  /// Layers that can be unpacked again from their tars, the least recently used first.
  void give_up_unpacked() {
    std::vector<std::pair<Time, std::string>> candidates;
    for (const auto& [id, layer] : inventory_.layers)
      if (kept_layers_.contains(id) && !hot_layers_.contains(id) && !cached_layers_.contains(id) &&
          inventory_.blobs.contains(id) && !is_busy(layer.changed))
        candidates.emplace_back(layer.changed, id);
    std::ranges::sort(candidates);
    for (const auto& [changed, id] : candidates) {
      if (result_.bytes >= policy_.missing_bytes) return;
      remove_layer(id, inventory_.layers.at(id));
    }
  }

  void give_up_caches() {
    for (const auto& [used, app, bytes] : caches_by_use()) {
      if (result_.bytes >= policy_.missing_bytes) return;
      evict(app, bytes);
    }
  }

  const Inventory& inventory_;
  const Wanted& wanted_;
  const CollectionPolicy& policy_;
  std::set<std::string> kept_blobs_;
  std::set<std::string> kept_layers_;
  std::set<std::string> hot_layers_;
  std::set<std::string> cached_layers_;
  std::set<std::string> removed_layers_;
  Collection result_;
};

}  // namespace

std::string build_log_path(const std::string& build) { return "logs/builds/" + build + ".log"; }

bool is_release_tag(std::string_view name) {
  const auto colon = name.rfind(":v");
  if (colon == std::string_view::npos || colon == 0 || colon > 30) return false;
  const std::string_view app = name.substr(0, colon);
  const std::string_view number = name.substr(colon + 2);
  const auto lower_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !number.empty() &&
         std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; }) &&
         std::ranges::all_of(app, lower_or_digit);
}

Collection plan_collection(const Inventory& inventory, const Wanted& wanted,
                           const CollectionPolicy& policy) {
  return Planner(inventory, wanted, policy).plan();
}

ImageUsage image_usage(const Inventory& inventory) {
  std::map<std::string, int> users;
  for (const auto& [digest, image] : inventory.images) {
    std::set<std::string> blobs(image.layers.begin(), image.layers.end());
    blobs.insert({digest, image.config});
    for (const auto& blob : blobs) ++users[blob];
  }
  ImageUsage usage;
  for (const auto& [digest, blob] : inventory.blobs) {
    const auto found = users.find(digest);
    (found != users.end() && found->second > 1 ? usage.shared_bytes : usage.unique_bytes) +=
        blob.bytes;
  }
  return usage;
}

}  // namespace berth::builder
