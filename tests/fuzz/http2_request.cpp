// SPDX-License-Identifier: Apache-2.0
//
// Whatever fields a request of HTTP/2 has: the head that is made of them is refused, or it is read
// as one head, framed as meant, with no line that was not a field.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "router/http/request_head.hpp"
#include "router/http2/request_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::router;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  http2::RequestText text;
  std::size_t fields = 0;
  const auto next = [&input](char end) {
    const std::string_view part = input.substr(0, input.find(end));
    input.remove_prefix(std::min(input.size(), part.size() + 1));
    return part;
  };
  for (; !input.empty(); ++fields) {
    const std::string_view name = next('\xff');
    text.add(name, next('\xff'));
  }
  if (text.finish().status != http::ScanStatus::complete) return 0;
  using enum http2::RequestText::Framing;
  for (const auto framing : {none, chunked, length}) {
    static char out[http2::RequestText::max_written];
    const std::size_t written = text.write(framing, 77, "0123456789abcdef012345==", out);
    http::RequestHead head;
    if (http::scan_request({out, written}, head).status != http::ScanStatus::complete) continue;
    const bool by_chunks = framing == chunked && !text.has_length() && !text.is_tunnel();
    if (head.size != written || head.framing.chunked != by_chunks ||
        head.fields.count > fields + 4 || head.upgrade.empty() != !text.is_tunnel())
      std::abort();
  }
  return 0;
}
