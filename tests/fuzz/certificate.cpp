// SPDX-License-Identifier: Apache-2.0
//
// Chain and key as a user uploads them, with a zero byte between: refused with a reason, or good.
#include "base/certificate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  const std::string_view input(data, size);
  const std::size_t middle = std::min(input.find('\0'), size);
  const auto parsed = berth::ServerCertificate::parse(
      {.chain = std::string(input.substr(0, middle)),
       .key = std::string(input.substr(std::min(middle + 1, size)))});
  if (parsed.has_error()) {
    BERTH_ASSERT(!parsed.error().message.empty());
    return 0;
  }
  BERTH_ASSERT(!parsed->names().empty() && parsed->covers(parsed->names().front()));
  static_cast<void>(parsed->check_time(berth::Time{}));
  return 0;
}
