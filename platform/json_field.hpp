// SPDX-License-Identifier: Apache-2.0
//
// A value of a JSON file that people write by hand, and where it stands: its errors name the file,
// the line and the field ("app.json:7: healthchecks.web[0].attempts must be …"). Pure; the document
// outlives its fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace berth::platform {

/// The line, from 1, of the value that the steps lead to, in a text that is valid JSON. A step is a
/// key, or "[0]"; where one leads nowhere, the line of the last that did.
[[nodiscard]] std::size_t line_of(std::string_view text, const std::vector<std::string>& steps);

/// The text with spaces in place of comments (`//`, `/* */`) and of commas before a closing
/// bracket, which people write and other platforms let pass. Lines and bytes stay where they were.
[[nodiscard]] std::string without_comments(std::string_view text);

class JsonField;

class JsonDocument final {
 public:
  /// "app.json:3: …" if the text is no JSON object.
  [[nodiscard]] static Result<JsonDocument> parse(std::string_view text, std::string_view file);
  [[nodiscard]] JsonField root() const;

 private:
  friend class JsonField;
  std::string text_;
  std::string file_;
  json::value value_;
};

class JsonField final {
 public:
  [[nodiscard]] Error refuse(std::string_view what) const;
  /// "healthchecks.web[0].path"
  [[nodiscard]] std::string name() const;
  /// "app.json:7"
  [[nodiscard]] std::string place() const;

  /// A field that is there and not null; an error if this is no object.
  [[nodiscard]] Result<std::optional<JsonField>> find(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::pair<std::string, JsonField>>> fields() const;
  [[nodiscard]] Result<std::vector<JsonField>> entries() const;
  [[nodiscard]] Result<std::string> text() const;
  [[nodiscard]] Result<bool> flag() const;
  [[nodiscard]] Result<std::int64_t> whole(std::int64_t least, std::int64_t most) const;
  [[nodiscard]] Result<double> number(double least, double most) const;
  [[nodiscard]] bool is_text() const { return value_->is_string(); }

  // The same of a field of this object; `to` stays as it is where there is none.
  [[nodiscard]] Result<void> read(std::string_view key, std::string& to) const;
  [[nodiscard]] Result<void> read(std::string_view key, bool& to) const;
  [[nodiscard]] Result<void> read(std::string_view key, int& to, int least, int most) const;

 private:
  friend class JsonDocument;
  JsonField(const JsonDocument& document, const json::value& value, std::vector<std::string> steps)
      : document_(&document), value_(&value), steps_(std::move(steps)) {}
  [[nodiscard]] JsonField below(std::string step, const json::value& value) const;

  const JsonDocument* document_;
  const json::value* value_;
  std::vector<std::string> steps_;
};

}  // namespace berth::platform
