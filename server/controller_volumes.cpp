// SPDX-License-Identifier: Apache-2.0
//
// Volumes as the scheduler and the engine see them: which process type has which, and who still has
// one.
#include <algorithm>

#include "server/controller.hpp"

namespace berth::server {

namespace {

std::vector<runtime::ReplicaVolume> mounted(const std::vector<platform::Volume>& all,
                                            std::string_view type) {
  std::vector<runtime::ReplicaVolume> result;
  for (const platform::Volume& volume : platform::volumes_of(all, type))
    for (const platform::VolumeMount& mount : volume.mounts)
      if (mount.type == type)
        result.push_back({.id = volume.id.value,
                          .name = volume.name,
                          .target = mount.path,
                          .shared = volume.shared});
  return result;
}

}  // namespace

std::vector<runtime::ReplicaVolume> Controller::volumes_of(const platform::AppId& app,
                                                           std::string_view type) const {
  return mounted(parts_.store.volumes(app), type);
}

void Controller::want_volumes(runtime::DesiredProcess& process,
                              const std::vector<platform::Volume>& all,
                              std::string_view type) const {
  process.volumes = volumes_text(mounted(all, type));
  for (const platform::Volume& volume : platform::volumes_of(all, type)) {
    process.exclusive = process.exclusive || !volume.shared;
    process.paused = process.paused || volume.restore.has_value();
  }
  // The store refuses more; whatever it says, there is no second writer.
  if (process.exclusive) process.quantity = std::min(process.quantity, 1);
}

Result<void> Controller::check_not_restored(const platform::AppId& app,
                                            std::string_view type) const {
  for (const platform::Volume& volume : platform::volumes_of(parts_.store.volumes(app), type))
    if (volume.restore)
      return Error{ErrorKind::conflict,
                   "its volume " + volume.name + " is being restored. Try again when it is"};
  return {};
}

std::vector<std::string> Controller::holders(const platform::VolumeId& volume) const {
  std::vector<std::string> result;
  for (const auto& [id, replica] : replicas_)
    if (replica.status.state != runtime::ReplicaState::exited &&
        std::ranges::find(replica.status.spec.volumes, volume.value,
                          &runtime::ReplicaVolume::id) != replica.status.spec.volumes.end())
      result.push_back(replica.status.spec.name);
  return result;
}

}  // namespace berth::server
