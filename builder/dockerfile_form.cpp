// SPDX-License-Identifier: Apache-2.0
#include "builder/dockerfile_form.hpp"

#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "builder/dockerfile_words.hpp"

namespace berth::builder {

namespace {

/// How an instruction is written. `least` words; `most` 0: any number.
struct Form {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  std::string_view flags;  ///< space-separated
  bool exec;               ///< may be a JSON list
  std::string_view example;
};

constexpr std::array<Form, 18> forms = {{
    {"ADD", 2, 0, "chown chmod link from keep-git-dir checksum", true, "ADD site.tar.gz /srv/"},
    {"ARG", 1, 0, "", false, "ARG VERSION=1.2"},
    {"CMD", 0, 0, "", true, "CMD [\"./server\"]"},
    {"COPY", 2, 0, "from chown chmod link", true, "COPY package.json ./"},
    {"ENTRYPOINT", 0, 0, "", true, "ENTRYPOINT [\"./server\"]"},
    {"ENV", 1, 0, "", false, "ENV NAME=value"},
    {"EXPOSE", 1, 0, "", false, "EXPOSE 8080"},
    {"FROM", 1, 3, "platform", false, "FROM debian:bookworm-slim AS build"},
    {"HEALTHCHECK", 1, 0, "interval timeout start-period start-interval retries", false,
     "HEALTHCHECK CMD curl -f http://localhost/"},
    {"LABEL", 1, 0, "", false, "LABEL version=1"},
    {"MAINTAINER", 1, 0, "", false, "LABEL maintainer=ada@example.com"},
    {"ONBUILD", 1, 0, "", false, "ONBUILD COPY . /app"},
    {"RUN", 1, 0, "mount network security", true, "RUN make"},
    {"SHELL", 1, 0, "", true, "SHELL [\"/bin/bash\", \"-c\"]"},
    {"STOPSIGNAL", 1, 1, "", false, "STOPSIGNAL SIGTERM"},
    {"USER", 1, 1, "", false, "USER app"},
    {"VOLUME", 1, 0, "", true, "VOLUME /data"},
    {"WORKDIR", 1, 1, "", false, "WORKDIR /app"},
}};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view left_trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return result;
}

bool is_listed(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto end = list.find(' ');
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(end == list.npos ? list.size() : end + 1);
  }
  return false;
}

/// Those that differ by one letter, or by two that changed places.
bool resembles(std::string_view one, std::string_view other) {
  if (one.size() > other.size()) std::swap(one, other);
  if (other.size() - one.size() > 1) return false;
  std::size_t same = 0;
  while (same < one.size() && one[same] == other[same]) ++same;
  if (one.size() < other.size()) return one.substr(same) == other.substr(same + 1);
  return one.substr(std::min(same + 1, one.size())) ==
             other.substr(std::min(same + 1, other.size())) ||
         (one.size() >= same + 2 && one[same] == other[same + 1] && one[same + 1] == other[same] &&
          one.substr(same + 2) == other.substr(same + 2));
}

class Former final {
 public:
  Former(const std::string& file, std::size_t line, char escape) : file_(file), escape_(escape) {
    result_.line = line;
  }

  Result<Instruction> run(std::string_view text) {
    const auto end = std::find_if(text.begin(), text.end(), is_blank);
    result_.name = upper_case(std::string_view(text.begin(), end));
    std::string_view rest = left_trimmed(text.substr(static_cast<std::size_t>(end - text.begin())));
    const auto form = std::ranges::find(forms, result_.name, &Form::name);
    if (form == forms.end()) return unknown();
    BERTH_TRY(flags(*form, rest));
    result_.text = rest;
    if (rest.empty())
      return fail("it says nothing. Write it as in '" + std::string(form->example) + "'");
    BERTH_TRY(words(*form));
    return std::move(result_);
  }

 private:
  Error fail(std::string_view message) const { return dockerfile_error(file_, result_, message); }

  Error unknown() {
    std::string name = result_.name.substr(0, 40);
    std::string hint;
    for (const auto& form : forms)
      if (resembles(name, form.name)) hint = " Is " + std::string(form.name) + " meant?";
    if (hint.empty())
      hint = " If it belongs to the line above, that line must end with the escape '" +
             std::string(1, escape_) + "'";
    result_.name = std::move(name);
    return fail("there is no such instruction." + hint);
  }

  Result<void> flags(const Form& form, std::string_view& rest) {
    if (form.flags.empty()) return {};
    while (rest.starts_with("--")) {
      // A value may be quoted: --mount="type=cache,target=/a b".
      std::size_t end = 0;
      char quote = 0;
      for (; end < rest.size() && (quote != 0 || !is_blank(rest[end])); ++end)
        if (rest[end] == '"' && quote != '\'')
          quote = quote == 0 ? '"' : '\0';
      std::string flag(rest.substr(2, end - 2));
      rest = left_trimmed(rest.substr(end));
      if (flag.empty()) return {};
      const auto equals = flag.find('=');
      std::string name = flag.substr(0, equals);
      std::string value = equals == flag.npos ? "" : flag.substr(equals + 1);
      if (value.size() > 1 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      if (!is_listed(form.flags, name))
        return fail("--" + name.substr(0, 60) + " is not known here. " + std::string(form.name) +
                    " knows --" + joined(form.flags));
      result_.flags.emplace_back(std::move(name), std::move(value));
    }
    return {};
  }

  static std::string joined(std::string_view list) {
    std::string result;
    for (const char c : list) result += c == ' ' ? std::string(", --") : std::string(1, c);
    return result;
  }

  Result<void> words(const Form& form) {
    const std::string& text = result_.text;
    if (form.exec && text.starts_with('[')) read_list();
    if (result_.exec) return count(form);
    if ((form.name == "CMD" || form.name == "ENTRYPOINT") && text.ends_with("']") &&
        left_trimmed(std::string_view(text).substr(1)).starts_with('\'') && text.starts_with('['))
      return fail("a list is written with double quotes: '" + std::string(form.example) + "'");
    if (form.name == "SHELL")
      return fail("it takes a list: '" + std::string(form.example) + "'");
    auto split = split_words(text, escape_);
    const bool shell = form.name == "RUN" || form.name == "CMD" || form.name == "ENTRYPOINT" ||
                       form.name == "HEALTHCHECK" || form.name == "ONBUILD" ||
                       form.name == "MAINTAINER";
    // What a shell reads need not be words in our sense.
    if (split.has_error()) {
      if (shell) return {};
      return fail(split.error().message);
    }
    result_.words = std::move(*split);
    if (form.name == "RUN" || form.name == "COPY" || form.name == "ADD") find_heredocs();
    if (form.name == "ONBUILD") return check_trigger();
    return count(form);
  }

  /// A list that is not strings alone is a shell's text: "[ -f x ] && y".
  void read_list() {
    const auto value = parse_json(result_.text);
    if (value.has_error() || !value->is_array()) return;
    std::vector<std::string> words;
    for (const auto& word : value->get_array()) {
      if (!word.is_string()) return;
      words.emplace_back(word.get_string());
    }
    result_.words = std::move(words);
    result_.exec = true;
  }

  Result<void> count(const Form& form) const {
    const std::size_t count = result_.words.size();
    const bool from = form.name == "FROM";
    const bool as = !from || count == 1 || (count == 3 && lower_case(result_.words[1]) == "as");
    if (count >= form.least && (form.most == 0 || count <= form.most) && as) {
      if (form.name == "STOPSIGNAL" || form.name == "USER" || form.name == "WORKDIR" || from)
        return {};
      return form.name == "ENV" || form.name == "LABEL" ? check_pairs(form) : Result<void>();
    }
    return fail("it is written as in '" + std::string(form.example) + "', and here stands '" +
                result_.summary() + "'");
  }

  /// "ENV NAME value" is the old way, of one variable.
  Result<void> check_pairs(const Form& form) const {
    const auto& words = result_.words;
    if (words[0].find('=') == std::string::npos) {
      if (words.size() > 1) return {};
    } else if (std::ranges::all_of(words, [](const std::string& word) {
                 const auto equals = word.find('=');
                 return equals != word.npos && equals > 0;
               })) {
      return {};
    }
    return fail("each word is NAME=value, as in '" + std::string(form.example) +
                "'; a value with spaces stands in quotes");
  }

  Result<void> check_trigger() const {
    const std::string inner = upper_case(result_.words.empty() ? "" : result_.words[0]);
    if (inner == "ONBUILD" || inner == "FROM" || inner == "MAINTAINER")
      return fail(inner + " cannot be put off by ONBUILD");
    BERTH_TRY(form_instruction(result_.text, file_, result_.line, escape_));
    return {};
  }

  /// "<<EOF", "<<-EOF", "3<<'EOF'": a word of its own.
  void find_heredocs() {
    for (std::string_view word : result_.words) {
      while (!word.empty() && word.front() >= '0' && word.front() <= '9') word.remove_prefix(1);
      if (!word.starts_with("<<")) continue;
      word.remove_prefix(2);
      Heredoc heredoc;
      heredoc.strip = word.starts_with('-');
      if (heredoc.strip) word.remove_prefix(1);
      if (word.find('<') != word.npos) continue;
      for (const char quote : {'"', '\''})
        if (word.size() > 2 && word.front() == quote && word.back() == quote) {
          word = word.substr(1, word.size() - 2);
          heredoc.expand = false;
        }
      heredoc.name = word;
      if (!word.empty() && word.find_first_of("'\"$/>|;&()") == word.npos)
        result_.heredocs.push_back(std::move(heredoc));
    }
  }

  const std::string& file_;
  char escape_;
  Instruction result_;
};

}  // namespace

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return result;
}

Result<Instruction> form_instruction(const std::string& text, const std::string& file,
                                     std::size_t line, char escape) {
  return Former(file, line, escape).run(text);
}

}  // namespace berth::builder
