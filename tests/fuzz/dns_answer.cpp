// SPDX-License-Identifier: Apache-2.0
#include "base/dns.hpp"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  const auto texts = berth::txt_records_in({data, size});
  if (texts.has_value())
    for (const std::string& text : *texts) BERTH_ASSERT(text.size() <= size);
  return 0;
}
