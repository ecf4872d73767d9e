// SPDX-License-Identifier: Apache-2.0
//
// Names and contents of an env directory, separated by zero bytes: no variable gets a name that an
// environment cannot hold.
#include <cstdlib>
#include <string_view>

#include "builder/environment.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<EnvFile> files;
  const auto next = [&] {
    const std::string part(text.substr(0, text.find('\0')));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
  };
  while (!text.empty() && files.size() < 50) {
    std::string name = next();
    files.push_back({std::move(name), next()});
  }
  Environment environment{{"PATH", "/bin"}};
  apply_env_files(environment, files);
  apply_env_files(environment, files, BareEnvFile::is_default);
  for (const auto& [name, value] : environment)
    if (!is_variable_name(name)) std::abort();
  return 0;
}
