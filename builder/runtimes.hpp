// SPDX-License-Identifier: Apache-2.0
//
// Runtimes that all apps share, made once: layers that a buildpack makes of their name alone, such
// as "node-24.11.0". Its program bin/runtime makes one in a sandbox where no app's code ever runs,
// and every build is given it like a layer that its last build kept (buildpacks/README.md). A build
// cannot change it for others: it is an overlay's lower directory.
#pragma once

#include <atomic>
#include <compare>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "builder/build.hpp"
#include "builder/build_context.hpp"
#include "builder/build_record.hpp"
#include "builder/image_store.hpp"
#include "builder/sandbox.hpp"

namespace berth::builder {

/// A name and a version, lower case: such a name is given to bin/runtime and is a file's name.
[[nodiscard]] bool is_runtime_name(std::string_view layer);

struct Runtime {
  RestoredLayer layer;
  std::string seal;  ///< tree_seal.hpp
};

/// On disk a BuildRecord of one layer each, whose change time is its last use.
class Runtimes final {
 public:
  /// Those in `directory` that the buildpacks and base images of `context` made. Of one buildpack
  /// the few that were used last: a build's sandbox mounts all.
  [[nodiscard]] static Runtimes load(const std::filesystem::path& directory,
                                     const BuildContext& context);
  [[nodiscard]] const std::vector<Runtime>& all() const { return all_; }
  [[nodiscard]] bool is_one(const std::string& buildpack, const std::string& layer,
                            const std::string& id) const;
  /// Marks it as used now.
  [[nodiscard]] Result<void> stamp(const std::string& buildpack, const std::string& layer) const;

 private:
  std::filesystem::path directory_;
  std::vector<Runtime> all_;
};

/// Whether it is one of the platform's own buildpacks, and has bin/runtime.
[[nodiscard]] bool makes_runtimes(const Buildpack& buildpack, const BuildRequest& request);

/// Makes it, or makes it anew. Of the request, what is not an app's is used: the work directory,
/// buildpacks, limits, timeout and the machine's settings. Blocking.
[[nodiscard]] Result<void> make_runtime(const BuildRequest& request, const RuntimeName& wanted,
                                        ImageStore& images, SandboxFactory& sandboxes,
                                        const OutputSink& log, const std::atomic<bool>& cancel);

}  // namespace berth::builder
