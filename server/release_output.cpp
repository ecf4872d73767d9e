// SPDX-License-Identifier: Apache-2.0
#include "server/release_output.hpp"

#include "platform/process_type.hpp"

namespace berth::server {

ReleaseOutput::ReleaseOutput(const std::filesystem::path& log_directory)
    : reader_(log_directory, {.process = std::string(platform::release_process), .source = "app"}) {
  // To its end, which is behind a line that is being written.
  auto there = reader_.step_back(0);
  while (there.has_value() && !*there) there = reader_.step_back(0);
}

std::string ReleaseOutput::take() {
  std::string text;
  for (bool at_end = false; !at_end;) {
    const auto batch = reader_.next();
    if (batch.has_error()) break;
    for (const api::LogLine& line : batch->lines)
      if (const auto begin = line.text.find("]: "); begin != std::string::npos)
        text += "       " + line.text.substr(begin + 3) + "\n";
    at_end = batch->at_end;
  }
  return text;
}

}  // namespace berth::server
