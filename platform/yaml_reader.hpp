// SPDX-License-Identifier: Apache-2.0
//
// Reads a YAML document against a table of the keys that may stand in it, so that a slip is an
// error with its line and column and never a default that nobody asked for: unknown and repeated
// keys, wrong types, a second document. The document's values are handed to the table's functions.
#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace berth::platform {

/// A value, where its key stands, and its name with those of its sections: "router.listen".
struct YamlValue {
  YAML::Node node;
  YAML::Mark key_mark;
  std::string name;
};

class YamlReader final {
 public:
  using Read = std::function<Result<void>(const YamlValue&)>;
  using Section = std::vector<std::pair<std::string_view, Read>>;

  /// `file_name` stands in front of every message.
  explicit YamlReader(std::string_view file_name) : file_name_(file_name) {}

  /// An empty document is an empty section.
  [[nodiscard]] Result<void> read(std::string_view yaml, const Section& root) const;

  /// "berth.yaml:3:5: 'api.listen' …"
  [[nodiscard]] Error refuse(const YamlValue& value, std::string_view why) const;

  [[nodiscard]] Result<void> read_section(const YamlValue& value, const Section& section) const;
  /// Keys that the user chooses; `read` is called for each, in order.
  [[nodiscard]] Result<void> read_map(
      const YamlValue& value,
      const std::function<Result<void>(const std::string& key, const YamlValue&)>& read) const;
  /// The scalar's text; `what` names what is wanted ("a duration") when it is something else.
  [[nodiscard]] Result<std::string> scalar(const YamlValue& value, std::string_view what) const;

  // Readers for the table. The target must outlive read().
  /// `parse` makes the value of the scalar's text.
  template <class T>
  [[nodiscard]] Read parsed(T& target, std::string_view what,
                            std::function<Result<T>(std::string_view)> parse) const {
    return [this, &target, what, parse = std::move(parse)](const YamlValue& value) -> Result<void> {
      BERTH_ASSIGN(const std::string text, scalar(value, what));
      auto made = parse(text);
      if (made.has_error()) return refuse(value, made.error().message);
      target = std::move(*made);
      return {};
    };
  }
  [[nodiscard]] Read section(Section keys) const;
  [[nodiscard]] Read flag(bool& target) const;

 private:
  [[nodiscard]] Error at(const YAML::Mark& mark, std::string_view message) const;

  std::string file_name_;
};

}  // namespace berth::platform
