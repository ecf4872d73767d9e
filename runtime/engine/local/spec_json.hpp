// SPDX-License-Identifier: Apache-2.0
//
// A replica's specification and address as JSON: whole in the shim's memory (it holds the app's
// config vars), without the environment on disk for a shim that died.
#pragma once

#include <string>
#include <string_view>

#include "runtime/engine/engine.hpp"
#include "runtime/engine/local/maker.hpp"
#include "runtime/engine/local/network.hpp"

namespace berth::runtime {

struct ReplicaNote {
  ReplicaSpec spec;
  NetworkMember member;
  Maker maker = Maker::native;  ///< that was chosen
};

[[nodiscard]] std::string to_json(const ReplicaNote& note, bool with_environment);
[[nodiscard]] Result<ReplicaNote> parse_replica_note(std::string_view text);

}  // namespace berth::runtime
