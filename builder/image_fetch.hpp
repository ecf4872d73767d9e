// SPDX-License-Identifier: Apache-2.0
//
// A buildpackage from a registry that the operator allows (images.registries), copied by skopeo
// into an OCI image layout. The registry's credentials are skopeo's own (containers-auth.json).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

class ImageFetch final {
 public:
  /// `name`: "host/path:tag" or "host/path@sha256:…". A registry that is not in the list is an
  /// error that says what to do.
  [[nodiscard]] static Result<ImageFetch> open(const std::string& name,
                                               const std::vector<std::string>& registries);
  /// What the name's tag means now.
  [[nodiscard]] Result<std::string> resolve() const;
  /// Makes `layout`.
  [[nodiscard]] Result<void> fetch(const std::string& digest,
                                   const std::filesystem::path& layout) const;

 private:
  ImageFetch(std::string name, bool tls) : name_(std::move(name)), tls_(tls) {}
  [[nodiscard]] Result<std::string> skopeo(std::vector<std::string> words) const;
  std::string name_;
  bool tls_;
};

/// "host/path:tag@sha256:…" without tag and digest.
[[nodiscard]] std::string repository_of(const std::string& name);

}  // namespace berth::builder
