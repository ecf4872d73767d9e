// SPDX-License-Identifier: Apache-2.0
//
// Whatever frames a replica sends: their text fits where it is copied to, and begins with a head.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "router/http/response_head.hpp"
#include "router/http2/origin.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::router;
  const auto origin = Http2Origin::create();
  std::string frames;
  if (!origin->send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n") ||
      !origin->take_frames(frames, 1 << 20))
    std::abort();
  std::string_view input(reinterpret_cast<const char*>(data), size);
  bool begun = false;
  while (!input.empty()) {
    const std::string_view part = input.substr(0, 32 * 1024);
    input.remove_prefix(part.size());
    std::string answer;
    const bool valid = origin->receive(part, answer) && origin->take_frames(frames, 1 << 20);
    if (answer.size() > 80 * 1024) std::abort();
    http::ResponseHead head;
    if (!begun && !answer.empty() &&
        http::scan_response(answer, head).status == http::ScanStatus::incomplete)
      std::abort();
    begun = begun || !answer.empty();
    if (!valid || origin->is_over()) break;
  }
  return 0;
}
