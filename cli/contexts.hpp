// SPDX-License-Identifier: Apache-2.0
//
// The context file (~/.config/berth/config.json, mode 0600): the platforms that this user has
// logged in to, each with its address and token, and which of them is in use.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::cli {

struct Context {
  std::string url;  ///< of the API, without a slash at the end
  std::string token;
  std::string user;  ///< the account's email, for showing
  /// Origins ("http://git.localhost:8080") that the token may be given to as a git password.
  std::vector<std::string> git_origins = {};
  friend bool operator==(const Context&, const Context&) = default;
};

struct Contexts {
  std::string current;  ///< empty if none
  std::map<std::string, Context> all = {};

  [[nodiscard]] const Context* in_use() const;
  /// The name of the context whose API or git lives at this origin; empty if none.
  [[nodiscard]] std::string at_origin(std::string_view origin) const;
  friend bool operator==(const Contexts&, const Contexts&) = default;
};

/// Pure; unknown fields are ignored, wrong ones are errors that name them.
[[nodiscard]] Result<Contexts> parse_contexts(std::string_view text);
[[nodiscard]] std::string contexts_text(const Contexts& contexts);

/// A file that is not there is no contexts.
[[nodiscard]] Result<Contexts> load_contexts(const std::filesystem::path& file);
/// Replaced as a whole, mode 0600; its directory is made with mode 0700.
[[nodiscard]] Result<void> save_contexts(const std::filesystem::path& file,
                                         const Contexts& contexts);

/// "http://git.localhost:8080/hello.git" → "http://git.localhost:8080"; the default port is left
/// out, as git leaves it out; empty if the text is no HTTP URL.
[[nodiscard]] std::string origin_of(std::string_view url);

/// "local" for this machine, else the host: the name of a context if the user gives none.
[[nodiscard]] std::string default_context_name(std::string_view url);

}  // namespace berth::cli
