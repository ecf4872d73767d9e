// SPDX-License-Identifier: Apache-2.0
//
// The builder's Sandbox on the local engine's containers: the two folders are siblings, so their
// equal shapes are joined here and nowhere else.
#pragma once

#include <memory>

#include "builder/sandbox.hpp"
#include "runtime/engine/local/local_engine.hpp"

namespace berth::server {

class LocalSandboxFactory final : public builder::SandboxFactory {
 public:
  /// The engine outlives the factory and every sandbox.
  explicit LocalSandboxFactory(runtime::LocalEngine& engine) : engine_(engine) {}
  Result<std::unique_ptr<builder::Sandbox>> open(const builder::SandboxSpec& spec) override;

 private:
  runtime::LocalEngine& engine_;
};

}  // namespace berth::server
