// SPDX-License-Identifier: Apache-2.0
//
// A program's output in the build log: every line after seven spaces, as it comes.
#pragma once

#include <string>
#include <string_view>

#include "builder/sandbox.hpp"

namespace berth::builder {

class IndentedOutput final {
 public:
  explicit IndentedOutput(const OutputSink& sink) : sink_(sink) {}

  void write(std::string_view text) {
    std::string result;
    for (const char c : text) {
      if (at_start_ && c != '\n') result += "       ";
      at_start_ = c == '\n' || c == '\r';  // progress is told over and over on one line
      result += c;
    }
    if (!result.empty()) sink_(result);
  }

  /// A last line without an end gets one.
  void finish() {
    if (!at_start_) sink_("\n");
    at_start_ = true;
  }

 private:
  const OutputSink& sink_;
  bool at_start_ = true;
};

}  // namespace berth::builder
