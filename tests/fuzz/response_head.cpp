// SPDX-License-Identifier: Apache-2.0
//
// A response head that scans is rewritten within its bound, and what comes out scans again.
#include <string>

#include "base/result.hpp"
#include "router/http/rewrite.hpp"

void berth::assertion_failed(const char*, const char*, int) { __builtin_trap(); }

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  namespace http = berth::router::http;
  http::ResponseHead head, again;
  if (http::scan_response({data, size}, head).status != http::ScanStatus::complete) return 0;
  std::string out(http::rewritten_response_bound(head.size), '\0');
  const std::size_t written = http::rewrite_response(head, {}, out.data());
  BERTH_ASSERT(head.size <= size && written <= out.size());
  if (written > http::max_head_size || head.fields.count > 120) return 0;
  BERTH_ASSERT(http::scan_response({out.data(), written}, again).status ==
               http::ScanStatus::complete);
  BERTH_ASSERT(again.status == head.status && again.size == written);
  return 0;
}
