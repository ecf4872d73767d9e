// SPDX-License-Identifier: Apache-2.0
//
// Patterns as in a .gitignore (gitignore(5)): which files of a push are left out of the build
// (specs/cnb.md 1.13: project.toml's include and exclude; 2.1: .slugignore). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::builder {

class PathPatterns final {
 public:
  enum class Negation { allowed, none };  ///< none: a line with '!' is left out (.slugignore)

  /// Blank lines and comments are left out, so any list of lines may come in.
  [[nodiscard]] static PathPatterns parse(const std::vector<std::string>& lines,
                                          Negation negation = Negation::allowed);

  /// `path` has no leading slash. The last pattern that fits decides; what is in a directory that
  /// matches, matches.
  [[nodiscard]] bool match(std::string_view path, bool is_directory) const;
  [[nodiscard]] bool empty() const { return patterns_.empty(); }

 private:
  struct Pattern {
    std::string text;
    bool negated = false;
    bool directories_only = false;
    bool anchored = false;  ///< else it may stand at any depth
  };
  [[nodiscard]] bool match_one(std::string_view path, bool is_directory) const;
  std::vector<Pattern> patterns_;
};

/// '*' and '?' stop at '/', "**" between slashes does not; [a-z], [!a-z] and '\' as in a shell.
[[nodiscard]] bool wild_match(std::string_view pattern, std::string_view path);

/// The lines of a file of patterns.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

/// Which files of a push reach the build.
struct PathFilter {
  PathPatterns include;  ///< empty: every file
  PathPatterns exclude;
  [[nodiscard]] bool keeps(std::string_view path, bool is_directory) const {
    return (include.empty() || include.match(path, is_directory)) &&
           !exclude.match(path, is_directory);
  }
  [[nodiscard]] bool empty() const { return include.empty() && exclude.empty(); }
};

}  // namespace berth::builder
