// SPDX-License-Identifier: Apache-2.0
//
// The repository's own text files, for tests that read them.
#pragma once

#include <string>
#include <vector>

namespace berth::tidiness {

struct Source {
  std::string path;  ///< from the root of the repository
  std::vector<std::string> lines;

  [[nodiscard]] std::string folder() const { return path.substr(0, path.find('/')); }
  [[nodiscard]] bool is_cpp() const { return path.ends_with(".cpp") || path.ends_with(".hpp"); }
};

/// All of them, without build trees, installed packages and what git keeps; by path.
[[nodiscard]] const std::vector<Source>& sources();

}  // namespace berth::tidiness
