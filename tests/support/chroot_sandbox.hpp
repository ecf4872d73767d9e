// SPDX-License-Identifier: Apache-2.0
//
// A simple builder::SandboxFactory for tests: a mount and a pid namespace, overlay mounts, chroot
// and an unprivileged user; no limits but time, the host's network. Needs root. The real one is the
// local engine's.
#pragma once

#include <filesystem>
#include <string>

#include "builder/sandbox.hpp"

namespace berth::test {

class ChrootSandboxFactory final : public builder::SandboxFactory {
 public:
  /// `scratch`: an existing directory for the roots' upper directories.
  explicit ChrootSandboxFactory(std::filesystem::path scratch) : scratch_(std::move(scratch)) {}
  Result<std::unique_ptr<builder::Sandbox>> open(const builder::SandboxSpec& spec) override;
  int opened = 0;

 private:
  std::filesystem::path scratch_;
};

/// Why it cannot work here; empty if it can.
[[nodiscard]] std::string chroot_sandbox_obstacle();

/// Fills `directory` with a root file system that has a shell and the usual small programs, taken
/// from this machine with the libraries they need.
[[nodiscard]] Result<void> make_tiny_root(const std::filesystem::path& directory);

}  // namespace berth::test
