// SPDX-License-Identifier: Apache-2.0
//
// One build: the tree of a commit becomes an image. Detect, build and export of the Cloud Native
// Buildpacks specification in process, the buildpacks' own programs in a sandbox. Blocking: the
// caller gives it a thread.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/image_store.hpp"
#include "builder/sandbox.hpp"
#include "platform/app_json.hpp"

namespace berth::builder {

/// Where a build's source is: a commit in a bare repository, read with libgit2. During a push the
/// objects are still in quarantine: `extra_object_directory` is git's GIT_QUARANTINE_PATH.
struct GitSource {
  std::filesystem::path repository;
  std::string commit;  ///< 40 hex digits
  std::filesystem::path extra_object_directory = {};
  std::string directory = {};  ///< of the commit: the app is what is in it; empty: all
};

/// The base images: made once from buildpacks/stack, imported into the image store under the tags
/// "stack/run" and "stack/build".
struct Stack {
  std::string run_tag = "stack/run";
  std::string build_tag = "stack/build";
};

struct BuildRequest {
  std::string app;       ///< the app's name, already checked
  std::string build_id;  ///< unique
  GitSource source;
  std::map<std::string, std::string> config_vars;  ///< given to buildpacks as <platform>/env/<NAME>
  std::filesystem::path cache_directory;           ///< cache/<app>; created if absent
  /// Another app's cache, which a first build begins with as far as the two can share; or empty.
  std::filesystem::path first_cache = {};
  std::filesystem::path work_directory;        ///< scratch on the images' file system
  std::filesystem::path runtimes_directory = {};  ///< those of all apps; empty: none
  std::filesystem::path buildpacks_directory;  ///< folders with a buildpack.toml, and order.toml
  std::vector<std::string> buildpacks =
      {};  ///< the app's own choice, in order; see buildpack_source
  /// Registries that buildpackages may come from: hosts, or "http://host:5000" for one without TLS.
  std::vector<std::string> registries = {};
  std::filesystem::path launcher;     ///< the static berth-launcher
  std::string previous_image;         ///< digest, or empty
  std::string previous_release = {};  ///< "v12", for messages; or empty
  Stack stack = {};
  /// The operator's <build-config>/env: file names with their suffixes; without one, a default.
  std::map<std::string, std::string> operator_env = {};
  /// Further binds for every build: CA certificates, a registry's configuration.
  std::vector<SandboxSpec::Bind> extra_binds = {};
  SandboxLimits limits;
  std::chrono::seconds timeout = std::chrono::minutes(15);
  bool clear_cache = false;
  bool preview = false;  ///< app.json's environments.review counts
  /// A base image of a Dockerfile by its name, "debian:bookworm-slim"; the error says what to do.
  std::function<Result<Image>(const std::string& name)> resolve_image = {};
};

/// A layer that holds nothing of an app and has a name for all; see runtimes.hpp.
struct RuntimeName {
  std::string buildpack;
  std::string layer;  ///< "node-24.11.0"
  friend auto operator<=>(const RuntimeName&, const RuntimeName&) = default;
};

struct BuiltImage {
  Image image;
  std::map<std::string, std::string> processes;  ///< type → command line as people read it
  std::string default_process;                   ///< "web", or empty
  platform::AppJson app_json = {};               ///< what the source says of its running
  std::size_t new_layers = 0;
  std::uint64_t new_bytes = 0;
  std::vector<RuntimeName> missing_runtimes = {};  ///< that this build had to make for itself
  bool reused = false;  ///< the same tree, configuration and builder as the previous build
};

/// The process types of an image: from its labels if buildpacks made it, else what it says itself.
[[nodiscard]] Result<BuiltImage> describe_image(Image image);

/// The build log goes to `log` in the form git shows a pusher: "-----> Title" and lines indented by
/// seven spaces. Errors have messages for the user: what happened, why, what to do.
/// `cancel` becomes true to end the build from another thread; watched at least every 100 ms.
[[nodiscard]] Result<BuiltImage> build(const BuildRequest& request, ImageStore& images,
                                       SandboxFactory& sandboxes, const OutputSink& log,
                                       const std::atomic<bool>& cancel);

}  // namespace berth::builder
