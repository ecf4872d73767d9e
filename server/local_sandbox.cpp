// SPDX-License-Identifier: Apache-2.0
#include "server/local_sandbox.hpp"

#include <utility>

namespace berth::server {

namespace {

class JoinedSandbox final : public builder::Sandbox {
 public:
  explicit JoinedSandbox(std::unique_ptr<runtime::LocalSandbox> sandbox)
      : sandbox_(std::move(sandbox)) {}

  Result<builder::SandboxExit> run(const builder::SandboxCommand& command,
                                   const builder::OutputSink& sink) override {
    BERTH_ASSIGN(const auto exit, sandbox_->run({.argv = command.argv,
                                                 .env = command.env,
                                                 .working_directory = command.working_directory,
                                                 .uid = command.uid,
                                                 .gid = command.gid,
                                                 .timeout = command.timeout},
                                                sink));
    return builder::SandboxExit{.status = exit.status,
                                .timed_out = exit.timed_out,
                                .out_of_memory = exit.out_of_memory,
                                .out_of_disk = exit.out_of_disk,
                                .out_of_pids = exit.out_of_pids,
                                .cancelled = exit.cancelled};
  }

  void cancel() override { sandbox_->cancel(); }

 private:
  std::unique_ptr<runtime::LocalSandbox> sandbox_;
};

}  // namespace

Result<std::unique_ptr<builder::Sandbox>> LocalSandboxFactory::open(
    const builder::SandboxSpec& spec) {
  runtime::SandboxSpec joined{.name = spec.name,
                              .root_layers = spec.root_layers,
                              .root_upper = spec.root_upper,
                              .root_work = spec.root_work,
                              .network = spec.network,
                              .limits = {.memory_bytes = spec.limits.memory_bytes,
                                         .cpu_milli = spec.limits.cpu_milli,
                                         .cpu_weight = spec.limits.cpu_weight,
                                         .pids = spec.limits.pids,
                                         .disk_bytes = spec.limits.disk_bytes}};
  for (const auto& bind : spec.binds)
    joined.binds.push_back(
        {.source = bind.source, .target = bind.target, .writable = bind.writable});
  for (const auto& overlay : spec.overlays)
    joined.overlays.push_back({.target = overlay.target,
                               .lowers = overlay.lowers,
                               .upper = overlay.upper,
                               .work = overlay.work});
  BERTH_ASSIGN(auto sandbox, engine_.open_sandbox(joined));
  return std::unique_ptr<builder::Sandbox>(std::make_unique<JoinedSandbox>(std::move(sandbox)));
}

}  // namespace berth::server
