// SPDX-License-Identifier: Apache-2.0
//
// buildpack.toml and order.toml as values (specs/cnb.md 1.1-1.3): what a buildpack is, which
// targets it is for, and in which groups it is tried. Pure but for load_buildpacks().
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

struct BuildpackRef {
  std::string id;
  std::string version = {};  ///< empty: whichever there is
  bool optional = false;
  std::vector<std::string> exec_env = {};  ///< empty or "*": in every one
  friend bool operator==(const BuildpackRef&, const BuildpackRef&) = default;
};

using OrderGroup = std::vector<BuildpackRef>;
using Order = std::vector<OrderGroup>;

struct Target {
  std::string os;
  std::string arch;
  std::string variant;
  std::string distro_name;
  std::string distro_version;
};

struct Buildpack {
  unsigned api = 0;  ///< the minor of "0.<minor>"
  std::string id;
  std::string version;
  std::string name;
  std::string homepage;
  std::string description;
  bool clear_env = false;
  std::vector<std::string> sbom_formats;  ///< media types it may leave
  std::vector<std::string> exec_env;      ///< empty or "*": every one
  Order order;                            ///< not empty: a composite
  std::vector<Target> targets;            ///< one per distro; empty: linux, any architecture
  std::filesystem::path directory;        ///< on the host
  /// A classic buildpack's folder (specs/cnb.md 2.1); `directory` is then the shim that runs it.
  std::optional<std::filesystem::path> classic;

  [[nodiscard]] std::string key() const { return id + "@" + version; }
  [[nodiscard]] bool composite() const { return !order.empty(); }
};

/// The APIs whose rules we follow: 0.7 to 0.12.
inline constexpr unsigned lowest_buildpack_api = 7;
inline constexpr unsigned highest_buildpack_api = 12;

[[nodiscard]] Result<Buildpack> parse_buildpack(std::string_view toml);
[[nodiscard]] Result<Order> parse_order(std::string_view toml);

/// Buildpacks that stand before and after those of every group (1.3: system.toml, project.toml).
struct Surrounding {
  OrderGroup before;
  OrderGroup after;
  friend bool operator==(const Surrounding&, const Surrounding&) = default;
};
/// system.toml: [[system.pre.buildpacks]], [[system.post.buildpacks]].
[[nodiscard]] Result<Surrounding> parse_system(std::string_view toml);
/// A group that already has a buildpack of that id keeps its own.
[[nodiscard]] Order surround(Order order, const Surrounding& with);

/// "berth/nodejs" → "berth_nodejs", as layers and mounts name it.
[[nodiscard]] std::string escape_id(std::string_view id);
/// Missing fields of the buildpack match anything (1.2).
[[nodiscard]] bool matches(const Buildpack& buildpack, const Target& base);
[[nodiscard]] bool for_environment(const std::vector<std::string>& exec_env,
                                   std::string_view environment);

/// What is installed: by id, then version.
class BuildpackSet final {
 public:
  void add(Buildpack buildpack);
  /// Without a version: the highest there is.
  [[nodiscard]] const Buildpack* find(const BuildpackRef& ref) const;
  [[nodiscard]] bool empty() const { return by_id_.empty(); }
  [[nodiscard]] std::vector<const Buildpack*> all() const;

 private:
  std::map<std::string, std::map<std::vector<unsigned long>, Buildpack>> by_id_;
};

struct InstalledBuildpacks {
  BuildpackSet set;
  Order order;
  std::string digest;  ///< of every file: another buildpack, another result
};

/// Reads and checks one buildpack's folder: a component has bin/detect and bin/build.
[[nodiscard]] Result<Buildpack> load_buildpack(const std::filesystem::path& directory);
/// Of every file's path, executable bit and content.
[[nodiscard]] Result<std::string> digest_of_tree(const std::filesystem::path& directory);

/// A folder per buildpack, order.toml beside them, and system.toml if there is one.
[[nodiscard]] Result<InstalledBuildpacks> load_buildpacks(const std::filesystem::path& directory);

}  // namespace berth::builder
