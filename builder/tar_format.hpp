// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a tar header, normalised so that the same tree gives the same archive anywhere: one
// constant time, no user or group names, POSIX ustar, and a PAX record only for what ustar cannot
// say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::builder {

/// 1980-01-01T00:00:01Z: the time of every entry, and of every image.
inline constexpr std::int64_t layer_time_seconds = 315532801;
inline constexpr std::string_view layer_time_text = "1980-01-01T00:00:01Z";
inline constexpr std::size_t tar_block_bytes = 512;

enum class TarType : char { file = '0', symlink = '2', directory = '5' };

struct TarEntry {
  std::string path;  ///< relative, without a trailing slash
  TarType type = TarType::file;
  std::uint32_t mode = 0;  ///< permission bits, 07777 at most
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size_bytes = 0;  ///< of a file; 0 for the rest
  std::string link_target = {};
};

/// One block, or three and more where a PAX record goes before it.
[[nodiscard]] std::string tar_header(const TarEntry& entry);
/// Zero bytes needed after a content of this size.
[[nodiscard]] std::size_t tar_padding(std::uint64_t size_bytes);
/// The two zero blocks at the end.
[[nodiscard]] std::string tar_end();

}  // namespace berth::builder
