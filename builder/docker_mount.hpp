// SPDX-License-Identifier: Apache-2.0
//
// RUN --mount=…: what one instruction sees besides its image. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::builder {

struct DockerMount {
  enum class Kind { bind, cache, tmpfs, secret } kind = Kind::bind;
  std::string target;    ///< as written, maybe relative; of a secret: /run/secrets/<id> by default
  std::string source;    ///< of a bind
  std::string from;      ///< stage or image; empty: the pushed directory
  std::string id;        ///< of a cache or a secret
  std::string variable;  ///< of a secret: the environment variable that carries it, or empty
  bool writable = false;
  bool required = false;  ///< of a secret: its absence is an error
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> mode;
  friend bool operator==(const DockerMount&, const DockerMount&) = default;
};

/// The flag's value, variables already replaced.
[[nodiscard]] Result<DockerMount> parse_docker_mount(std::string_view text);

/// "0644" → 0644. Only octal modes are known.
[[nodiscard]] Result<std::uint32_t> parse_octal_mode(std::string_view text);

}  // namespace berth::builder
