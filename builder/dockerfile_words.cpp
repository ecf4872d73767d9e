// SPDX-License-Identifier: Apache-2.0
#include "builder/dockerfile_words.hpp"

namespace berth::builder {

namespace {

constexpr int deepest_nesting = 32;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Error bad(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

class Expansion final {
 public:
  Expansion(std::string_view text, const VariableLookup& lookup, char escape, bool quotes)
      : text_(text), lookup_(lookup), escape_(escape), quotes_(quotes) {}

  /// Up to `stop`, which is left; 0: to the end.
  Result<std::string> until(char stop, int depth = 0) {
    if (depth > deepest_nesting) return bad("its variables are nested too deeply");
    std::string result;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (stop != 0 && c == stop) return result;
      if (c == '\'' && quotes_) {
        BERTH_TRY(single_quoted(result));
      } else if (c == '"' && quotes_) {
        BERTH_TRY(double_quoted(result, depth));
      } else if (c == escape_) {
        escaped(result);
      } else if (c == '$') {
        BERTH_TRY(variable(result, depth));
      } else {
        result += c;
        ++at_;
      }
    }
    if (stop != 0) return bad("'${' has no '}'");
    return result;
  }

 private:
  [[nodiscard]] char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  Result<void> single_quoted(std::string& result) {
    const auto end = text_.find('\'', at_ + 1);
    if (end == text_.npos) return bad("a single quote is not closed");
    result += text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return {};
  }

  Result<void> double_quoted(std::string& result, int depth) {
    for (++at_; at_ < text_.size() && text_[at_] != '"';) {
      if (text_[at_] == '$') {
        BERTH_TRY(variable(result, depth));
        continue;
      }
      if (text_[at_] == escape_ && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next != '"' && next != '$' && next != escape_) result += escape_;
        ++at_;
      }
      result += text_[at_++];
    }
    if (at_ == text_.size()) return bad("a double quote is not closed");
    ++at_;
    return {};
  }

  void escaped(std::string& result) {
    ++at_;
    if (at_ == text_.size()) {
      result += escape_;
      return;
    }
    // In a here-document only what would otherwise mean something is escaped.
    if (!quotes_ && text_[at_] != '$' && text_[at_] != escape_) result += escape_;
    result += text_[at_++];
  }

  std::string_view name() {
    const auto begin = at_;
    if (is_digit(here()))
      while (is_digit(here())) ++at_;
    else
      while (is_letter(here()) || (at_ > begin && is_digit(here()))) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Result<void> variable(std::string& result, int depth) {
    ++at_;  // the dollar
    if (here() != '{') {
      const std::string_view plain = name();
      result += plain.empty() ? "$" : lookup_(plain).value_or("");
      return {};
    }
    ++at_;
    const std::string variable(name());
    if (variable.empty()) return bad("'${' is followed by no name");
    const auto value = lookup_(variable);
    if (here() == '}') {
      ++at_;
      result += value.value_or("");
      return {};
    }
    const bool colon = here() == ':';
    if (colon) ++at_;
    const char rule = here();
    ++at_;
    if (rule != '-' && rule != '+' && rule != '?')
      return bad("'${" + variable +
                 "…' goes on with something else than '}', ':-', ':+' or ':?', which are known "
                 "here");
    BERTH_ASSIGN(const std::string word, until('}', depth + 1));
    ++at_;
    const bool there = value && (!colon || !value->empty());
    if (rule == '-') result += there ? *value : word;
    if (rule == '+' && there) result += word;
    if (rule == '?') {
      if (!there) return bad(variable + ": " + (word.empty() ? "it has no value" : word));
      result += *value;
    }
    return {};
  }

  std::string_view text_;
  const VariableLookup& lookup_;
  char escape_;
  bool quotes_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && is_space(c)) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
      continue;
    }
    word += c;
    if (c == escape && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    }
  }
  if (quote != 0)
    return bad(std::string("a ") + (quote == '"' ? "double" : "single") + " quote is not closed");
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

Result<std::string> expand_word(std::string_view word, const VariableLookup& lookup, char escape) {
  return Expansion(word, lookup, escape, true).until(0);
}

Result<std::string> expand_text(std::string_view text, const VariableLookup& lookup, char escape) {
  return Expansion(text, lookup, escape, false).until(0);
}

}  // namespace berth::builder
