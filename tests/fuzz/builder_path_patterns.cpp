// SPDX-License-Identifier: Apache-2.0
//
// Patterns of include, exclude and .slugignore: the first line is a path, the rest are patterns. A
// path is out with its directory.
#include "base/result.hpp"
#include "builder/path_patterns.hpp"

using namespace berth::builder;

void berth::assertion_failed(const char*, const char*, int) { __builtin_trap(); }

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  auto lines = lines_of({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4096)});
  if (lines.empty()) return 0;
  const std::string path = lines.front();
  lines.erase(lines.begin());
  const PathFilter filter{PathPatterns::parse(lines),
                          PathPatterns::parse(lines, PathPatterns::Negation::none)};
  if (filter.exclude.match(path, true)) BERTH_ASSERT(filter.exclude.match(path + "/x", false));
  static_cast<void>(filter.keeps(path, false));
  return 0;
}
