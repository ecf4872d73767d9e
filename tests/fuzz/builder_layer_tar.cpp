// SPDX-License-Identifier: Apache-2.0
//
// Layer tars: whatever the entries are called and linked to, nothing appears beside the root.
#include <unistd.h>

#include "base/file.hpp"
#include "builder/layer_unpack.hpp"

using namespace berth;
namespace fs = std::filesystem;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-fuzz-");
  const fs::path tar = directory.path() / "tar";
  const fs::path root = directory.path() / "a/b/root";
  fs::remove_all(directory.path() / "a");
  fs::create_directories(root);
  BERTH_ASSERT(write_file(tar, {reinterpret_cast<const char*>(data), size}).has_value());
  static_cast<void>(builder::unpack_layer(tar, root, {.bytes = 1 << 20, .entries = 1000}));
  std::size_t beside = 0;
  for (const auto& at : {directory.path(), directory.path() / "a", directory.path() / "a/b"})
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(at)) ++beside;
  BERTH_ASSERT(beside == 4);  // tar, a; b; root
  return 0;
}
