// SPDX-License-Identifier: Apache-2.0
//
// Headers of the PROXY protocol: one that is complete is so whatever comes behind it, and is not
// before its last byte.
#include "router/http/proxy_header.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  using namespace berth::router::http;
  using Status = ProxyHeader::Status;
  const std::string_view input(data, size);
  const ProxyHeader header = scan_proxy_header(input);
  if (header.status == Status::incomplete && size >= max_proxy_header_size) std::abort();
  if (header.status != Status::complete) return 0;
  if (header.size == 0 || header.size > size || header.size > max_proxy_header_size) std::abort();
  const ProxyHeader alone = scan_proxy_header(input.substr(0, header.size));
  if (alone.status != Status::complete || alone.size != header.size ||
      alone.source != header.source)
    std::abort();
  for (std::size_t part = 0; part < header.size; ++part)
    if (scan_proxy_header(input.substr(0, part)).status != Status::incomplete) std::abort();
  return 0;
}
