// SPDX-License-Identifier: Apache-2.0
#include "builder/launcher/shell_script.hpp"

namespace berth::launcher {

namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace

std::string launch_script(const std::vector<std::string>& profiles,
                          const std::string& working_directory, std::size_t argument_count) {
  std::string script;
  for (const auto& profile : profiles) script += "source " + quoted(profile) + "\n";
  script += "cd " + quoted(working_directory) + " || exit 82\n";
  if (argument_count == 0) return script + "exec bash -c \"$@\"";
  // A second bash, so that a word's expansion sees what the profiles exported and nothing of ours.
  std::string words = "exec";
  for (std::size_t i = 0; i <= argument_count; ++i)
    words += " \"$(eval echo \\\"${" + std::to_string(i) + "}\\\")\"";
  return script + "exec bash -c " + quoted(words) + " \"$@\"";
}

}  // namespace berth::launcher
