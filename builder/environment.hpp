// SPDX-License-Identifier: Apache-2.0
//
// How an environment is put together for buildpacks and for processes (specs/cnb.md 1.9, 1.10):
// layer roots, env directories with their suffixes, the user's variables. Pure; the launcher in
// every image is built from the same file.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace berth::builder {

using Environment = std::map<std::string, std::string>;

/// A file of an env directory: its name says what to do, its content is taken as it is.
struct EnvFile {
  std::string name;
  std::string content;
  friend bool operator==(const EnvFile&, const EnvFile&) = default;
};

/// What a file without a suffix means: in layers it overrides, in <build-config>/env it is a
/// default.
enum class BareEnvFile { overrides, is_default };

enum class Stage { build, launch };

/// Applies the files of one directory in the order of their names. Unknown suffixes are ignored.
void apply_env_files(Environment& environment, std::vector<EnvFile> files,
                     BareEnvFile bare = BareEnvFile::overrides);

/// The directories of a layer that extend a path variable: "bin", "lib", "include", "pkgconfig".
[[nodiscard]] const std::vector<std::string>& layer_root_directories();
/// Prepends those of `present` in `layer` (a path inside the sandbox) to their variables.
void apply_layer_roots(Environment& environment, std::string_view layer,
                       const std::set<std::string>& present, Stage stage);

/// PATH and the like: a user's value is put before the present one, every other replaces it.
[[nodiscard]] bool is_path_variable(std::string_view name);
void apply_user_environment(Environment& environment, const Environment& user);

/// What of the lifecycle's environment buildpacks see: path variables, HOME, proxies.
[[nodiscard]] Environment visible_to_buildpacks(const Environment& own);

/// A name that can be a file and a variable.
[[nodiscard]] bool is_variable_name(std::string_view name);

}  // namespace berth::builder
