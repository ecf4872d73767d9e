// SPDX-License-Identifier: Apache-2.0
//
// Where a buildpack comes from, as people write it: "acme/lang@1.2.0" (installed), "./buildpack"
// (in the app), "own.cnb" (a buildpackage in the app), "https://host/repo.git#v2" (git),
// "docker://host/image:tag" (a buildpackage in a registry). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

struct BuildpackSource {
  enum class Kind {
    installed,  ///< `name` is an id, `reference` a version or empty
    app,        ///< `name` is a path in the app: a directory or a buildpackage file
    git,        ///< `name` is a URL, `reference` a branch, tag or commit, or empty for its HEAD
    image,      ///< `name` is an image's name with its registry
  } kind = Kind::installed;
  std::string name;
  std::string reference = {};
  friend bool operator==(const BuildpackSource&, const BuildpackSource&) = default;

  /// For logs: without a user name or password that the URL holds.
  [[nodiscard]] std::string shown() const;
};

/// The error says what is wrong and which forms there are.
[[nodiscard]] Result<BuildpackSource> parse_buildpack_source(std::string_view text);
/// A uri of project.toml: without a scheme it is a path in the app.
[[nodiscard]] Result<BuildpackSource> parse_buildpack_uri(std::string_view text);

/// The file .buildpacks: one a line, '#' at a line's start comments, blank lines are left out.
[[nodiscard]] std::vector<std::string> parse_buildpacks_file(std::string_view text);

/// "https://user:secret@host/x" → "https://host/x"
[[nodiscard]] std::string without_credentials(std::string_view url);

}  // namespace berth::builder
