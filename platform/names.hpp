// SPDX-License-Identifier: Apache-2.0
//
// Names that come from users are checked here, at the edge, and are distinct types after it: a
// value of these types is safe in a path, a host name, a cgroup name and an argument vector.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace berth::platform {

/// `[a-z](-?[a-z0-9])*`, 1 to 30 characters (Heroku's rule), not a reserved host name.
class AppName final {
 public:
  [[nodiscard]] static Result<AppName> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  friend bool operator==(const AppName&, const AppName&) = default;
  friend auto operator<=>(const AppName&, const AppName&) = default;

 private:
  explicit AppName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// `[a-z0-9](-?[a-z0-9])*`, 3 to 30 characters: what follows refs/previews/. As a part of a host
/// name it is safe; with two characters its label would have dashes in the third and fourth
/// place, which are reserved (RFC 5891, 4.2.3.1).
class PreviewName final {
 public:
  [[nodiscard]] static Result<PreviewName> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  /// The name of its app, which no AppName can be: "fix-42--shop".
  [[nodiscard]] std::string of(std::string_view parent) const {
    return text_ + "--" + std::string(parent);
  }
  friend bool operator==(const PreviewName&, const PreviewName&) = default;

 private:
  explicit PreviewName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// `[a-z][a-z0-9-]{2,29}` (Heroku's rule).
[[nodiscard]] Result<std::string> parse_pipeline_name(std::string_view text);

/// `[A-Za-z0-9_-]{1,63}`: a process type of a Procfile.
class ProcessTypeName final {
 public:
  [[nodiscard]] static Result<ProcessTypeName> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  friend bool operator==(const ProcessTypeName&, const ProcessTypeName&) = default;
  friend auto operator<=>(const ProcessTypeName&, const ProcessTypeName&) = default;

 private:
  explicit ProcessTypeName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// `[A-Za-z_][A-Za-z0-9_]{0,255}`, neither PORT nor in the reserved CNB_ space.
[[nodiscard]] Result<void> check_config_var(std::string_view name, std::string_view value);

/// A DNS name of at least two labels, or `*.` and one; returned in lower case.
[[nodiscard]] Result<std::string> parse_hostname(std::string_view text);

/// Where an app is reached: a host name, and perhaps a path of at most 16 segments of letters,
/// digits and `-._~` behind it. `shop.example/api/` is `shop.example/api`.
struct RouteName {
  std::string hostname;
  std::string path;  ///< empty: the whole host
  [[nodiscard]] std::string text() const { return hostname + path; }
};
[[nodiscard]] Result<RouteName> parse_route(std::string_view text);
/// The host in lower case, as parse_route() has it; for looking one up.
[[nodiscard]] std::string normal_route(std::string_view text);

}  // namespace berth::platform
