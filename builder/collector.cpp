// SPDX-License-Identifier: Apache-2.0
#include "builder/collector.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <functional>

#include "base/disk_usage.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "builder/build_record.hpp"
#include "builder/image_process.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view private_directory = "private-";
constexpr std::size_t uuid_size = 36;
/// git and the file writer make names that tell neither owner nor purpose: only old ones are
/// leftovers.
constexpr Duration leftover_age = std::chrono::hours(1);

void each_entry(const fs::path& directory,
                const std::function<void(const fs::path&, const std::string& name)>& visit) {
  std::error_code failure;
  for (fs::directory_iterator at(directory, failure), end; !failure && at != end;
       at.increment(failure))
    visit(at->path(), at->path().filename().string());
}

/// Its size as a file, and when its inode changed last: that no archive or buildpack can forge.
std::optional<StoredItem> look_at(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  const auto changed = std::chrono::seconds(status.st_ctim.tv_sec) +
                       std::chrono::nanoseconds(status.st_ctim.tv_nsec);
  return StoredItem{.bytes = static_cast<std::uint64_t>(status.st_size),
                    .changed = Time(std::chrono::duration_cast<Duration>(changed))};
}

/// What mkstemp made of a name: "metadata.json.a1B2c3".
bool is_unfinished_write(const std::string& name) {
  const auto dot = name.rfind(".json.");
  return dot != std::string::npos && name.size() - dot == 12;
}

}  // namespace

Result<Inventory> Collector::take_inventory(const Wanted& wanted,
                                            const std::set<std::string>& builds) {
  Inventory inventory;
  BERTH_ASSIGN(inventory.tags, images_.tags());
  list_caches(inventory);
  list_blobs(inventory);
  list_layers(inventory);
  list_runtimes(inventory);
  list_directories(inventory);
  list_build_logs(inventory);
  list_leftovers(inventory, wanted, builds);
  read_images(inventory, wanted);
  return inventory;
}

void Collector::list_blobs(Inventory& inventory) const {
  each_entry(root_ / "images/blobs/sha256", [&](const fs::path& path, const std::string& name) {
    const std::string digest = "sha256:" + name;
    if (const auto item = look_at(path); item && is_digest(digest)) inventory.blobs[digest] = *item;
  });
}

void Collector::list_layers(Inventory& inventory) {
  each_entry(root_ / "layers", [&](const fs::path& path, const std::string& name) {
    const bool is_private = name.starts_with(private_directory);
    const std::string id = is_private ? "private:" + name.substr(private_directory.size())
                                      : "sha256:" + name;
    auto item = look_at(path);
    if (!item || (!is_private && !is_digest(id))) return;
    const auto blob = inventory.blobs.find(id);
    // A tar is about as large as what it unpacks to, and need not be walked.
    item->bytes =
        blob != inventory.blobs.end() ? blob->second.bytes : measured(path, item->changed);
    inventory.layers[id] = *item;
  });
}

void Collector::list_caches(Inventory& inventory) {
  each_entry(root_ / "cache", [&](const fs::path& path, const std::string& name) {
    const auto used = look_at(path / "lock");
    if (name.size() != uuid_size || !used) return;
    StoredCache cache;
    // The lock file's mode is set at each build: see lock_cache().
    cache.used = used->changed;
    if (const auto text = read_file(path / "metadata.json"); text.has_value())
      if (const auto record = parse_build_record(*text); record.has_value()) {
        cache.image = record->image;
        for (const auto& buildpack : record->buildpacks)
          for (const auto& [layer, entry] : buildpack.layers) cache.layers.insert(entry.id);
      }
    for (const char* part : {"source", "buildpacks"})
      cache.file_bytes += measured(path / part, cache.used);
    inventory.caches[name] = std::move(cache);
  });
}

void Collector::list_runtimes(Inventory& inventory) const {
  each_entry(root_ / runtimes_folder, [&](const fs::path& path, const std::string&) {
    const auto used = look_at(path);
    const auto text = read_file(path);
    if (!used || text.has_error()) return;
    StoredRuntime& runtime = inventory.runtimes[path.lexically_relative(root_).string()];
    runtime.used = used->changed;
    if (const auto record = parse_build_record(*text); record.has_value())
      for (const auto& buildpack : record->buildpacks)
        for (const auto& [name, layer] : buildpack.layers) runtime.layer = layer.id;
  });
}

void Collector::list_directories(Inventory& inventory) const {
  const auto add = [&](const std::string& folder, std::string_view suffix) {
    each_entry(root_ / folder, [&](const fs::path& path, const std::string& name) {
      if (name.size() != uuid_size + suffix.size() || !name.ends_with(suffix)) return;
      if (auto item = look_at(path)) {
        item->bytes = 0;  // told where it is removed; a walk for each app would be dear
        inventory.directories[folder + "/" + name] = *item;
      }
    });
  };
  add("git", ".git");
  add("cache", "");
  add("logs", "");
}

void Collector::list_build_logs(Inventory& inventory) const {
  constexpr std::string_view suffix = ".log";
  each_entry((root_ / build_log_path("")).parent_path(),
             [&](const fs::path& path, const std::string& name) {
               const auto item = look_at(path);
               if (item && name.ends_with(suffix))
                 inventory.build_logs[name.substr(0, name.size() - suffix.size())] = *item;
             });
}

void Collector::list_leftovers(Inventory& inventory, const Wanted& wanted,
                               const std::set<std::string>& builds) const {
  const auto add = [&](const fs::path& path, Duration age) {
    auto item = look_at(path);
    if (!item) return;
    if (fs::is_directory(path)) item->bytes = disk_usage(path);
    item->changed += age;
    inventory.leftovers[path.lexically_relative(root_).string()] = *item;
  };
  each_entry(root_ / "work", [&](const fs::path& path, const std::string& name) {
    if (!builds.contains(name)) add(path, Duration::zero());
  });
  each_entry(root_ / removed_folder, [&](const fs::path& path, const std::string&) {
    add(path, Duration::zero());
    // Nobody finds it there, so it does not matter when it was put there.
    inventory.leftovers[path.lexically_relative(root_).string()].changed = {};
  });
  each_entry(root_ / "layers", [&](const fs::path& path, const std::string& name) {
    if (name.starts_with(".incoming-")) add(path, leftover_age);
    if (name.starts_with(damaged_prefix) &&
        !wanted.mounted.contains("sha256:" + name.substr(damaged_prefix.size(), 64)))
      add(path, leftover_age);
  });
  each_entry(root_ / "images", [&](const fs::path& path, const std::string& name) {
    if (is_unfinished_write(name)) add(path, leftover_age);
  });
  each_entry(root_ / "cache", [&](const fs::path& cache, const std::string&) {
    each_entry(cache, [&](const fs::path& path, const std::string& name) {
      if (is_unfinished_write(name)) add(path, leftover_age);
    });
  });
  // Quarantines of pushes that were killed; git itself looks for them only in its own collection.
  each_entry(root_ / "git", [&](const fs::path& repository, const std::string&) {
    each_entry(repository / "objects", [&](const fs::path& path, const std::string& name) {
      if (name.starts_with("tmp_objdir-") || name.starts_with("incoming-"))
        add(path, leftover_age);
    });
    each_entry(repository / "objects/pack", [&](const fs::path& path, const std::string& name) {
      if (name.starts_with("tmp_")) add(path, leftover_age);
    });
  });
}

void Collector::read_images(Inventory& inventory, const Wanted& wanted) const {
  std::set<std::string> named = wanted.images;
  named.insert(wanted.hot.begin(), wanted.hot.end());
  for (const auto& [name, digest] : inventory.tags) named.insert(digest);
  for (const auto& [app, cache] : inventory.caches) named.insert(cache.image);
  for (const auto& digest : named) {
    const auto image = images_.find(digest);
    if (image.has_error()) continue;
    StoredImage stored;
    for (const auto& layer : image->layers) stored.layers.push_back(layer.diff_id);
    if (const auto manifest = read_file(images_.blob_path(digest)); manifest.has_value())
      if (const auto config = manifest_config(*manifest); config.has_value())
        stored.config = config->digest;
    for (const auto& [type, other] : other_images(*image)) keep_whole(other, stored);
    inventory.images[digest] = std::move(stored);
  }
}

/// An image that runs a process type of another: its blobs are the other's.
void Collector::keep_whole(const std::string& digest, StoredImage& stored) const {
  const auto image = images_.find(digest);
  const auto manifest = read_file(images_.blob_path(digest));
  if (image.has_error() || manifest.has_error()) return;
  stored.layers.push_back(digest);
  if (const auto config = manifest_config(*manifest); config.has_value())
    stored.layers.push_back(config->digest);
  for (const auto& layer : image->layers) stored.layers.push_back(layer.diff_id);
}

std::uint64_t Collector::measured(const fs::path& path, Time changed) {
  auto& [at, bytes] = sizes_[path.string()];
  if (at != changed || changed == Time{}) {
    bytes = disk_usage(path);
    at = changed;
  }
  return bytes;
}

Result<void> Collector::remove_cache(const std::string& app) {
  const fs::path directory = root_ / "cache" / app;
  BERTH_ASSIGN(const Fd lock, open_file(directory / "lock", O_RDWR));
  // A build has begun since we looked: its cache is in use and stays.
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return {};
  // Read again under the lock; the record stays: a layer it names that is gone is one that never
  // was.
  if (const auto text = read_file(directory / "metadata.json"); text.has_value())
    if (const auto record = parse_build_record(*text); record.has_value())
      for (const auto& buildpack : record->buildpacks)
        for (const auto& [layer, entry] : buildpack.layers)
          if (entry.id.starts_with("private:"))
            BERTH_TRY(images_.put_away_layer(entry.id));
  for (const char* part : {"source", "buildpacks"}) sizes_.erase((directory / part).string());
  // The list first: without it the tree is not believed.
  BERTH_TRY(remove_tree(directory / "source/list"));
  BERTH_TRY(remove_tree(directory / "source"));
  return remove_tree(directory / "buildpacks");
}

Result<void> Collector::remove(const Collection& collection, Time busy_since) {
  Result<void> first;
  const auto note = [&](Result<void> outcome) {
    if (outcome.has_error() && !first.has_error()) first = std::move(outcome);
  };
  const auto note_removed = [&](const Result<bool>& outcome) {
    if (outcome.has_error()) note(outcome.error());
  };
  for (const auto& tag : collection.tags) note(images_.untag(tag));
  for (const auto& digest : collection.blobs)
    note_removed(images_.remove_blob(digest, busy_since));
  for (const auto& id : collection.layers)
    note_removed(images_.remove_layer_directory(id, busy_since));
  for (const auto& app : collection.caches) note(remove_cache(app));
  for (const auto& path : collection.paths)
    if (!path.starts_with(removed_folder)) note(images_.put_away(root_ / path));
  each_entry(root_ / removed_folder, [&](const fs::path& path, const std::string&) {
    auto removed = remove_tree(path, stopped_);
    if (!stopped_) note(std::move(removed));
  });
  return first;
}

}  // namespace berth::builder
