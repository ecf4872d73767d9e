// SPDX-License-Identifier: Apache-2.0
//
// Starts the OCI runtime in the container's cgroups and cleans those up at the end.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

struct OciProcess {
  pid_t pid = 0;
  Fd messages;  ///< what it prints
};

/// Runs the OCI runtime on the bundle directory; `agent` becomes descriptor 3 of the
/// container's first process.
[[nodiscard]] Result<OciProcess> run_oci(const ShimConf& conf, const std::string& bundle, Fd agent);

/// What the OCI runtime wrote to a log of its own about why it did not start; or nothing.
[[nodiscard]] std::string last_words(const ShimConf& conf);

/// Moves this thread into a cgroup; false and errno on failure.
[[nodiscard]] bool join_cgroup(const std::string& directory);

/// Processes that the memory limit killed in this container so far.
[[nodiscard]] unsigned long long count_oom_kills(const ShimConf& conf);

/// Whatever froze it: from now on it runs, and hears signals.
void thaw(const ShimConf& conf);

/// SIGKILLs every process in the container's cgroups and removes these.
void remove_cgroups(const ShimConf& conf);

}  // namespace berth::runtime::shim
