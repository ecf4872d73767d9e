// SPDX-License-Identifier: Apache-2.0
#include "builder/failure.hpp"

#include <fmt/format.h>

#include "builder/log_format.hpp"

namespace berth::builder {

namespace {

/// Memory and disk limits are set in binary units.
std::string people_limit(std::uint64_t bytes) {
  constexpr std::uint64_t mib = 1ULL << 20;
  constexpr std::uint64_t gib = 1ULL << 30;
  if (bytes >= gib && bytes % gib == 0) return fmt::format("{} GiB", bytes / gib);
  return fmt::format("{} MiB", bytes / mib);
}

}  // namespace

Error with_code(Error error, LifecycleCode code) {
  error.message += fmt::format(" (lifecycle exit code {})", static_cast<int>(code));
  return error;
}

std::string people_duration(std::chrono::seconds time) {
  const auto seconds = time.count();
  if (seconds >= 120 && seconds % 60 == 0)
    return people_count(static_cast<std::uint64_t>(seconds / 60), "minute");
  return people_count(static_cast<std::uint64_t>(seconds), "second");
}

Error explain_exit(const SandboxExit& exit, const SandboxLimits& limits,
                   std::chrono::seconds timeout, std::string_view what) {
  if (exit.cancelled) return {ErrorKind::cancelled, "the build was cancelled"};
  if (exit.timed_out)
    return {
        ErrorKind::timeout,
        fmt::format("the build was stopped after {}, its time limit, while {} ran. See in the log "
                    "above what took so long, or have the limit raised.",
                    people_duration(timeout), what)};
  if (exit.out_of_memory)
    return {
        ErrorKind::limit,
        fmt::format("{} ran out of memory: a build may use {}. Let the build's tools do less at "
                    "once (fewer parallel jobs, a smaller heap), or have the limit raised.",
                    what, people_limit(limits.memory_bytes))};
  if (exit.out_of_disk)
    return {
        ErrorKind::limit,
        fmt::format("{} ran out of disk: a build may write {}. Keep large files out of the build, "
                    "or have the limit raised.",
                    what, people_limit(limits.disk_bytes))};
  if (exit.out_of_pids)
    return {ErrorKind::limit,
            fmt::format("{} started too many processes: a build may have {} at once. A script that "
                        "calls itself, or too many parallel jobs, is the usual reason.",
                        what, limits.pids)};
  if (exit.status.signal != 0)
    return {ErrorKind::invalid,
            fmt::format("{} was {}. See the log above.", what, exit.status.describe())};
  return {ErrorKind::invalid, fmt::format("{} failed with {}. The reason stands in the log above.",
                                          what, exit.status.describe())};
}

}  // namespace berth::builder
