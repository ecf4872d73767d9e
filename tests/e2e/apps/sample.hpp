// SPDX-License-Identifier: Apache-2.0
//
// What a sample of tests/apps is expected to do, from its app.expect.json; tests/apps/README.md
// says what the keys mean.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::test {

struct Sample {
  std::string name;
  std::string path = "/";
  int status = 200;  ///< 0: nothing answers
  std::string contains;
  std::string equals;
  std::string logs;
  std::string detects;
  std::vector<std::string> processes;
  std::map<std::string, std::string> env;
  std::string fails;
  std::string says;
  std::string upstream;  ///< what the push says where a project's own site is not reached
  bool network = false;
  bool quick = false;
  bool small_limits = false;
};

/// Unknown keys, and a sample that says neither what answers nor what fails, are errors.
[[nodiscard]] Result<Sample> read_sample(const std::filesystem::path& directory);

}  // namespace berth::test
