// SPDX-License-Identifier: Apache-2.0
//
// The images that people brought: by name in the image store, for Dockerfiles and for deploys, and
// from the registries that the operator configured (through skopeo). Blocking; from any thread.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "builder/image_import.hpp"
#include "builder/image_store.hpp"
#include "platform/config.hpp"

namespace berth::server {

struct LibraryImage {
  std::string name;
  builder::Image image;
};

class ImageLibrary final {
 public:
  ImageLibrary(builder::ImageStore& images, const platform::Config& config)
      : images_(images), config_(config) {}

  /// Without a name it is the one under which the archive was saved.
  [[nodiscard]] Result<LibraryImage> import(const std::filesystem::path& archive,
                                            const std::string& name) const;
  [[nodiscard]] Result<std::vector<LibraryImage>> list() const;
  [[nodiscard]] Result<LibraryImage> remove(const std::string& name) const;
  /// By its name here, else from a configured registry. The error says what to do. Whoever sets
  /// `cancel` ends the fetch, and so does build.timeout.
  [[nodiscard]] Result<builder::Image> resolve(const std::string& reference,
                                               const std::atomic<bool>& cancel) const;
  [[nodiscard]] builder::ImageImportLimits limits() const;
  /// A scratch directory that is not there yet.
  [[nodiscard]] std::filesystem::path work() const;

 private:
  struct Remote {
    bool plain = false;  ///< without TLS
    std::string source;  ///< "registry.example/team/app:1"
  };
  /// From the registry, unless what it has is here from an earlier fetch.
  [[nodiscard]] Result<builder::Image> fetch(const Remote& remote,
                                             const std::atomic<bool>& cancel) const;
  [[nodiscard]] Result<builder::Image> copy(const Remote& remote,
                                            const std::atomic<bool>& cancel) const;
  /// What it printed.
  [[nodiscard]] Result<std::string> skopeo(std::vector<std::string> arguments,
                                           const Remote& remote,
                                           const std::atomic<bool>& cancel) const;
  builder::ImageStore& images_;
  const platform::Config& config_;
};

}  // namespace berth::server
