// SPDX-License-Identifier: Apache-2.0
//
// Which images, layers, caches and leftovers may go: by reference first (nothing that is wanted
// ever goes), then by budget. Pure: collector.hpp looks at the disk and removes.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace berth::builder {

/// Something on the disk.
struct StoredItem {
  std::uint64_t bytes = 0;
  Time changed{};  ///< made, or last taken into use
  friend bool operator==(const StoredItem&, const StoredItem&) = default;
};

/// An image whose manifest could be read.
struct StoredImage {
  std::string config;               ///< its blob's digest
  std::vector<std::string> layers;  ///< diff ids, which are their blobs' digests
  friend bool operator==(const StoredImage&, const StoredImage&) = default;
};

/// What an app's last build left for its next one.
struct StoredCache {
  std::string image;             ///< the last build's
  std::set<std::string> layers;  ///< ids, private ones among them
  std::uint64_t file_bytes = 0;  ///< of the kept source and of the buildpacks fetched for the app
  Time used{};
  friend bool operator==(const StoredCache&, const StoredCache&) = default;
};

/// A layer that several apps share; see runtimes.hpp.
struct StoredRuntime {
  std::string layer;
  Time used{};
  friend bool operator==(const StoredRuntime&, const StoredRuntime&) = default;
};

struct Inventory {
  std::map<std::string, StoredItem> blobs;          ///< digest → its file
  std::map<std::string, StoredItem> layers;         ///< layer id → its unpacked directory
  std::map<std::string, StoredImage> images;        ///< those that somebody names
  std::map<std::string, std::string> tags;          ///< name → image
  std::map<std::string, StoredCache> caches;        ///< app id → cache
  std::map<std::string, StoredRuntime> runtimes;    ///< by path below the data directory
  std::map<std::string, StoredItem> directories;    ///< of apps: path below the data directory
  std::map<std::string, StoredItem> build_logs;     ///< build id → its log
  std::map<std::string, StoredItem> leftovers;      ///< of processes that were killed: such paths
};

/// What the platform wants at one moment. Whatever changed since `busy_since` belongs to a build or
/// a start that may not be known yet, and stays.
struct Wanted {
  std::set<std::string> images;   ///< of kept releases
  std::set<std::string> hot;      ///< images that serve or will next: their layers stay unpacked
  std::set<std::string> mounted;  ///< layers below something that runs
  std::set<std::string> apps;     ///< ids
  std::set<std::string> builds;   ///< ids of those whose logs stay
  Time busy_since{};
};

struct CollectionPolicy {
  std::uint64_t cache_app_bytes = 0;  ///< an app's cache may have so much; 0: any
  std::uint64_t cache_bytes = 0;      ///< all together; 0: any
  std::uint64_t missing_bytes = 0;    ///< so much should come free, if what is wanted allows it
  /// Runtimes and fetched images not used since go; where bytes are missing, all that nobody uses.
  Time unused_since{};
};

struct Collection {
  std::vector<std::string> tags;
  std::vector<std::string> blobs;   ///< small ones first: manifests go before layers
  std::vector<std::string> layers;  ///< unpacked directories
  std::vector<std::string> caches;  ///< app ids: kept source, private layers, fetched buildpacks
  std::vector<std::string> paths;   ///< below the data directory
  std::uint64_t bytes = 0;          ///< about as much comes free
  [[nodiscard]] bool empty() const {
    return tags.empty() && blobs.empty() && layers.empty() && caches.empty() && paths.empty();
  }
  friend bool operator==(const Collection&, const Collection&) = default;
};

[[nodiscard]] Collection plan_collection(const Inventory& inventory, const Wanted& wanted,
                                         const CollectionPolicy& policy);

/// Where a build's log is, below the data directory.
[[nodiscard]] std::string build_log_path(const std::string& build);

/// Before the names of images that came from a registry: they stay while they are used.
inline constexpr std::string_view fetched_prefix = "fetched/";

/// "shop:v12", the name of a release's image: such names go with their release. Any other name,
/// but for those of fetched ones, keeps its image for ever.
[[nodiscard]] bool is_release_tag(std::string_view name);

/// What images take: `unique` is of one image alone, `shared` of several.
struct ImageUsage {
  std::uint64_t shared_bytes = 0;
  std::uint64_t unique_bytes = 0;
};
[[nodiscard]] ImageUsage image_usage(const Inventory& inventory);

}  // namespace berth::builder
