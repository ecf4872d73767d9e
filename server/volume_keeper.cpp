// SPDX-License-Identifier: Apache-2.0
#include "server/volume_keeper.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "server/offload.hpp"

namespace berth::server {

namespace asio = boost::asio;

namespace {

runtime::VolumePlace place_of(const platform::Volume& volume) {
  return {.app_id = volume.app.value, .id = volume.id.value};
}

std::string key_of(const platform::VolumeFiles& files) {
  return files.volume.value + "/" + std::to_string(files.snapshot);
}

}  // namespace

class VolumeKeeper::Turn final {
 public:
  Turn(VolumeKeeper& keeper, platform::VolumeId volume, std::string what)
      : keeper_(keeper), volume_(std::move(volume)) {
    keeper_.busy_[volume_] = std::move(what);
  }
  ~Turn() {
    keeper_.busy_.erase(volume_);
    // What became unwanted meanwhile, its own work that failed or the whole volume.
    if (!keeper_.stopped_) keeper_.collect();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  VolumeKeeper& keeper_;
  platform::VolumeId volume_;
};

VolumeKeeper::VolumeKeeper(VolumeKeeperParts parts)
    : parts_(parts),
      tasks_(parts.strand),
      ended_(parts.strand, asio::steady_timer::time_point::max()) {}

void VolumeKeeper::start() {
  collect();
  parts_.controller.after_look([this](const platform::AppId& app) { look(app); });
  for (const platform::App& app : parts_.store.apps()) look(app.id);
}

asio::awaitable<void> VolumeKeeper::stop() {
  stopped_ = true;
  ended_.cancel();
  co_await tasks_.join();
}

Result<void> VolumeKeeper::check_free(const platform::Volume& volume) const {
  if (volume.restore)
    return Error{ErrorKind::conflict,
                 "the volume " + volume.name + " is being restored. Try again when it is"};
  if (const auto found = busy_.find(volume.id); found != busy_.end())
    return Error{ErrorKind::conflict,
                 "the volume " + volume.name + " " + found->second + ". Try again in a moment"};
  return {};
}

asio::awaitable<Result<platform::Volume>> VolumeKeeper::create(platform::AppId app,
                                                               platform::NewVolume wanted,
                                                               platform::Actor actor) {
  if (auto checked = parts_.store.check_new_volume(app, wanted); checked.has_error())
    co_return checked.error();
  const platform::VolumeId id(random_uuid());
  const Turn turn(*this, id, "is being made");
  parts_.store.files_begun({.app = app, .volume = id});
  const auto made = co_await offload(
      parts_.pool, [&engine = parts_.engine, place = runtime::VolumePlace{app.value, id.value},
                    size = wanted.size_bytes] { return engine.make_volume(place, size); });
  if (made.has_error()) co_return made.error().context("make the volume");
  auto volume = parts_.store.add_volume(app, id, wanted, actor);
  if (volume.has_value()) parts_.controller.reconcile(app);
  co_return volume;
}

asio::awaitable<Result<platform::Volume>> VolumeKeeper::resize(platform::Volume volume,
                                                               std::uint64_t size_bytes,
                                                               platform::Actor actor) {
  if (auto checked = check_free(volume); checked.has_error()) co_return checked.error();
  if (size_bytes < volume.size_bytes)
    co_return Error{ErrorKind::invalid, "the volume " + volume.name + " has " +
                                            platform::bytes_text(volume.size_bytes) +
                                            "; a volume can grow, but not shrink"};
  const Turn turn(*this, volume.id, "is being resized");
  const auto grown = co_await offload(
      parts_.pool, [&engine = parts_.engine, place = place_of(volume), size_bytes] {
        return engine.grow_volume(place, size_bytes);
      });
  if (grown.has_error()) co_return grown.error().context("resize " + volume.name);
  co_return parts_.store.resize_volume(volume, size_bytes, actor);
}

Result<void> VolumeKeeper::destroy(const platform::Volume& volume, const platform::Actor& actor) {
  BERTH_TRY(check_free(volume));
  BERTH_TRY(parts_.store.remove_volume(volume, actor));
  parts_.controller.reconcile(volume.app);
  collect();
  return {};
}

asio::awaitable<Result<platform::VolumeSnapshot>> VolumeKeeper::snapshot(
    platform::Volume volume, std::string description, platform::Actor actor) {
  if (auto checked = check_free(volume); checked.has_error()) co_return checked.error();
  const Turn turn(*this, volume.id, "is being copied for a snapshot");
  const std::int64_t number = parts_.store.begin_snapshot(volume);
  const auto made = co_await offload(
      parts_.pool, [&engine = parts_.engine, place = place_of(volume), number] {
        return engine.snapshot_volume(place, number);
      });
  if (made.has_error()) co_return made.error().context("snapshot " + volume.name);
  co_return parts_.store.add_snapshot(volume, number, description, actor);
}

Result<platform::VolumeSnapshot> VolumeKeeper::remove_snapshot(const platform::Volume& volume,
                                                               const std::string& snapshot,
                                                               const platform::Actor& actor) {
  BERTH_TRY(check_free(volume));
  BERTH_ASSIGN(auto removed, parts_.store.remove_snapshot(volume, snapshot, actor));
  collect();
  return removed;
}

asio::awaitable<Result<platform::Volume>> VolumeKeeper::restore(platform::Volume volume,
                                                                std::string snapshot,
                                                                platform::Actor actor) {
  if (auto checked = check_free(volume); checked.has_error()) co_return checked.error();
  for (const std::string& name : parts_.controller.holders(volume.id))
    if (name.starts_with("run.") || name.starts_with("cron.") || name.starts_with("postdeploy."))
      co_return Error{ErrorKind::conflict, name + " has the volume " + volume.name +
                                               ". Wait for its end, or: berth ps:stop " + name};
  failures_.erase(volume.id);
  auto begun = parts_.store.begin_restore(volume, snapshot, actor);
  if (begun.has_error()) co_return begun.error();
  parts_.controller.reconcile(volume.app);
  for (;;) {
    auto now = parts_.store.find_volume(volume.app, volume.id.value);
    if (now.has_error() || !now->restore) {
      if (const auto failed = failures_.extract(volume.id); !failed.empty())
        co_return Error{ErrorKind::unavailable, "restore " + volume.name + ": " + failed.mapped()};
      co_return now;
    }
    if (stopped_)
      co_return Error{ErrorKind::unavailable,
                      "the server ends; the next one restores " + volume.name};
    boost::system::error_code ended;
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  }
}

void VolumeKeeper::look(const platform::AppId& app) {
  if (stopped_) return;
  for (const platform::Volume& volume : parts_.store.volumes(app))
    if (volume.restore && !busy_.contains(volume.id) &&
        parts_.controller.holders(volume.id).empty()) {
      busy_[volume.id] = "is being restored";
      tasks_.spawn(do_restore(volume));
    }
}

asio::awaitable<void> VolumeKeeper::do_restore(platform::Volume volume) {
  const Turn turn(*this, volume.id, "is being restored");
  const auto restored = co_await offload(
      parts_.pool, [&engine = parts_.engine, place = place_of(volume), wanted = *volume.restore,
                    size = volume.size_bytes] {
        return engine.restore_volume(place, wanted.from, wanted.kept, size);
      });
  // The app may have been destroyed meanwhile.
  if (parts_.store.find_volume(volume.app, volume.id.value).has_value()) {
    if (restored.has_error()) {
      log_error("restore the volume {}: {}", volume.name, restored.error().message);
      failures_[volume.id] = restored.error().message;
    }
    parts_.store.end_restore(volume, restored.has_error() ? restored.error().message : "");
    parts_.controller.reconcile(volume.app);
  }
  ended_.cancel();
}

void VolumeKeeper::collect() {
  for (const platform::VolumeFiles& files : parts_.store.unwanted_volume_files())
    if (!busy_.contains(files.volume) && removing_.insert(key_of(files)).second)
      tasks_.spawn(remove_files(files));
}

asio::awaitable<void> VolumeKeeper::remove_files(platform::VolumeFiles files) {
  const auto removed = co_await offload(
      parts_.pool, [&engine = parts_.engine, files] {
        return engine.remove_volume_files({files.app.value, files.volume.value}, files.snapshot);
      });
  removing_.erase(key_of(files));
  if (removed.has_error())
    log_error("remove the files of a volume: {}", removed.error().message);
  else
    parts_.store.files_gone(files);
}

}  // namespace berth::server
