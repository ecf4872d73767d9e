// SPDX-License-Identifier: Apache-2.0
//
// Volumes and their snapshots, and which of their files are not wanted (any more): a file is put
// down here before it is made and in the transaction that gives it up, so that whatever kills the
// server, no file is left that nobody knows, and none is removed because nobody knows it.
#include <algorithm>

#include "platform/process_type.hpp"
#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

constexpr std::string_view volume_columns =
    "SELECT id, app, name, size, shared, mounts, restore_from, restore_kept, created_at, "
    "updated_at FROM volumes ";

Volume read_volume(const Statement& row) {
  auto mounts = parse_volume_mounts(row.text(5));
  BERTH_ASSERT(mounts.has_value());  // only add_volume writes this column
  Volume volume{.id = VolumeId(row.text(0)),
                .app = AppId(row.text(1)),
                .name = row.text(2),
                .size_bytes = static_cast<std::uint64_t>(row.integer(3)),
                .shared = row.boolean(4),
                .mounts = std::move(*mounts),
                .created_at = time_of(row, 8),
                .updated_at = time_of(row, 9)};
  if (!row.is_null(6)) volume.restore = VolumeRestore{row.integer(6), row.integer(7)};
  return volume;
}

VolumeSnapshot read_snapshot(const Statement& row) {
  return {.volume = VolumeId(row.text(0)),
          .number = row.integer(1),
          .size_bytes = static_cast<std::uint64_t>(row.integer(2)),
          .description = row.text(3),
          .created_at = time_of(row, 4)};
}

/// One replica at a time may have an exclusive volume, so its type has one at most.
Result<void> check_one_replica(const NewVolume& volume, const std::vector<Formation>& formation) {
  if (volume.shared) return {};
  const std::string& type = volume.mounts.front().type;
  for (const Formation& entry : formation) {
    if (entry.type != type) continue;
    if (entry.autoscale && entry.autoscale->max > 1)
      return Error{ErrorKind::conflict,
                   type + " is scaled up to " + std::to_string(entry.autoscale->max) +
                       " replicas, but only one at a time may have the volume. Say --shared if "
                       "they can write at the same time, or first: berth autoscale " + type +
                       " --max 1"};
    if (entry.quantity > 1)
      return Error{ErrorKind::conflict,
                   type + " has " + std::to_string(entry.quantity) +
                       " replicas, but only one at a time may have the volume. Say --shared if "
                       "they can write at the same time, or first: berth ps:scale " + type + "=1"};
  }
  return {};
}

}  // namespace

Result<void> Store::check_new_volume(const AppId& app, const NewVolume& volume) {
  BERTH_TRY(check_volume(volume));
  BERTH_TRY(check_volume_beside(volume, volumes(app)));
  return check_one_replica(volume, formation(app));
}

Result<Volume> Store::add_volume(const AppId& app, const VolumeId& id, const NewVolume& wanted,
                                 const Actor& actor) {
  BERTH_TRY(find_app(app.value));
  BERTH_TRY(check_new_volume(app, wanted));
  Change change(*this);
  const Time at = now();
  database_
      .prepare("INSERT INTO volumes (id, app, name, size, shared, mounts, created_at, updated_at) "
               "VALUES (?,?,?,?,?,?,?,?)")
      .bind(id.value).bind(app.value).bind(wanted.name)
      .bind(static_cast<std::int64_t>(wanted.size_bytes)).bind(wanted.shared)
      .bind(volume_mounts_text(wanted.mounts)).bind(column(at)).bind(column(at)).run();
  change_unwanted({.app = app, .volume = id}, /*unwanted=*/false);
  change.event(app, actor.user, "volume.create",
               "created the " + std::string(wanted.shared ? "shared " : "") + "volume " +
                   wanted.name + " of " + bytes_text(wanted.size_bytes) + " at " +
                   volume_mounts_text(wanted.mounts));
  change.commit();
  return find_volume(app, id.value);
}

std::vector<Volume> Store::volumes(const AppId& app) {
  std::vector<Volume> result;
  Statement rows =
      database_.prepare(std::string(volume_columns) + "WHERE app = ? ORDER BY name");
  rows.bind(app.value);
  while (rows.step()) result.push_back(read_volume(rows));
  return result;
}

Result<Volume> Store::find_volume(const AppId& app, std::string_view id_or_name) {
  Statement row = database_.prepare(std::string(volume_columns) +
                                    "WHERE app = ?1 AND (id = ?2 OR name = ?2)");
  row.bind(app.value).bind(id_or_name);
  if (row.step()) return read_volume(row);
  return Error{ErrorKind::not_found, "the app has no volume '" +
                                         std::string(id_or_name.substr(0, 60)) +
                                         "'. `berth volumes` lists them"};
}

Result<Volume> Store::resize_volume(const Volume& volume, std::uint64_t size_bytes,
                                    const Actor& actor) {
  BERTH_ASSIGN(const Volume before, find_volume(volume.app, volume.id.value));
  Change change(*this);
  database_.prepare("UPDATE volumes SET size = ?, updated_at = ? WHERE id = ?")
      .bind(static_cast<std::int64_t>(size_bytes)).bind(column(now())).bind(volume.id.value).run();
  change.event(volume.app, actor.user, "volume.resize",
               "resized the volume " + volume.name + " from " + bytes_text(before.size_bytes) +
                   " to " + bytes_text(size_bytes));
  change.commit();
  return find_volume(volume.app, volume.id.value);
}

Result<void> Store::remove_volume(const Volume& volume, const Actor& actor) {
  BERTH_ASSIGN(const Volume before, find_volume(volume.app, volume.id.value));
  Change change(*this);
  change_unwanted({.app = before.app, .volume = before.id}, /*unwanted=*/true);
  database_.prepare("DELETE FROM volumes WHERE id = ?").bind(before.id.value).run();
  change.event(before.app, actor.user, "volume.destroy", "destroyed the volume " + before.name);
  change.commit();
  return {};
}

std::vector<VolumeSnapshot> Store::volume_snapshots(const VolumeId& volume) {
  std::vector<VolumeSnapshot> result;
  Statement rows = database_.prepare(
      "SELECT volume, number, size, description, created_at FROM volume_snapshots "
      "WHERE volume = ? ORDER BY number DESC");
  rows.bind(volume.value);
  while (rows.step()) result.push_back(read_snapshot(rows));
  return result;
}

Result<VolumeSnapshot> Store::find_snapshot(const Volume& volume, std::string_view name) {
  BERTH_ASSIGN(const std::int64_t number, parse_snapshot_name(name));
  for (VolumeSnapshot& snapshot : volume_snapshots(volume.id))
    if (snapshot.number == number) return std::move(snapshot);
  return Error{ErrorKind::not_found, "the volume " + volume.name + " has no snapshot s" +
                                         std::to_string(number) + ". `berth volumes:snapshots " +
                                         volume.name + "` lists them"};
}

std::int64_t Store::begin_snapshot(const Volume& volume) {
  Change change(*this);
  const std::int64_t number = next_snapshot(volume.id);
  change_unwanted({volume.app, volume.id, number}, /*unwanted=*/true);
  change.commit();
  return number;
}

Result<VolumeSnapshot> Store::add_snapshot(const Volume& volume, std::int64_t number,
                                           std::string_view description, const Actor& actor) {
  BERTH_TRY(find_volume(volume.app, volume.id.value));
  Change change(*this);
  insert_snapshot(volume, number, description);
  change_unwanted({volume.app, volume.id, number}, /*unwanted=*/false);
  change.event(volume.app, actor.user, "volume.snapshot",
               "made the snapshot s" + std::to_string(number) + " of the volume " + volume.name);
  change.commit();
  return find_snapshot(volume, std::to_string(number));
}

Result<VolumeSnapshot> Store::remove_snapshot(const Volume& volume, std::string_view name,
                                              const Actor& actor) {
  BERTH_ASSIGN(VolumeSnapshot snapshot, find_snapshot(volume, name));
  Change change(*this);
  database_.prepare("DELETE FROM volume_snapshots WHERE volume = ? AND number = ?")
      .bind(volume.id.value).bind(snapshot.number).run();
  change_unwanted({volume.app, volume.id, snapshot.number}, /*unwanted=*/true);
  change.event(volume.app, actor.user, "volume.snapshot",
               "removed the snapshot " + snapshot.name() + " of the volume " + volume.name);
  change.commit();
  return snapshot;
}

Result<Volume> Store::begin_restore(const Volume& volume, std::string_view name,
                                    const Actor& actor) {
  BERTH_ASSIGN(const VolumeSnapshot snapshot, find_snapshot(volume, name));
  BERTH_ASSIGN(const Volume before, find_volume(volume.app, volume.id.value));
  if (before.restore)
    return Error{ErrorKind::conflict, "the volume " + volume.name + " is being restored already"};
  Change change(*this);
  database_
      .prepare("UPDATE volumes SET restore_from = ?, restore_kept = ?, updated_at = ? WHERE id = ?")
      .bind(snapshot.number).bind(next_snapshot(volume.id)).bind(column(now()))
      .bind(volume.id.value).run();
  change.event(volume.app, actor.user, "volume.restore",
               "restores the volume " + volume.name + " from its snapshot " + snapshot.name());
  change.commit();
  return find_volume(volume.app, volume.id.value);
}

void Store::end_restore(const Volume& volume, std::string_view failure) {
  BERTH_ASSERT(volume.restore.has_value());
  const std::string from = "s" + std::to_string(volume.restore->from);
  const std::string kept = "s" + std::to_string(volume.restore->kept);
  Change change(*this);
  if (failure.empty()) {
    insert_snapshot(volume, volume.restore->kept, "before it was restored from " + from);
    change.event(volume.app, "berth", "volume.restore",
                 "restored the volume " + volume.name + " from " + from + "; what it held is " +
                     kept);
  } else {
    change.event(volume.app, "berth", "volume.restore",
                 "did not restore the volume " + volume.name + " from " + from + ": " +
                     std::string(failure));
  }
  // The size of a volume is that of its file; a snapshot from before a resize is made to fit.
  database_
      .prepare("UPDATE volumes SET restore_from = NULL, restore_kept = NULL, updated_at = ? "
               "WHERE id = ?")
      .bind(column(now())).bind(volume.id.value).run();
  change.commit();
}

void Store::files_begun(const VolumeFiles& files) {
  Change change(*this);
  change_unwanted(files, /*unwanted=*/true);
  change.commit();
}

std::vector<VolumeFiles> Store::unwanted_volume_files() {
  std::vector<VolumeFiles> result;
  Statement rows =
      database_.prepare("SELECT app, volume, snapshot FROM unwanted_volume_files ORDER BY rowid");
  while (rows.step())
    result.push_back({AppId(rows.text(0)), VolumeId(rows.text(1)), rows.integer(2)});
  return result;
}

void Store::files_gone(const VolumeFiles& files) {
  Change change(*this);
  change_unwanted(files, /*unwanted=*/false);
  change.commit();
}

void Store::change_unwanted(const VolumeFiles& files, bool unwanted) {
  database_
      .prepare(unwanted ? "INSERT OR IGNORE INTO unwanted_volume_files (app, volume, snapshot) "
                          "VALUES (?,?,?)"
                        : "DELETE FROM unwanted_volume_files WHERE app = ? AND volume = ? AND "
                          "snapshot = ?")
      .bind(files.app.value).bind(files.volume.value).bind(files.snapshot).run();
}

std::int64_t Store::next_snapshot(const VolumeId& volume) {
  database_.prepare("UPDATE volumes SET last_snapshot = last_snapshot + 1 WHERE id = ?")
      .bind(volume.value).run();
  Statement row = database_.prepare("SELECT last_snapshot FROM volumes WHERE id = ?");
  row.bind(volume.value);
  return row.step() ? row.integer(0) : 0;
}

void Store::insert_snapshot(const Volume& volume, std::int64_t number,
                            std::string_view description) {
  database_
      .prepare("INSERT INTO volume_snapshots (volume, number, size, description, created_at) "
               "VALUES (?,?,?,?,?)")
      .bind(volume.id.value).bind(number).bind(static_cast<std::int64_t>(volume.size_bytes))
      .bind(description).bind(column(now())).run();
}

Result<void> Store::check_alone(const Formation& entry) {
  const int most = entry.autoscale ? entry.autoscale->max : entry.quantity;
  if (most <= 1) return {};
  for (const Volume& volume : volumes_of(volumes(entry.app), entry.type))
    if (!volume.shared)
      return Error{ErrorKind::invalid,
                   entry.type + " can have one replica only: its volume " + volume.name +
                       " is for one at a time. What can write beside others needs a volume that "
                       "was created with --shared"};
  return {};
}

}  // namespace berth::platform
