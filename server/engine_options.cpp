// SPDX-License-Identifier: Apache-2.0
#include "server/engine_options.hpp"

#include "base/crypto.hpp"

namespace berth::server {

Result<std::filesystem::path> program_path() {
  std::error_code failure;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (failure) return system_error("find the own executable", failure.value());
  return path;
}

runtime::LocalOptions engine_options(const platform::Config& config,
                                     const std::filesystem::path& programs) {
  return {.data_dir = config.data_dir,
          .shim = programs / "berth-shim",
          // Not below the data directory: an app's own root must be able to pass through.
          .stage = "/run/" + config.network.bridge + "-stage",
          .oci_runtime = config.runtime.oci,
          .cgroup = config.runtime.cgroup,
          .network = {.bridge = config.network.bridge,
                      .subnet = config.network.subnet,
                      .subnet6 = config.network.subnet6,
                      // The rules match on port names, so two platforms must not share them.
                      .veth_prefix = "b" + sha256_hex(config.network.bridge).substr(0, 3),
                      .table = config.network.bridge}};
}

}  // namespace berth::server
