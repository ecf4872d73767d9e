// SPDX-License-Identifier: Apache-2.0
//
// What a push asks for, as values: reading the hook's request and deciding what is deployed. Pure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "platform/model.hpp"
#include "platform/names.hpp"

namespace berth::server {

struct RefUpdate {
  std::string before;  ///< 40 zeros: the ref is new
  std::string after;   ///< 40 zeros: the ref is deleted
  std::string ref;
};

struct Push {
  std::string ticket;
  std::filesystem::path quarantine;  ///< git's GIT_QUARANTINE_PATH
  std::vector<RefUpdate> updates;
};

/// The line that berth-git-hook sends.
[[nodiscard]] Result<Push> parse_push(std::string_view line);

struct PushDecision {
  std::string commit;              ///< to deploy; empty: nothing
  std::optional<platform::PreviewName> preview;  ///< which it is of; nothing: the app itself
  std::vector<platform::PreviewName> ended;      ///< previews whose refs are deleted
  std::vector<std::string> notes = {};           ///< lines for the pusher
};

inline constexpr std::string_view preview_refs = "refs/previews/";

/// main and master deploy, refs/previews/NAME deploys a preview: one of them a push. Other branches
/// and tags are kept; the deployed branch is not deleted.
[[nodiscard]] Result<PushDecision> decide_push(const Push& push);

/// An error where less than `needed_bytes` is free for a build.
[[nodiscard]] Result<void> check_disk(std::uint64_t free_bytes, std::uint64_t needed_bytes);
/// What ended a build, with the full disk named as the reason if it is full.
[[nodiscard]] Error explain_full_disk(Error error, std::uint64_t free_bytes,
                                      std::uint64_t needed_bytes);

/// Of a release that was taken although a process ended before it listened.
[[nodiscard]] std::string describe_end(std::string_view version, const platform::Release& settled);
/// Of one that gets a part of the requests, and what becomes of it.
[[nodiscard]] std::string describe_canary(std::string_view version,
                                          const platform::Release& release,
                                          const platform::App& app);
/// "-----> Release v3: web=1 worker=1 healthy in 0.4 s\n"
[[nodiscard]] std::string describe_rollout(std::string_view version,
                                           const std::vector<platform::Formation>& formation,
                                           const platform::Release& release, Duration took);

}  // namespace berth::server
