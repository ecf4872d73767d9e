// SPDX-License-Identifier: Apache-2.0
//
// Lines of .buildpacks: what was accepted stays in the app, holds no option for git and no password
// where it is shown.
#include "builder/buildpack_source.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& line : parse_buildpacks_file(text))
    for (const auto& source : {parse_buildpack_source(line), parse_buildpack_uri(line)}) {
      if (source.has_error()) continue;
      BERTH_ASSERT(!source->name.empty());
      if (source->kind == BuildpackSource::Kind::app)
        BERTH_ASSERT(source->name[0] != '/' &&
                     ("/" + source->name + "/").find("/../") == std::string::npos);
      if (source->kind == BuildpackSource::Kind::git)
        BERTH_ASSERT(source->name[0] != '-' && !source->reference.starts_with('-'));
      static_cast<void>(source->shown());
    }
  return 0;
}
