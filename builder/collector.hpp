// SPDX-License-Identifier: Apache-2.0
//
// The hands of collection.hpp: looks at what lies under the data directory and removes what the
// plan names, in an order in which a kill at any moment loses nothing that is wanted. Blocking; one
// at a time. Builds and starts may go on meanwhile: what they take into use carries a stamp
// (image_store.hpp), and a cache is taken away only under its build lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "builder/collection.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

/// What a folder of the data directory takes.
struct PartUsage {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

class Collector final {
 public:
  /// The store outlives the collector; its root is the data directory.
  explicit Collector(ImageStore& images) : images_(images), root_(images.root()) {}

  /// `builds` are the ids of those that run: their working directories are no leftovers.
  [[nodiscard]] Result<Inventory> take_inventory(const Wanted& wanted,
                                                 const std::set<std::string>& builds);
  /// Goes on past what cannot be removed and returns the first such error at the end. What was put
  /// away is deleted last, which may take long.
  [[nodiscard]] Result<void> remove(const Collection& collection, Time busy_since);
  /// From any thread: a remove() under way leaves the rest to a later one.
  void stop() { stopped_ = true; }

 private:
  void list_blobs(Inventory& inventory) const;
  void list_layers(Inventory& inventory);
  void list_caches(Inventory& inventory);
  void list_runtimes(Inventory& inventory) const;
  void list_directories(Inventory& inventory) const;
  void list_build_logs(Inventory& inventory) const;
  void list_leftovers(Inventory& inventory, const Wanted& wanted,
                      const std::set<std::string>& builds) const;
  void read_images(Inventory& inventory, const Wanted& wanted) const;
  void keep_whole(const std::string& digest, StoredImage& stored) const;
  [[nodiscard]] std::uint64_t measured(const std::filesystem::path& path, Time changed);
  [[nodiscard]] Result<void> remove_cache(const std::string& app);

  ImageStore& images_;
  std::filesystem::path root_;
  std::atomic<bool> stopped_ = false;
  /// Sizes of directories that have not changed since they were measured: a walk is dear.
  std::map<std::string, std::pair<Time, std::uint64_t>> sizes_;
};

}  // namespace berth::builder
