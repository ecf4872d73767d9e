// SPDX-License-Identifier: Apache-2.0
//
// What is kept of an app's last successful build: its layers with their flags and metadata, the
// image, and the key by which an equal build is known. In cache/<app>/metadata.json, and, for
// layers of the image, in its label io.buildpacks.lifecycle.metadata.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "builder/layer_metadata.hpp"

namespace berth::builder {

struct LayerRecord {
  std::string id;  ///< diff id, or "private:…" for a layer that is not in the image
  LayerFlags flags;
  json::object metadata;
  friend bool operator==(const LayerRecord&, const LayerRecord&) = default;
};

struct BuildpackRecord {
  std::string id;
  std::string version;
  std::map<std::string, LayerRecord> layers;
  std::optional<json::object> store;
  friend bool operator==(const BuildpackRecord&, const BuildpackRecord&) = default;
};

/// A build before the last one.
struct EarlierBuild {
  std::string key;
  std::string image;
  friend bool operator==(const EarlierBuild&, const EarlierBuild&) = default;
};
inline constexpr std::size_t most_earlier_builds = 20;

struct BuildRecord {
  std::string key;    ///< of tree, configuration, buildpacks and stack
  std::string image;  ///< digest
  std::string tree;
  std::string sbom = {};  ///< the layer of bills of materials: a diff id, or "private:…", or empty
  std::string exec_env = {};  ///< the execution environment; empty: the default one
  std::vector<BuildpackRecord> buildpacks = {};
  /// By layer id: how the layers that the cache keeps looked (tree_seal.hpp).
  std::map<std::string, std::string> seals = {};
  /// By buildpacks, the newest first, each key once: while a release keeps its image, it need not
  /// be built again.
  std::vector<EarlierBuild> earlier = {};
  friend bool operator==(const BuildRecord&, const BuildRecord&) = default;

  /// What becomes of `earlier` when this one's build is followed by one with another key.
  [[nodiscard]] std::vector<EarlierBuild> earlier_for(const std::string& next) const;
  [[nodiscard]] const BuildpackRecord* find(std::string_view buildpack) const;
};

/// What another app's first build may begin with: all but the layers that belong to one cache.
[[nodiscard]] BuildRecord shareable(BuildRecord record);

/// With a digest of itself: what is read is what was written.
[[nodiscard]] std::string build_record_json(const BuildRecord& record);
/// A record that was damaged, or is of another version of this program, is an error; the caller
/// then starts anew.
[[nodiscard]] Result<BuildRecord> parse_build_record(std::string_view text);

/// "buildpacks", "sbom" and "exec-env" of the label; what cannot be read is left out (1.5).
[[nodiscard]] BuildRecord parse_lifecycle_label(std::string_view text);
[[nodiscard]] json::array lifecycle_buildpacks(const BuildRecord& record);

/// A layer given back to its buildpack before it builds (1.5).
struct RestoredLayer {
  std::string buildpack;
  std::string layer;
  json::object metadata;
  std::string id;  ///< whose content is mounted; empty: only the metadata comes back
  friend bool operator==(const RestoredLayer&, const RestoredLayer&) = default;
};

/// All that a group is given back.
struct Restored {
  std::vector<RestoredLayer> layers;
  std::map<std::string, json::object> stores;  ///< by buildpack
  std::string launch_sbom;  ///< layers that hold the bills of materials; or empty
  std::string cache_sbom;
  friend bool operator==(const Restored&, const Restored&) = default;
};

/// The table of 1.5, from the previous image's layers and the cached ones. Content only ever comes
/// from the cache; a layer whose image and cache copies differ does not come back at all.
[[nodiscard]] std::vector<RestoredLayer> plan_restore(const std::vector<std::string>& group,
                                                      const BuildRecord& image,
                                                      const BuildRecord& cache);

}  // namespace berth::builder
