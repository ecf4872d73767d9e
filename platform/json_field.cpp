// SPDX-License-Identifier: Apache-2.0
#include "platform/json_field.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace berth::platform {

namespace {

/// Walks a text that a parser has accepted.
class Walk final {
 public:
  explicit Walk(std::string_view text) : text_(text) { skip_space(); }

  [[nodiscard]] std::size_t line() const {
    return 1 + static_cast<std::size_t>(std::ranges::count(text_.substr(0, at_), '\n'));
  }

  /// To the value of the step; false, and not moved, if there is none.
  bool enter(std::string_view step) {
    const std::size_t begun = at_;
    const bool list = step.starts_with('[');
    if (at_ >= text_.size() || text_[at_] != (list ? '[' : '{')) return false;
    ++at_;
    for (std::size_t index = 0;; ++index) {
      skip_space();
      if (at_ >= text_.size() || text_[at_] == ']' || text_[at_] == '}') break;
      bool wanted = list && step == fmt::format("[{}]", index);
      if (!list) {
        const std::size_t key = at_;
        skip_value();
        wanted = text_.substr(key + 1, at_ - key - 2) == step;
        skip_space();
        ++at_;  // ':'
        skip_space();
      }
      if (wanted) return true;
      skip_value();
      skip_space();
      if (at_ < text_.size() && text_[at_] == ',') ++at_;
    }
    at_ = begun;
    return false;
  }

 private:
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  void skip_value() {
    int depth = 0;
    do {
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      if (c == '"') {
        skip_string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        --depth;
        ++at_;
      } else if (depth > 0) {
        ++at_;
      } else {
        at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
      }
    } while (depth > 0 && at_ < text_.size());
  }

  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t line_of(std::string_view text, const std::vector<std::string>& steps) {
  Walk walk(text);
  for (const std::string& step : steps)
    if (!walk.enter(step)) break;
  return walk.line();
}

std::string without_comments(std::string_view text) {
  std::string result(text);
  char last = '[';                        // that is neither space nor comment
  std::size_t comma = std::string::npos;  // if that is one, and stands behind a value
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (to = std::min(to, result.size()); from < to; ++from)
      if (result[from] != '\n') result[from] = ' ';
    return to;
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '/' && text.substr(at).starts_with("//")) {
      at = blank(at, text.find('\n', at));
    } else if (c == '/' && text.substr(at).starts_with("/*") &&
               text.find("*/", at + 2) != std::string_view::npos) {
      at = blank(at, text.find("*/", at + 2) + 2);
    } else if (c == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
      ++at;
      last = c;
    } else {
      if ((c == ']' || c == '}') && last == ',' && comma != std::string::npos)
        blank(comma, comma + 1);
      if (c == ',') comma = last == ',' || last == '[' || last == '{' ? std::string::npos : at;
      if (std::string_view(" \t\r\n").find(c) == std::string_view::npos) last = c;
      ++at;
    }
  }
  return result;
}

Result<JsonDocument> JsonDocument::parse(std::string_view text, std::string_view file) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  JsonDocument document;
  document.text_ = without_comments(text);
  document.file_ = file;
  auto value = parse_json(document.text_);
  if (value.has_error()) {
    // "not valid JSON at byte 17: …"
    const std::string& why = value.error().message;
    std::size_t byte = text.size();
    if (const auto at = why.find("at byte "); at != std::string::npos)
      byte = std::min<std::size_t>(std::strtoull(why.c_str() + at + 8, nullptr, 10), text.size());
    const auto line = 1 + std::ranges::count(text.substr(0, byte), '\n');
    return Error{ErrorKind::invalid, fmt::format("{}:{}: {}", file, line, why)};
  }
  document.value_ = std::move(*value);
  if (!document.value_.is_object())
    return Error{ErrorKind::invalid, fmt::format("{}:1: must be a JSON object", file)};
  return document;
}

JsonField JsonDocument::root() const { return {*this, value_, {}}; }

Error JsonField::refuse(std::string_view what) const {
  return {ErrorKind::invalid, place() + ": " + name() + " " + std::string(what)};
}

std::string JsonField::name() const {
  std::string result;
  for (const std::string& step : steps_)
    result += (result.empty() || step.starts_with('[') ? "" : ".") + step;
  return result.empty() ? "it" : result;
}

std::string JsonField::place() const {
  return fmt::format("{}:{}", document_->file_, line_of(document_->text_, steps_));
}

JsonField JsonField::below(std::string step, const json::value& value) const {
  std::vector<std::string> steps = steps_;
  steps.push_back(std::move(step));
  return {*document_, value, std::move(steps)};
}

Result<std::optional<JsonField>> JsonField::find(std::string_view key) const {
  const auto* object = value_->if_object();
  if (!object) return refuse("must be an object, { … }");
  const auto* value = object->if_contains(key);
  if (!value || value->is_null()) return std::optional<JsonField>();
  return std::optional(below(std::string(key), *value));
}

Result<std::vector<std::pair<std::string, JsonField>>> JsonField::fields() const {
  const auto* object = value_->if_object();
  if (!object) return refuse("must be an object, { … }");
  std::vector<std::pair<std::string, JsonField>> result;
  for (const auto& entry : *object) {
    std::string key(entry.key());
    result.emplace_back(key, below(key, entry.value()));
  }
  return result;
}

Result<std::vector<JsonField>> JsonField::entries() const {
  const auto* array = value_->if_array();
  if (!array) return refuse("must be a list, [ … ]");
  std::vector<JsonField> result;
  for (std::size_t i = 0; i < array->size(); ++i)
    result.push_back(below(fmt::format("[{}]", i), (*array)[i]));
  return result;
}

Result<std::string> JsonField::text() const {
  const auto* text = value_->if_string();
  if (!text) return refuse("must be a string");
  if (text->find('\0') != json::string::npos) return refuse("must not hold a zero byte");
  return std::string(*text);
}

Result<bool> JsonField::flag() const {
  if (value_->is_bool()) return value_->get_bool();
  return refuse("must be true or false");
}

Result<std::int64_t> JsonField::whole(std::int64_t least, std::int64_t most) const {
  if (value_->is_int64() && value_->get_int64() >= least && value_->get_int64() <= most)
    return value_->get_int64();
  return refuse(
      fmt::format("must be a whole number from {} to {}, not {}", least, most, to_text(*value_)));
}

Result<double> JsonField::number(double least, double most) const {
  if (value_->is_number()) {
    const double number = value_->to_number<double>();
    if (number >= least && number <= most) return number;
  }
  return refuse(
      fmt::format("must be a number from {:g} to {:g}, not {}", least, most, to_text(*value_)));
}

Result<void> JsonField::read(std::string_view key, std::string& to) const {
  BERTH_ASSIGN(const auto field, find(key));
  if (!field) return {};
  BERTH_ASSIGN(to, field->text());
  return {};
}

Result<void> JsonField::read(std::string_view key, bool& to) const {
  BERTH_ASSIGN(const auto field, find(key));
  if (!field) return {};
  BERTH_ASSIGN(to, field->flag());
  return {};
}

Result<void> JsonField::read(std::string_view key, int& to, int least, int most) const {
  BERTH_ASSIGN(const auto field, find(key));
  if (!field) return {};
  BERTH_ASSIGN(const std::int64_t number, field->whole(least, most));
  to = static_cast<int>(number);
  return {};
}

}  // namespace berth::platform
