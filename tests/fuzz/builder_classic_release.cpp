// SPDX-License-Identifier: Apache-2.0
//
// The output of a classic buildpack's bin/release: types that can be file names, each with a
// command.
#include "builder/classic_release.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto processes = parse_classic_release({reinterpret_cast<const char*>(data), size}, "b");
  if (processes.has_error()) return 0;
  for (const auto& process : *processes)
    BERTH_ASSERT(is_process_type(process.type) && !process.args.at(0).empty());
  return 0;
}
