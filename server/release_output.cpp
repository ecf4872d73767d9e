// SPDX-License-Identifier: Apache-2.0
#include "server/release_output.hpp"

#include <deque>
#include <limits>
#include <utility>

namespace berth::server {

ReleaseOutput::ReleaseOutput(const std::filesystem::path& log_directory, std::string process)
    : reader_(log_directory, {.process = std::move(process), .source = "app"}) {
  // To its end, which is behind a line that is being written.
  auto there = reader_.step_back(0);
  while (there.has_value() && !*there) there = reader_.step_back(0);
}

std::string ReleaseOutput::take() {
  return take_last(std::numeric_limits<std::size_t>::max());
}

std::string ReleaseOutput::take_last(std::size_t count) {
  std::deque<std::string> lines;
  for (bool at_end = false; !at_end;) {
    const auto batch = reader_.next();
    if (batch.has_error()) break;
    for (const api::LogLine& line : batch->lines) {
      const auto begin = line.text.find("]: ");
      if (begin == std::string::npos) continue;
      lines.push_back("       " + line.text.substr(begin + 3) + "\n");
      if (lines.size() > count) lines.pop_front();
    }
    at_end = batch->at_end;
  }
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

}  // namespace berth::server
