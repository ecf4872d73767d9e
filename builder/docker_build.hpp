// SPDX-License-Identifier: Apache-2.0
//
// One Dockerfile becomes an image: its stages in order, those that the wanted one needs. Each RUN
// is a program in a sandbox of its own whose upper directory is kept as the layer; COPY and ADD are
// directories put together outside. What an earlier build made of the same is used again.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/build_context.hpp"
#include "builder/docker_cache.hpp"
#include "builder/docker_choice.hpp"
#include "builder/docker_copy.hpp"
#include "builder/docker_mount.hpp"
#include "builder/docker_state.hpp"
#include "builder/dockerfile.hpp"

namespace berth::builder {

/// The pushed directory.
struct DockerSource {
  std::filesystem::path tree;
  std::map<std::string, std::string> ids;  ///< read_source_list()
};

struct DockerImage {
  Image image;                  ///< its layers are in the store; it is not added yet
  std::size_t base_layers = 0;  ///< of them, those of the base image
};

class DockerBuild final {
 public:
  /// `scratch`: a directory of its own, on the image store's file system.
  DockerBuild(const BuildContext& context, const DockerSource& source, DockerTarget target,
              std::map<std::string, std::string> arguments, DockerCache& cache,
              std::filesystem::path scratch);
  [[nodiscard]] Result<DockerImage> run();

 private:
  struct Stage {
    std::optional<DockerState> state;  ///< once it is built
    std::size_t base_layers = 0;
    bool exported = false;             ///< its layers become the image's
    std::size_t steps = 0;
    std::size_t step = 0;
  };
  /// A RUN's sandbox, put together.
  struct Prepared {
    SandboxSpec spec;
    SandboxCommand command;
    std::vector<std::string> key;  ///< what of the mounts decides the result
  };

  [[nodiscard]] Result<std::string> read(const std::string& path) const;
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<std::string> base_name(std::size_t index) const;
  [[nodiscard]] Result<void> mark_exported(std::size_t index);
  [[nodiscard]] Result<void> ensure(std::size_t index);
  [[nodiscard]] Result<void> ensure_named(std::size_t index, const std::string& name);
  [[nodiscard]] Result<Image> base_image(std::size_t index);
  [[nodiscard]] Result<Image> resolve(const Instruction& at, const std::string& name);
  [[nodiscard]] Result<void> execute(std::size_t index, DockerState& state,
                                     const Instruction& instruction);

  // Each makes at most one layer.
  [[nodiscard]] Result<void> run_step(std::size_t index, DockerState& state,
                                      const Instruction& run);
  [[nodiscard]] Result<void> copy_step(std::size_t index, DockerState& state,
                                       const Instruction& copy);
  [[nodiscard]] Result<void> workdir_step(std::size_t index, DockerState& state,
                                          const Instruction& workdir);
  /// True if an earlier build made the layer of this key; it is the state's then.
  [[nodiscard]] Result<bool> reuse(std::size_t index, DockerState& state, const Instruction& at,
                                   const std::string& key);
  [[nodiscard]] Result<void> add_layer(std::size_t index, DockerState& state,
                                       const Instruction& at, const std::string& key,
                                       const std::filesystem::path& upper);

  [[nodiscard]] Result<void> prepare_mounts(std::size_t index, const DockerState& state,
                                            const Instruction& run, const RootView& root,
                                            Prepared& prepared);
  [[nodiscard]] Result<void> mount_cache(const DockerMount& mount, const std::string& target,
                                         Prepared& prepared);
  [[nodiscard]] Result<void> mount_secret(const DockerMount& mount, const std::string& target,
                                          Prepared& prepared);
  [[nodiscard]] Result<void> mount_files(std::size_t index, const DockerMount& mount,
                                         const Instruction& run, const std::string& target,
                                         Prepared& prepared);
  [[nodiscard]] Result<void> start(const Instruction& run,
                                   const std::vector<std::filesystem::path>& layers,
                                   Prepared& prepared) const;
  [[nodiscard]] Result<void> lend(const RootView& root, Prepared& prepared) const;

  struct Origin {
    CopyOrigin files;
    std::string identity;  ///< of another stage's or image's content; empty: the pushed directory
  };
  [[nodiscard]] Result<Origin> origin(std::size_t index, const Instruction& at,
                                      const std::string& from);
  [[nodiscard]] std::string fingerprint(const Origin& origin,
                                        const std::vector<CopySource>& sources) const;

  [[nodiscard]] Result<std::vector<std::filesystem::path>> directories(const Image& image) const;
  [[nodiscard]] Result<std::filesystem::path> fresh_directory();
  [[nodiscard]] Error fail(const Instruction& at, const Error& error) const;
  void announce(std::size_t index, const Instruction& at, bool cached);

  const BuildContext& context_;
  const DockerSource& source_;
  const DockerTarget target_;
  DockerArguments arguments_;
  DockerCache& cache_;
  std::filesystem::path scratch_;
  int directories_ = 0;
  Dockerfile file_;
  DockerIgnore ignore_;
  std::vector<Stage> stages_;
  std::map<std::string, Image> bases_;
};

}  // namespace berth::builder
