// SPDX-License-Identifier: Apache-2.0
#include "builder/kept_layers.hpp"

#include <fcntl.h>

#include "base/file.hpp"
#include "builder/layer_tar.hpp"
#include "builder/oci.hpp"
#include "builder/tree_seal.hpp"

namespace berth::builder {

KeptLayers::~KeptLayers() {
  if (walk_.joinable()) walk_.join();
}

void KeptLayers::begin(std::set<std::string> ids) {
  walk_ = std::thread([this, ids = std::move(ids)] {
    for (const auto& id : ids)
      if (auto seal = tree_seal(images_.layer_directory(id)); seal.has_value())
        walked_[id] = std::move(*seal);
  });
}

Result<std::string> KeptLayers::seal_now(const std::string& id) {
  if (walk_.joinable()) walk_.join();
  if (auto walked = walked_.extract(id)) return std::move(walked.mapped());
  return tree_seal(images_.layer_directory(id));
}

KeptLayers::State KeptLayers::look_at(const std::string& id,
                                      const std::map<std::string, std::string>& seals) {
  if (const auto known = seen_.find(id); known != seen_.end()) return known->second.state;
  const auto seal = seals.find(id);
  auto seen = check(id, seal == seals.end() ? std::string() : seal->second);
  // What cannot be looked at or put away is not used either.
  if (seen.has_error()) seen = Seen{.state = State::damaged, .seal = {}};
  return (seen_[id] = std::move(*seen)).state;
}

Result<KeptLayers::Seen> KeptLayers::check(const std::string& id, const std::string& seal) {
  if (!images_.has_layer(id)) return Seen{};
  BERTH_ASSIGN(std::string now, valid_seal(id, seal));
  if (!now.empty()) return Seen{.state = State::whole, .seal = std::move(now)};
  BERTH_TRY(images_.put_away_layer(id));
  if (!is_digest(id) || !images_.has_layer(id)) return Seen{.state = State::damaged, .seal = {}};
  // Once more, from its tar.
  BERTH_ASSIGN(now, valid_seal(id, seal));
  if (!now.empty()) return Seen{.state = State::repaired, .seal = std::move(now)};
  BERTH_TRY(images_.put_away_layer(id));
  BERTH_TRY(images_.remove_blob(id, Time::max()));
  return Seen{.state = State::damaged, .seal = {}};
}

Result<std::string> KeptLayers::valid_seal(const std::string& id, const std::string& seal) {
  const auto directory = images_.mountable_layer(id);
  if (directory.has_error()) return std::string();
  const auto now = seal_now(id);
  if (now.has_error()) return std::string();
  if (*now == seal) return *now;
  if (!is_digest(id)) return std::string();
  // Unpacked since it was sealed: then its times are others, and its digest tells.
  BERTH_ASSIGN(const Fd nowhere, open_file("/dev/null", O_WRONLY));
  const auto tar = write_layer_tar(*directory, nowhere.get());
  return tar.has_value() && tar->digest == id ? *now : std::string();
}

std::map<std::string, std::string> KeptLayers::seals(const BuildRecord& record) const {
  std::map<std::string, std::string> result;
  const auto add = [&](const std::string& id) {
    const auto known = seen_.find(id);
    if (known != seen_.end() && !known->second.seal.empty())
      result[id] = known->second.seal;
    else if (auto seal = tree_seal(images_.layer_directory(id)); seal.has_value())
      result[id] = std::move(*seal);
  };
  for (const auto& buildpack : record.buildpacks)
    for (const auto& [name, layer] : buildpack.layers)
      if (layer.flags.cache) add(layer.id);
  if (!record.sbom.empty()) add(record.sbom);
  return result;
}

}  // namespace berth::builder
