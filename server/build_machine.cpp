// SPDX-License-Identifier: Apache-2.0
#include "server/build_machine.hpp"

#include <array>
#include <cstdlib>
#include <chrono>
#include <filesystem>

#include "builder/runtimes.hpp"

namespace berth::server {

namespace {

/// Against the 100 of a replica: a build takes what replicas leave.
constexpr std::uint64_t build_weight = 10;

}  // namespace

std::vector<builder::SandboxSpec::Bind> machine_binds() {
  // Where Debian keeps the bundle, on the host and in the stack alike; and Maven's settings, the
  // one place for its mirrors, for which it knows no variable.
  std::vector<builder::SandboxSpec::Bind> result;
  for (const std::filesystem::path file :
       {"/etc/ssl/certs/ca-certificates.crt", "/etc/maven/settings.xml"})
    if (std::filesystem::exists(file))
      result.push_back({.source = file, .target = file.string(), .writable = false});
  return result;
}

std::map<std::string, std::string> machine_environment() {
  constexpr std::array names = {
      "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
      // The variables by which each package manager is pointed at a mirror.
      "npm_config_registry", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "GOPROXY", "GONOSUMDB",
      "GOFLAGS", "CARGO_REGISTRIES_CRATES_IO_PROTOCOL", "MVNW_REPOURL", "MAVEN_ARGS",
      "MAVEN_MIRROR_URL", "BUNDLE_MIRROR__ALL", "HEX_MIRROR", "RUSTUP_DIST_SERVER",
      "UV_PYTHON_INSTALL_MIRROR", "ADOPTIUM_API_URL"};
  std::map<std::string, std::string> result;
  for (const char* name : names)
    if (const char* value = std::getenv(name)) result[name] = value;
  return result;
}

builder::BuildRequest machine_request(const platform::Config& config,
                                      const BuildPrograms& programs) {
  const auto& limits = config.build;
  builder::BuildRequest request{.app = {},
          .build_id = {},
          .source = {},
          .config_vars = {},
          .cache_directory = {},
          .work_directory = config.data_dir / "work",
          .runtimes_directory = config.data_dir / builder::runtimes_folder,
          .buildpacks_directory = programs.buildpacks,
          .registries = config.images.registries,
          .launcher = programs.programs / "berth-launcher",
          .previous_image = {},
          .operator_env = machine_environment(),
          .extra_binds = machine_binds(),
          .limits = {.memory_bytes = limits.memory_bytes,
                     .cpu_milli = limits.cpu_milli,
                     .cpu_weight = build_weight,
                     .pids = limits.pids,
                     .disk_bytes = limits.disk_bytes},
          .timeout = std::chrono::duration_cast<std::chrono::seconds>(limits.timeout)};
  if (limits.upstream_downloads) request.operator_env["BP_UPSTREAM_DOWNLOADS"] = "true";
  return request;
}

}  // namespace berth::server
