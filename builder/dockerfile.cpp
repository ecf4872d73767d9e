// SPDX-License-Identifier: Apache-2.0
#include "builder/dockerfile.hpp"

#include <algorithm>
#include <charconv>

#include "builder/dockerfile_form.hpp"

namespace berth::builder {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (is_blank(text.front()) || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

bool is_stage_name(std::string_view name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

class Parser final {
 public:
  Parser(std::string_view text, std::string_view file) : rest_(text) { result_.file = file; }

  Result<Dockerfile> run() {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    if (rest_.find('\0') != rest_.npos) return fail("it holds a zero byte: it is no text");
    BERTH_TRY(directives());
    for (;;) {
      BERTH_ASSIGN(const std::string text, logical_line());
      if (text.empty()) break;
      BERTH_ASSIGN(Instruction instruction,
                   form_instruction(text, result_.file, first_line_, result_.escape));
      BERTH_TRY(bodies(instruction));
      BERTH_TRY(add(std::move(instruction)));
    }
    if (result_.stages.empty())
      return fail("there is no FROM: its first instruction names the image to begin with, such as "
                  "'FROM debian:bookworm-slim'");
    return std::move(result_);
  }

 private:
  Error fail(std::string_view message) const {
    return {ErrorKind::invalid, result_.file + ", line " +
                                    std::to_string(std::max<std::size_t>(line_, 1)) + ": " +
                                    std::string(message)};
  }

  std::string_view next_line() {
    const auto end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    ++line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  /// "# escape=`" and its like stand before everything else, even before other comments.
  Result<void> directives() {
    while (!rest_.empty()) {
      const auto before = rest_;
      std::string_view line = trimmed(next_line());
      const auto equals = line.find('=');
      const bool comment = line.starts_with('#') && equals != line.npos;
      std::string name(comment ? trimmed(line.substr(1, equals - 1)) : "");
      std::ranges::transform(name, name.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      });
      if (name != "escape" && name != "syntax" && name != "check") {
        rest_ = before;
        --line_;
        return {};
      }
      if (name != "escape") continue;
      const std::string_view value = trimmed(line.substr(equals + 1));
      if (value != "\\" && value != "`") return fail("escape= takes \\ or `");
      result_.escape = value[0];
    }
    return {};
  }

  /// An odd number of escapes at its end, blanks aside.
  bool continues(std::string_view& line) const {
    std::string_view text = line;
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    std::size_t escapes = 0;
    while (escapes < text.size() && text[text.size() - 1 - escapes] == result_.escape) ++escapes;
    if (escapes != 1) return false;
    line = text.substr(0, text.size() - 1);
    return true;
  }

  /// One instruction's text; empty at the end of the file.
  Result<std::string> logical_line() {
    std::string text;
    bool more = true;
    while (more && !rest_.empty()) {
      std::string_view line = next_line();
      if (trimmed(line).empty() || trimmed(line).starts_with('#')) continue;
      if (text.empty()) first_line_ = line_;
      more = continues(line);
      // Blanks before the escape stay: they part its last word from the next line's first.
      text += line;
      if (!more && trimmed(text).empty()) more = true;
    }
    return std::string(trimmed(text));
  }

  Result<void> bodies(Instruction& instruction) {
    for (auto& heredoc : instruction.heredocs) {
      for (bool closed = false; !closed;) {
        if (rest_.empty())
          return dockerfile_error(result_.file, instruction,
                                  "the here-document <<" + heredoc.name +
                                      " has no end: a line that is only '" + heredoc.name + "'");
        std::string_view line = next_line();
        if (heredoc.strip)
          while (line.starts_with('\t')) line.remove_prefix(1);
        closed = line == heredoc.name;
        if (!closed) heredoc.content.append(line).append("\n");
      }
    }
    return {};
  }

  Result<void> add(Instruction instruction) {
    if (instruction.name == "FROM") return add_stage(instruction);
    if (!result_.stages.empty()) {
      result_.stages.back().instructions.push_back(std::move(instruction));
    } else if (instruction.name == "ARG") {
      result_.arguments.push_back(std::move(instruction));
    } else {
      return dockerfile_error(result_.file, instruction,
                              "it stands before the first FROM, where only ARG may stand");
    }
    return {};
  }

  Result<void> add_stage(const Instruction& from) {
    DockerStage stage{.base = from.words[0],
                      .name = {},
                      .line = from.line,
                      .platform = from.flag("platform").value_or(""),
                      .instructions = {}};
    if (from.words.size() == 3) {
      stage.name = lower_case(from.words[2]);
      if (!is_stage_name(stage.name))
        return dockerfile_error(result_.file, from,
                                "'" + from.words[2] +
                                    "' is no name for a stage: a letter, then letters, digits, "
                                    "'-', '_' and '.'");
      for (const auto& other : result_.stages)
        if (other.name == stage.name)
          return dockerfile_error(result_.file, from,
                                  "the stage '" + stage.name + "' is there already, on line " +
                                      std::to_string(other.line));
    }
    result_.stages.push_back(std::move(stage));
    return {};
  }

  std::string_view rest_;
  std::size_t line_ = 0;
  std::size_t first_line_ = 0;
  Dockerfile result_;
};

}  // namespace

std::optional<std::string> Instruction::flag(std::string_view wanted) const {
  for (const auto& [flag_name, value] : flags)
    if (flag_name == wanted) return value;
  return std::nullopt;
}

std::string Instruction::summary() const {
  constexpr std::size_t longest = 200;
  std::string result = name;
  for (const auto& [flag, value] : flags) {
    result += " --" + flag;
    if (!value.empty()) result += "=" + value;
  }
  result += " ";
  for (const char c : text) {
    const bool blank = is_blank(c) || c == '\n';
    if (!blank || !result.ends_with(' ')) result += blank ? ' ' : c;
  }
  if (result.size() <= longest) return result;
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(result[end]) & 0xC0) == 0x80) --end;
  return result.substr(0, end) + "…";
}

std::optional<std::size_t> Dockerfile::find_stage(std::string_view wanted,
                                                  std::size_t before) const {
  const std::string name = lower_case(wanted);
  before = std::min(before, stages.size());
  for (std::size_t i = before; i-- > 0;)
    if (!stages[i].name.empty() && stages[i].name == name) return i;
  std::size_t number = 0;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (name.empty() || failure != std::errc{} || end != name.data() + name.size() ||
      number >= before)
    return std::nullopt;
  return number;
}

Error dockerfile_error(std::string_view file, const Instruction& at, std::string_view message,
                       ErrorKind kind) {
  return {kind, std::string(file) + ", line " + std::to_string(at.line) + " (" + at.name +
                    "): " + std::string(message)};
}

Result<Dockerfile> parse_dockerfile(std::string_view text, std::string_view file) {
  return Parser(text, file).run();
}

Result<Instruction> parse_trigger(std::string_view text, std::string_view file,
                                  std::size_t line) {
  return form_instruction(std::string(trimmed(text)), std::string(file), line, '\\');
}

}  // namespace berth::builder
