// SPDX-License-Identifier: Apache-2.0
//
// Whole builds in tests: buildpacks written as a few lines of shell, an app pushed into a real git
// repository, a tiny root file system, the chroot sandbox.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "builder/build.hpp"
#include "builder/image_store.hpp"
#include "tests/support/chroot_sandbox.hpp"
#include "tests/support/git_repository.hpp"

namespace berth::test {

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct MockBuildpack {
  std::string id;
  std::string detect = "exit 0";  ///< shell; $PLAN is the plan file
  std::string build = "exit 0";   ///< shell; $L is the layers directory, $1 too
  std::string version = "1.0.0";
  std::string api = "0.10";
  std::string toml = {};            ///< further lines of buildpack.toml
  std::string runtime = {};  ///< shell of bin/runtime; $L as above, $1 is the layer's name
  std::string buildpack_toml = {};  ///< further lines of its [buildpack]
};

class BuildFixture {
 public:
  BuildFixture();

  void install(const MockBuildpack& buildpack);
  void install_composite(const std::string& id, const std::string& order);
  /// "a,b?;c": groups by ';', members by ',', '?' for optional.
  void order(const std::string& groups);
  void push(const GitFiles& files);

  /// Builds the last push with `request`; the log is in `log`.
  Result<builder::BuiltImage> build();
  /// The same, which must succeed.
  builder::BuiltImage must_build();
  /// A runtime for the builds of all apps.
  Result<void> make_runtime(const builder::RuntimeName& name);

  /// A file of an image, as a container would see it; "(none)" if there is none.
  std::string file(const builder::Image& image, const std::string& path) const;
  std::string label(const builder::Image& image, const std::string& name) const;
  [[nodiscard]] std::filesystem::path root() const { return directory_.path(); }

 private:
  static const std::filesystem::path& base_tar();
  TempDir directory_;
  GitRepository repository_;
  int builds_ = 0;

 public:
  builder::ImageStore images;
  ChrootSandboxFactory sandboxes;
  builder::SandboxFactory* factory = &sandboxes;
  builder::BuildRequest request;
  std::atomic<bool> cancel = false;
  std::string log;
};

}  // namespace berth::test
