// SPDX-License-Identifier: Apache-2.0
//
// What could stand at the end of a command line. Pure but for the names, which the caller looks up.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"

namespace berth::cli {

struct Candidate {
  std::string text;
  std::string description = {};
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// Names of a kind that only the platform or a file knows; `app` is what -a says so far.
using NameSource = std::function<std::vector<std::string>(Names, const std::string& app)>;

/// `words` are those after "berth"; the last one, perhaps empty, is being written.
[[nodiscard]] std::vector<Candidate> complete(const std::vector<std::string>& words,
                                              const NameSource& names);

}  // namespace berth::cli
