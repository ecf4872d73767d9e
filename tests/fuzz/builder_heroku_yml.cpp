// SPDX-License-Identifier: Apache-2.0
//
// heroku.yml: images and commands that are there, or an error that names the file.
#include "builder/heroku_yml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto parsed = berth::builder::parse_heroku_yml({reinterpret_cast<const char*>(data), size});
  if (parsed.has_error()) {
    BERTH_ASSERT(parsed.error().message.starts_with("heroku.yml, line "));
    return 0;
  }
  for (const auto& [type, image] : parsed->docker)
    BERTH_ASSERT(!image.dockerfile.empty() && !image.dockerfile.starts_with("..") &&
                 !image.dockerfile.starts_with('/'));
  return 0;
}
