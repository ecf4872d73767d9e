// SPDX-License-Identifier: Apache-2.0
//
// .dockerignore: which files of the pushed directory a Dockerfile may copy. Docker's own rules,
// which are not git's: every pattern begins at the top, the last that fits decides, "!" brings
// back, even from a directory that is left out. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::builder {

class DockerIgnore final {
 public:
  [[nodiscard]] static DockerIgnore parse(std::string_view text);

  /// `path` has no leading slash.
  [[nodiscard]] bool ignores(std::string_view path) const;
  [[nodiscard]] bool empty() const { return patterns_.empty(); }

 private:
  struct Pattern {
    std::string text;
    bool negated = false;
  };
  std::vector<Pattern> patterns_;
};

/// "a//b/./c/../d" is "a/b/d", as Go's path.Clean: relative, "." for nothing, ".." kept in front.
[[nodiscard]] std::string clean_path(std::string_view path);

}  // namespace berth::builder
