// SPDX-License-Identifier: Apache-2.0
//
// The directories of one build and the sandbox over them: the app as an overlay over the kept
// source, the layers as an overlay over the restored ones. What the build changes lands in two
// upper directories and nowhere else.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "builder/build_context.hpp"
#include "builder/build_record.hpp"
#include "builder/cancel_watch.hpp"
#include "builder/merged_tree.hpp"

namespace berth::builder {

class Workspace final {
 public:
  /// Empties and makes `request.work_directory`; `source` is the exported tree.
  [[nodiscard]] static Result<Workspace> create(const BuildContext& context,
                                                std::filesystem::path source);
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) = delete;
  ~Workspace();  ///< closes the sandbox, puts the directory away

  /// Opens the sandbox with these layers, stores and bills of materials given back. A second call
  /// starts again from nothing with others.
  [[nodiscard]] Result<void> open_sandbox(const BuildContext& context, const Restored& restored);
  [[nodiscard]] Sandbox& sandbox() { return *sandbox_; }
  /// Ends what still runs; after it the trees may be taken apart.
  void close_sandbox();

  [[nodiscard]] MergedTree layers() const { return {root_ / "layers/upper", lowers_}; }
  [[nodiscard]] MergedTree app() const { return {root_ / "app/upper", {source_}}; }
  [[nodiscard]] MergedTree plans() const { return {root_ / "plans", {}}; }
  /// Whose content is mounted: (buildpack, layer) → id.
  [[nodiscard]] const std::map<std::pair<std::string, std::string>, std::string>& restored() const {
    return restored_;
  }

  /// A plan file that bin/detect may write, made before anything runs; its path inside.
  [[nodiscard]] static std::string plan_name(std::size_t number);
  /// A file that bin/build reads; its path inside.
  [[nodiscard]] Result<std::string> write_input(const std::string& name, std::string_view content);
  /// A new empty directory for a layer that is being put together: the image's root.
  [[nodiscard]] Result<std::filesystem::path> staging();
  /// A layer as the build left it, in such a directory: moved or hard-linked, not copied. The
  /// sandbox is closed.
  [[nodiscard]] Result<std::filesystem::path> gather(const Buildpack& buildpack,
                                                     const std::string& layer);

 private:
  Workspace(std::filesystem::path root, std::filesystem::path source, ImageStore& images);
  static void bind_buildpack(const Buildpack& buildpack, SandboxSpec& spec);
  [[nodiscard]] Result<void> write_restored(const BuildContext& context, const Restored& restored);

  ImageStore* images_;
  std::filesystem::path root_;
  std::filesystem::path source_;
  std::vector<std::filesystem::path> lowers_;
  std::map<std::pair<std::string, std::string>, std::string> restored_;
  std::unique_ptr<Sandbox> sandbox_;
  std::unique_ptr<CancelWatch> watch_;
  std::size_t stagings_ = 0;
};

/// mkdir for the build user: 0755, owned by it.
[[nodiscard]] Result<void> make_build_directory(const std::filesystem::path& path);

}  // namespace berth::builder
