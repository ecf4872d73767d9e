// SPDX-License-Identifier: Apache-2.0
#include "builder/unsynced.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/file.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

Result<std::string> this_boot() { return read_file("/proc/sys/kernel/random/boot_id", 64); }

Result<std::vector<std::string>> noted(const fs::path& root) {
  BERTH_ASSIGN(const Fd folder, open_file(root / unsynced_folder, O_RDONLY | O_DIRECTORY));
  return names_in(folder.get());
}

}  // namespace

Result<void> note_unsynced(const fs::path& root, std::string_view name) {
  BERTH_ASSIGN(const std::string boot, this_boot());
  return write_file(root / unsynced_folder / name, boot);
}

Result<void> sync_layers(const fs::path& root) {
  BERTH_ASSIGN(const std::vector<std::string> names, noted(root));
  if (names.empty()) return {};
  BERTH_ASSIGN(const Fd layers, open_file(root / "layers", O_RDONLY | O_DIRECTORY));
  if (::syncfs(layers.get()) != 0) return system_error("write the layers to the disk");
  for (const std::string& name : names) ::unlink((root / unsynced_folder / name).c_str());
  return {};
}

Result<std::vector<std::string>> lost_layers(const fs::path& root) {
  BERTH_ASSIGN(const std::string boot, this_boot());
  BERTH_ASSIGN(const std::vector<std::string> names, noted(root));
  std::vector<std::string> result;
  for (const std::string& name : names) {
    // Empty, if the power failed at once.
    const auto text = read_file(root / unsynced_folder / name, 64);
    if (text.has_error() || *text != boot) result.push_back(name);
  }
  return result;
}

}  // namespace berth::builder
