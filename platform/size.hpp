// SPDX-License-Identifier: Apache-2.0
//
// How large a replica may be, as people say it: the name of a class of berth.yaml ("standard"), one
// of Heroku's ("standard-2x"), or the limits themselves ("512m/0.5cpu"). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/config.hpp"

namespace berth::platform {

using SizeClasses = std::map<std::string, SizeClass>;

inline constexpr std::string_view standard_size = "standard";

struct Size {
  std::string name;  ///< as it is stored and shown: "standard-2x", "512m/0.5cpu"
  SizeClass limits;
  friend bool operator==(const Size&, const Size&) = default;
};

/// Limits are parts between slashes, each once and in any order: 512m or 1g of memory, 0.5cpu,
/// 256pids, 4gdisk, and a second 20mio of disk and 10mnet of network, each way; what is not said is
/// as in the class "standard". Classes of berth.yaml come before names of Heroku's, and letters of
/// either case are the same.
[[nodiscard]] Result<Size> parse_size(std::string_view text, const SizeClasses& classes);
/// The same of a stored name; the class "standard" if it means nothing any more.
[[nodiscard]] Size size_of(std::string_view name, const SizeClasses& classes);

/// "512 MB, 0.5 CPU"
[[nodiscard]] std::string describe(const SizeClass& limits);
/// "1g": twice the memory, as parse_size() takes it.
[[nodiscard]] std::string twice_the_memory(std::uint64_t bytes);

}  // namespace berth::platform
