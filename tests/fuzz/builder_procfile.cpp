// SPDX-License-Identifier: Apache-2.0
//
// Procfile: entries with a valid type and a command, or an error that names a line.
#include "builder/procfile.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto entries = berth::builder::parse_procfile({reinterpret_cast<const char*>(data), size});
  if (entries.has_error()) {
    BERTH_ASSERT(entries.error().message.starts_with("Procfile, line "));
    return 0;
  }
  for (const auto& entry : *entries) BERTH_ASSERT(!entry.type.empty() && !entry.command.empty());
  return 0;
}
