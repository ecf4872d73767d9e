// SPDX-License-Identifier: Apache-2.0
//
// The volumes of an app: made, grown, copied, put back, destroyed.
#include "api/handlers.hpp"

namespace berth::api {

namespace {

Outcome<platform::Volume> find_volume(const Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return or_missing(call.store().find_volume(app.id, call.param("volume")), "volume");
}

json::object shape_of(const Call& call, const platform::Volume& volume) {
  return call.render().volume(call.control().volume(volume));
}

json::object shape_of(const Call& call, const platform::Volume& volume,
                      const platform::VolumeSnapshot& snapshot) {
  return call.render().snapshot(snapshot, call.control().snapshot_bytes(volume, snapshot));
}

Outcome<std::vector<platform::VolumeMount>> read_mounts(const json::object& body) {
  std::vector<platform::VolumeMount> mounts;
  if (const auto* list = optional_array(body, "mounts"))
    for (const auto& entry : *list) {
      const auto* mount = entry.if_object();
      const auto type = mount ? optional_string(*mount, "process_type") : std::nullopt;
      const auto path = mount ? optional_string(*mount, "path") : std::nullopt;
      if (!type || !path)
        return invalid_params(R"(each of mounts is {"process_type":"web","path":"/data"})");
      mounts.push_back({*type, *path});
    }
  return mounts;
}

Outcome<platform::NewVolume> read_new_volume(const json::object& body) {
  const auto name = require_string(body, "name");
  if (name.has_error()) return invalid_params(name.error().message);
  platform::NewVolume wanted{.name = *name,
                             .shared = optional_bool(body, "shared").value_or(false)};
  BERTH_ASSIGN(wanted.mounts, read_mounts(body));
  if (const auto size = optional_string(body, "size")) {
    const auto bytes = platform::parse_volume_size(*size);
    if (bytes.has_error()) return invalid_params(bytes.error().message);
    wanted.size_bytes = *bytes;
  }
  return wanted;
}

}  // namespace

Answer list_volumes(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  json::array list;
  for (const platform::Volume& volume : call.store().volumes(app.id))
    list.push_back(shape_of(call, volume));
  return json_response(list);
}

Answer get_volume(Call& call) {
  BERTH_ASSIGN(const platform::Volume volume, find_volume(call));
  return json_response(shape_of(call, volume));
}

Task<Answer> create_volume(Call call, Exchange*) {
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  const auto wanted = read_new_volume(call.body);
  if (wanted.has_error()) co_return wanted.error();
  const auto volume =
      co_await call.control().create_volume(app->id, *wanted, call.actor().user);
  if (volume.has_error()) co_return volume.error();
  co_return json_response(shape_of(call, *volume), 201);
}

Task<Answer> update_volume(Call call, Exchange*) {
  const auto before = find_volume(call);
  if (before.has_error()) co_return before.error();
  const auto size = require_string(call.body, "size");
  if (size.has_error()) co_return invalid_params(size.error().message);
  const auto bytes = platform::parse_volume_size(*size);
  if (bytes.has_error()) co_return invalid_params(bytes.error().message);
  const auto volume = co_await call.control().resize_volume(*before, *bytes, call.actor().user);
  if (volume.has_error()) co_return volume.error();
  co_return json_response(shape_of(call, *volume));
}

Answer delete_volume(Call& call) {
  BERTH_ASSIGN(const platform::Volume volume, find_volume(call));
  json::object shape = shape_of(call, volume);
  BERTH_TRY(call.control().destroy_volume(volume, call.actor().user));
  return json_response(std::move(shape));
}

Answer list_snapshots(Call& call) {
  BERTH_ASSIGN(const platform::Volume volume, find_volume(call));
  json::array list;
  for (const platform::VolumeSnapshot& snapshot : call.store().volume_snapshots(volume.id))
    list.push_back(shape_of(call, volume, snapshot));
  return json_response(list);
}

Task<Answer> create_snapshot(Call call, Exchange*) {
  const auto volume = find_volume(call);
  if (volume.has_error()) co_return volume.error();
  const auto snapshot = co_await call.control().snapshot_volume(
      *volume, optional_string(call.body, "description").value_or("").substr(0, 200),
      call.actor().user);
  if (snapshot.has_error()) co_return snapshot.error();
  co_return json_response(shape_of(call, *volume, *snapshot), 201);
}

Answer delete_snapshot(Call& call) {
  BERTH_ASSIGN(const platform::Volume volume, find_volume(call));
  BERTH_ASSIGN(const platform::VolumeSnapshot before,
               or_missing(call.store().find_snapshot(volume, call.param("snapshot")), "snapshot"));
  json::object shape = shape_of(call, volume, before);
  BERTH_TRY(call.control().remove_snapshot(volume, before.name(), call.actor().user));
  return json_response(std::move(shape));
}

Task<Answer> restore_volume(Call call, Exchange*) {
  const auto volume = find_volume(call);
  if (volume.has_error()) co_return volume.error();
  const auto snapshot = require_string(call.body, "snapshot");
  if (snapshot.has_error()) co_return invalid_params(snapshot.error().message);
  const auto restored =
      co_await call.control().restore_volume(*volume, *snapshot, call.actor().user);
  if (restored.has_error()) co_return restored.error();
  co_return json_response(shape_of(call, *restored));
}

}  // namespace berth::api
