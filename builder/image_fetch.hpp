// SPDX-License-Identifier: Apache-2.0
//
// A buildpackage from a registry that the operator allows (images.registries), copied by skopeo
// into an OCI image layout. The registry's credentials are skopeo's own (containers-auth.json).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/build_context.hpp"

namespace berth::builder {

class ImageFetch final {
 public:
  /// `name`: "host/path:tag" or "host/path@sha256:…". A registry that is not in the list is an
  /// error that says what to do.
  /// The context outlives it: its registries count, and it may end a fetch.
  [[nodiscard]] static Result<ImageFetch> open(const BuildContext& context,
                                               const std::string& name);
  /// What the name's tag means now.
  [[nodiscard]] Result<std::string> resolve() const;
  /// Makes `layout`.
  [[nodiscard]] Result<void> fetch(const std::string& digest,
                                   const std::filesystem::path& layout) const;

 private:
  ImageFetch(const BuildContext& context, std::string name, bool tls)
      : context_(context), name_(std::move(name)), tls_(tls) {}
  [[nodiscard]] Result<std::string> skopeo(std::vector<std::string> words) const;
  const BuildContext& context_;
  std::string name_;
  bool tls_;
};

/// "host/path:tag@sha256:…" without tag and digest.
[[nodiscard]] std::string repository_of(const std::string& name);

}  // namespace berth::builder
