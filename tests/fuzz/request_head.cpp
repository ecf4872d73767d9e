// SPDX-License-Identifier: Apache-2.0
//
// A head that scans is rewritten within its bound, and what comes out scans to the same request.
#include <string>

#include "base/result.hpp"
#include "router/http/rewrite.hpp"

void berth::assertion_failed(const char*, const char*, int) { __builtin_trap(); }

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  namespace http = berth::router::http;
  http::RequestHead head, again;
  if (http::scan_request({data, size}, head).status != http::ScanStatus::complete) return 0;
  std::string out(http::rewritten_request_bound(head.size), '\0');
  const auto result = http::rewrite_request(
      head, {"192.0.2.1", "http", "80", "0123456789abcdef0123", 1}, out.data());
  BERTH_ASSERT(head.size <= size && result.size <= out.size());
  if (head.minor_version == 0 || result.size > http::max_head_size || head.fields.count > 110)
    return 0;
  const auto scan = http::scan_request({out.data(), result.size}, again);
  BERTH_ASSERT(scan.status == http::ScanStatus::complete && again.size == result.size);
  BERTH_ASSERT(again.method == head.method && again.target == head.target &&
               again.host == head.host);
  BERTH_ASSERT(again.framing.length == head.framing.length &&
               again.framing.chunked == head.framing.chunked);
  return 0;
}
