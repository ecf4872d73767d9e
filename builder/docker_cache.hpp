// SPDX-License-Identifier: Apache-2.0
//
// What a Dockerfile's instructions made in earlier builds of the app, by a key of all that decides
// it. Kept in the app's BuildRecord as layers of a buildpack of this name, so that the collector's
// rules for caches hold for them; so are cache mounts and the base images that were used.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/build_record.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

inline constexpr std::string_view docker_record_id = "berth/dockerfile";

/// SHA-256 of the parts, each with its length.
[[nodiscard]] std::string docker_key(const std::vector<std::string>& parts);

class DockerCache final {
 public:
  DockerCache(const ImageStore& images, const BuildRecord& last);

  /// The layer's id; empty: the instruction changed nothing. Only what is in place is found, and
  /// with `exported` only what can be part of an image.
  [[nodiscard]] std::optional<std::string> find(const std::string& key, bool exported);
  void keep(const std::string& key, const std::string& layer) { use("step-" + key, layer); }
  /// A private layer that RUN --mount=type=cache writes to.
  [[nodiscard]] std::optional<std::string> find_mount(const std::string& key);
  void keep_mount(const std::string& key, const std::string& layer) { use("mount-" + key, layer); }
  void note_base(const std::string& name, const std::string& digest) { bases_[name] = digest; }

  /// What this build used.
  [[nodiscard]] BuildpackRecord used() const;
  /// Of a build that failed: that, and what the last good one used. What only failed builds before
  /// it made goes.
  [[nodiscard]] BuildpackRecord after_failure() const;

 private:
  void use(const std::string& name, const std::string& layer);
  [[nodiscard]] static BuildpackRecord record_of(
      const std::map<std::string, LayerRecord>& layers,
      const std::map<std::string, std::string>& bases);
  const ImageStore& images_;
  std::map<std::string, LayerRecord> old_;  ///< by name in the record
  std::map<std::string, LayerRecord> used_;
  std::map<std::string, std::string> old_bases_;  ///< of the last good build, by name
  std::map<std::string, std::string> bases_;
};

/// The base images of the recorded build: name → digest.
[[nodiscard]] std::map<std::string, std::string> recorded_bases(const BuildRecord& record);

}  // namespace berth::builder
