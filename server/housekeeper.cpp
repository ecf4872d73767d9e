// SPDX-License-Identifier: Apache-2.0
#include "server/housekeeper.hpp"

#include <malloc.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

#include "base/disk_usage.hpp"
#include "base/log.hpp"
#include "server/offload.hpp"
#include "server/priority.hpp"
#include "server/push.hpp"

namespace berth::server {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr auto look_every = std::chrono::minutes(1);
constexpr Duration collect_every = std::chrono::hours(1);
constexpr Duration unused_for = std::chrono::days(30);
constexpr Duration shortage_every = std::chrono::minutes(5);
/// Files are stamped by a clock that ticks, and a build begins a moment before its job is known.
constexpr Duration stamp_slack = 1s;

json::object part(std::string_view name, std::uint64_t count, std::uint64_t bytes,
                  std::uint64_t reclaimable) {
  return {{"name", name}, {"count", count}, {"bytes", bytes}, {"reclaimable_bytes", reclaimable}};
}

std::uint64_t entries_of(const fs::path& directory) {
  std::error_code failure;
  std::uint64_t count = 0;
  for (fs::directory_iterator at(directory, failure), end; !failure && at != end;
       at.increment(failure))
    ++count;
  return count;
}

std::uint64_t database_bytes(const fs::path& data) {
  std::uint64_t bytes = 0;
  for (const char* name : {"berth.db", "berth.db-wal", "berth.db-shm"})
    bytes += disk_usage(data / name);
  return bytes;
}

/// What of a collection belongs to which part.
struct Reclaimable {
  std::uint64_t images = 0;
  std::uint64_t layers = 0;
  std::uint64_t caches = 0;
  std::uint64_t logs = 0;
  std::uint64_t leftovers = 0;
};

Reclaimable reclaimable_of(const builder::Inventory& inventory,
                           const builder::Collection& collection) {
  Reclaimable result;
  for (const auto& digest : collection.blobs) result.images += inventory.blobs.at(digest).bytes;
  for (const auto& id : collection.layers)
    (id.starts_with("private:") ? result.caches : result.layers) +=
        inventory.layers.at(id).bytes;
  for (const std::string& path : collection.paths)
    if (const auto log = inventory.build_logs.find(fs::path(path).stem().string());
        log != inventory.build_logs.end() && path == builder::build_log_path(log->first))
      result.logs += log->second.bytes;
  result.leftovers =
      collection.bytes - result.images - result.layers - result.caches - result.logs;
  return result;
}

json::object describe(const builder::Inventory& inventory, const builder::Collection& collection,
                      const fs::path& data, std::uint64_t min_free) {
  const Reclaimable reclaimable = reclaimable_of(inventory, collection);
  std::uint64_t blobs = 0;
  std::uint64_t layers = 0;
  std::uint64_t private_layers = 0;
  std::uint64_t caches = 0;
  for (const auto& [digest, blob] : inventory.blobs) blobs += blob.bytes;
  for (const auto& [id, layer] : inventory.layers) {
    if (id.starts_with("private:")) ++private_layers, caches += layer.bytes;
    else layers += layer.bytes;
  }
  for (const auto& [app, cache] : inventory.caches) caches += cache.file_bytes;
  const builder::ImageUsage usage = builder::image_usage(inventory);
  json::object images = part("images", inventory.images.size(), blobs, reclaimable.images);
  images["shared_bytes"] = usage.shared_bytes;
  images["unique_bytes"] = usage.unique_bytes;
  std::uint64_t leftovers = 0;
  for (const auto& [path, item] : inventory.leftovers) leftovers += item.bytes;
  const auto folder = [&](std::string_view name, std::uint64_t goes = 0) {
    return part(name, entries_of(data / name), disk_usage(data / name), goes);
  };
  return {{"path", data.string()},
          {"total_bytes", total_disk_bytes(data)},
          {"free_bytes", free_disk_bytes(data)},
          {"min_free_bytes", min_free},
          {"reclaimable_bytes", collection.bytes},
          {"parts",
           json::array{std::move(images),
                       part("layers", inventory.layers.size() - private_layers, layers,
                            reclaimable.layers),
                       part("caches", inventory.caches.size(), caches,
                            reclaimable.caches + reclaimable.leftovers),
                       part("work", entries_of(data / "work"), leftovers, 0), folder("git"),
                       folder("logs", reclaimable.logs), folder("replicas"), folder("volumes"),
                       part("database", 1, database_bytes(data), 0)}}};
}

}  // namespace

builder::Wanted wanted_images(platform::Store& store, int keep, int keep_logs) {
  builder::Wanted wanted;
  for (const platform::App& app : store.apps()) {
    wanted.apps.insert(app.id.value);
    for (const platform::Build& build : store.builds(app.id, keep_logs))
      wanted.builds.insert(build.id.value);
    int kept = 0;
    for (const platform::Release& release : store.releases(app.id)) {
      // A release that failed cannot be rolled back to.
      if (release.image.empty() || release.status == platform::ReleaseStatus::failed) continue;
      if (kept++ < keep) wanted.images.insert(release.image);
    }
    for (const auto& release : {store.target_release(app.id), store.serving_release(app.id)})
      if (release && !release->image.empty()) {
        wanted.images.insert(release->image);
        wanted.hot.insert(release->image);
      }
  }
  return wanted;
}

struct Housekeeper::State : std::enable_shared_from_this<State> {
  explicit State(HousekeeperParts wanted)
      : parts(wanted),
        collector(wanted.images),
        done(wanted.strand, asio::steady_timer::time_point::max()),
        tasks(wanted.strand),
        wakeup(wanted.strand) {
    asio::post(pool, yield_to_replicas);
  }

  HousekeeperParts parts;
  builder::Collector collector;  ///< used on the pool's one thread
  asio::thread_pool pool{1};
  asio::steady_timer done;  ///< cancelled when a collection ends
  TaskGroup tasks;
  Wakeup wakeup;
  std::function<BusyBuilds()> busy;
  bool stopped = false;
  bool asked = false;
  bool collecting = false;
  std::set<std::string> kept;  ///< images, while a collection runs
  Time collected_at{};
  std::multiset<Time> protected_since;

  [[nodiscard]] std::uint64_t free_bytes() const {
    return free_disk_bytes(parts.config.data_dir);
  }
  [[nodiscard]] std::uint64_t missing_bytes() const {
    const std::uint64_t wanted = parts.config.min_free_disk_bytes;
    return wanted - std::min(wanted, free_bytes());
  }

  /// What is wanted at this moment, and the ids of the builds that run.
  [[nodiscard]] std::pair<builder::Wanted, std::set<std::string>> look() const {
    builder::Wanted wanted = wanted_images(parts.store, parts.config.images.keep_releases,
                                           parts.config.logs.keep_builds);
    for (const fs::path& layer : parts.controller.mounted_layers())
      wanted.mounted.insert("sha256:" + layer.filename().string());
    BusyBuilds running = busy();
    if (!protected_since.empty())
      running.since = std::min(running.since, *protected_since.begin());
    wanted.builds.insert(running.ids.begin(), running.ids.end());
    wanted.busy_since = running.since - stamp_slack;
    return {std::move(wanted), std::move(running.ids)};
  }

  [[nodiscard]] builder::CollectionPolicy policy() const {
    return {.cache_app_bytes = parts.config.cache.max_app_bytes,
            .cache_bytes = parts.config.cache.max_bytes,
            .missing_bytes = missing_bytes(),
            .unused_since = now() - unused_for};
  }

  static asio::awaitable<builder::Collection> collect(std::shared_ptr<State> self) {
    // One at a time, each with what is wanted when it begins.
    while (self->collecting) {
      boost::system::error_code ended;
      co_await self->done.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    }
    auto [wanted, builds] = self->look();
    self->kept = wanted.images;
    self->collecting = true;
    const auto work = [collector = &self->collector, images = &self->parts.images, wanted, builds,
                       policy = self->policy()]() -> builder::Collection {
      if (auto synced = images->sync(); synced.has_error())
        log_error("collect: {}", synced.error().message);
      const auto inventory = collector->take_inventory(wanted, builds);
      if (inventory.has_error()) {
        log_error("collect: {}", inventory.error().message);
        return {};
      }
      builder::Collection plan = builder::plan_collection(*inventory, wanted, policy);
      if (auto removed = collector->remove(plan, wanted.busy_since); removed.has_error())
        log_error("collect: {}", removed.error().message);
      return plan;
    };
    builder::Collection collection = co_await offload(self->pool, work);
    ::malloc_trim(0);  // what the build took
    self->collecting = false;
    self->kept.clear();
    self->collected_at = now();
    self->done.cancel();
    if (!collection.empty())
      log_info("collected {} MiB: {} blobs, {} layers, {} caches, {} other",
               collection.bytes >> 20, collection.blobs.size(), collection.layers.size(),
               collection.caches.size(), collection.paths.size());
    co_return collection;
  }

  /// Where a shortage stays although all was collected, looking again soon would change nothing.
  [[nodiscard]] bool is_due() const {
    const Duration since = now() - collected_at;
    return since >= collect_every || (missing_bytes() > 0 && since >= shortage_every);
  }

  static asio::awaitable<void> run(std::shared_ptr<State> self) {
    while (!self->stopped) {
      if (std::exchange(self->asked, false) || self->is_due()) co_await collect(self);
      if (!self->stopped) co_await self->wakeup.wait(look_every);
    }
  }

  template <class Work>  // (const Inventory&, const Collection&)
  static asio::awaitable<std::invoke_result_t<Work, builder::Inventory, builder::Collection>>
  inspect(std::shared_ptr<State> self, Work work) {
    auto [wanted, builds] = self->look();
    const auto task = [collector = &self->collector, wanted, builds, policy = self->policy(),
                       work = std::move(work)] {
      const auto inventory = collector->take_inventory(wanted, builds);
      const builder::Inventory seen = inventory.has_value() ? *inventory : builder::Inventory{};
      return work(seen, builder::plan_collection(seen, wanted, policy));
    };
    co_return co_await offload(self->pool, task);
  }
};

Housekeeper::Housekeeper(HousekeeperParts parts) : state_(std::make_shared<State>(parts)) {}

Housekeeper::~Housekeeper() { state_->pool.join(); }

void Housekeeper::start(std::function<BusyBuilds()> busy) {
  state_->busy = std::move(busy);
  state_->asked = true;
  state_->tasks.spawn(State::run(state_));
}

asio::awaitable<void> Housekeeper::stop() {
  const std::shared_ptr<State> state = state_;
  state->stopped = true;
  state->collector.stop();
  state->wakeup.notify();
  co_await state->tasks.join();
}

void Housekeeper::look_soon() {
  state_->asked = true;
  state_->wakeup.notify();
}

std::shared_ptr<void> Housekeeper::protect() {
  return {nullptr, [state = state_, at = state_->protected_since.insert(now())](void*) {
            state->protected_since.erase(at);
          }};
}

asio::awaitable<builder::Collection> Housekeeper::collect() {
  const std::shared_ptr<State> state = state_;
  co_return co_await State::collect(state);
}

asio::awaitable<Result<void>> Housekeeper::ensure_room() {
  const std::shared_ptr<State> state = state_;
  if (state->missing_bytes() > 0) co_await State::collect(state);
  co_return check_disk(state->free_bytes(), state->parts.config.min_free_disk_bytes);
}

asio::awaitable<builder::Collection> Housekeeper::preview() {
  const std::shared_ptr<State> state = state_;
  co_return co_await State::inspect(
      state, [](const builder::Inventory&, const builder::Collection& plan) { return plan; });
}

asio::awaitable<json::object> Housekeeper::usage() {
  const std::shared_ptr<State> state = state_;
  const auto tell = [data = state->parts.config.data_dir,
                     min_free = state->parts.config.min_free_disk_bytes](
                        const builder::Inventory& inventory, const builder::Collection& plan) {
    return describe(inventory, plan, data, min_free);
  };
  co_return co_await State::inspect(state, tell);
}

Result<void> Housekeeper::check_kept(const platform::Release& release) const {
  const builder::ImageStore& images = state_->parts.images;
  bool kept = !state_->collecting || state_->kept.contains(release.image);
  const auto image = images.find(release.image);
  kept = kept && image.has_value();
  if (kept)
    for (const auto& layer : image->layers) kept = kept && images.has_layer(layer.diff_id);
  if (kept) return {};
  const std::string version = "v" + std::to_string(release.version);
  return Error{
      ErrorKind::not_found,
      "the image of " + version + " is no longer kept: the platform keeps those of an app's last " +
          std::to_string(state_->parts.config.images.keep_releases) +
          " releases (images.keep_releases). " +
          (release.commit.empty() ? "Deploy its source again"
                                  : "Deploy its commit again: git push --force berth " +
                                        release.commit.substr(0, 7) + ":main")};
}

}  // namespace berth::server
