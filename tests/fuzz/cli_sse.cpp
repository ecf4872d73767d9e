// SPDX-License-Identifier: Apache-2.0
//
// The event stream of logs: cut anywhere, the events are the same, and a log line that is painted
// for a terminal drives nothing there.
#include "base/result.hpp"
#include "cli/format.hpp"
#include "cli/sse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string whole, pieces;
  berth::cli::SseParser one, many;
  one.feed(bytes, [&](const auto& event) { whole += event.type + '\n' + event.data + '\0'; });
  for (const char& byte : bytes)
    many.feed({&byte, 1},
              [&](const auto& event) { pieces += event.type + '\n' + event.data + '\0'; });
  BERTH_ASSERT(whole == pieces && one.last_event_id() == many.last_event_id());
  for (const std::string safe = berth::cli::printable_log(whole); const char byte : safe)
    BERTH_ASSERT(byte != '\r' && byte != '\n' && byte != '\a');
  return 0;
}
