// SPDX-License-Identifier: Apache-2.0
//
// A chunked body ends at the same byte whole and cut in two, followed and decoded.
#include <cstdlib>
#include <string>

#include "router/http/chunked.hpp"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  using berth::router::http::ChunkedBody;
  if (size == 0) return 0;
  ChunkedBody whole, cut, decoded;
  const std::size_t at = static_cast<unsigned char>(data[0]) % size;
  const auto expected = whole.follow(data, size);
  auto step = cut.follow(data, at);
  if (step.status == ChunkedBody::Status::more) {
    step = cut.follow(data + at, size - at);
    step.consumed += at;
  }
  std::string copy(data, size);
  const auto plain = decoded.decode(copy.data(), size);
  if (step.status != expected.status || step.consumed != expected.consumed) std::abort();
  if (plain.status != expected.status || plain.consumed != expected.consumed) std::abort();
  if (plain.payload > plain.consumed || expected.consumed > size) std::abort();
  return 0;
}
