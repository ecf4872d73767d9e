// SPDX-License-Identifier: Apache-2.0
//
// A Dockerfile as data: its stages and their instructions, checked for form. What variables stand
// for is not known yet. Pure; an error names file, line and instruction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

struct Heredoc {
  std::string name;     ///< "EOF"; for COPY also the file's name
  std::string content;
  bool expand = true;   ///< the name was not quoted
  bool strip = false;   ///< "<<-"
  friend bool operator==(const Heredoc&, const Heredoc&) = default;
};

struct Instruction {
  std::string name;                                        ///< "COPY"
  std::size_t line = 0;                                    ///< its first, from 1
  std::vector<std::pair<std::string, std::string>> flags;  ///< "from" → "build", without "--"
  std::string text;                ///< what follows the flags, lines joined
  std::vector<std::string> words;  ///< of the text, quotes kept; of the exec form, its strings
  bool exec = false;               ///< ["a", "b"]: words are final
  std::vector<Heredoc> heredocs;
  friend bool operator==(const Instruction&, const Instruction&) = default;

  [[nodiscard]] std::optional<std::string> flag(std::string_view name) const;
  /// "COPY --from=build /a /b", in one line of at most 200 bytes, for people.
  [[nodiscard]] std::string summary() const;
};

struct DockerStage {
  std::string base;  ///< image or stage, variables in it
  std::string name;  ///< lower case; or empty
  std::size_t line = 0;
  std::string platform;
  std::vector<Instruction> instructions;
  friend bool operator==(const DockerStage&, const DockerStage&) = default;
};

struct Dockerfile {
  std::string file;
  char escape = '\\';
  std::vector<Instruction> arguments;  ///< ARG before the first FROM
  std::vector<DockerStage> stages;     ///< at least one
  friend bool operator==(const Dockerfile&, const Dockerfile&) = default;

  /// By name, or by number of those before `before`.
  [[nodiscard]] std::optional<std::size_t> find_stage(std::string_view name,
                                                      std::size_t before) const;
};

/// `file`: its name, for messages.
[[nodiscard]] Result<Dockerfile> parse_dockerfile(std::string_view text, std::string_view file);

/// One instruction, as a base image's ONBUILD keeps it.
[[nodiscard]] Result<Instruction> parse_trigger(std::string_view text, std::string_view file,
                                                std::size_t line);

/// "Dockerfile, line 7 (COPY): …"
[[nodiscard]] Error dockerfile_error(std::string_view file, const Instruction& at,
                                     std::string_view message,
                                     ErrorKind kind = ErrorKind::invalid);

}  // namespace berth::builder
