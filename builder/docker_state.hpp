// SPDX-License-Identifier: Apache-2.0
//
// A stage of a Dockerfile while it is built: the settings of its image, and the variables that its
// instructions see. Instructions that only change settings are applied here. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/dockerfile.hpp"
#include "builder/dockerfile_words.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

/// Values for ARG from outside the file.
struct DockerArguments {
  std::map<std::string, std::string> given;   ///< heroku.yml's build.config, config vars
  std::map<std::string, std::string> global;  ///< what ARG before the first FROM came to
};

/// TARGETARCH and its like: known to whoever declares them.
[[nodiscard]] std::map<std::string, std::string> platform_arguments();

/// The arguments before the first FROM, given values first.
[[nodiscard]] Result<std::map<std::string, std::string>> global_arguments(
    const Dockerfile& file, const std::map<std::string, std::string>& given);

class DockerState final {
 public:
  /// `base`: settings and layers to begin with; its ONBUILD triggers are taken out.
  DockerState(const Dockerfile& file, const DockerArguments& arguments, Image base);

  /// Every instruction but RUN, COPY, ADD and ONBUILD's triggers; WORKDIR makes no directory.
  [[nodiscard]] Result<void> apply(const Instruction& instruction);

  /// A value with the stage's variables: of ENV first, then of ARG.
  [[nodiscard]] Result<std::string> expand(const Instruction& at, std::string_view word) const;
  [[nodiscard]] Result<std::vector<std::string>> expand_all(const Instruction& at) const;
  [[nodiscard]] Result<std::string> expand_heredoc(const Instruction& at,
                                                   const Heredoc& heredoc) const;
  /// Absolute, clean; a slash at the end stays.
  [[nodiscard]] std::string absolute(const std::string& path) const;

  /// What RUN starts: the exec form as it is, else a shell with the text and its here-documents.
  [[nodiscard]] std::vector<std::string> command_of(const Instruction& run) const;
  /// ENV over ARG.
  [[nodiscard]] std::map<std::string, std::string> environment() const;
  /// ONBUILD of the base image, in order.
  [[nodiscard]] const std::vector<std::string>& triggers() const { return triggers_; }

  Image image;

 private:
  [[nodiscard]] std::optional<std::string> value_of(std::string_view name) const;
  [[nodiscard]] VariableLookup lookup() const;
  [[nodiscard]] std::vector<std::string> shell() const;
  [[nodiscard]] std::vector<std::string> exec_or_shell(const Instruction& instruction) const;
  [[nodiscard]] Result<void> declare(const Instruction& arg);
  [[nodiscard]] Result<void> set_pairs(const Instruction& instruction);
  [[nodiscard]] Result<void> expose(const Instruction& instruction);
  [[nodiscard]] Result<void> volumes(const Instruction& instruction);
  [[nodiscard]] Result<void> health_check(const Instruction& instruction);
  [[nodiscard]] Error fail(const Instruction& at, std::string_view message) const;

  const Dockerfile& file_;
  const DockerArguments& arguments_;
  std::map<std::string, std::string> declared_;
  std::vector<std::string> triggers_;
  bool command_set_ = false;  ///< by this stage: ENTRYPOINT drops the base's alone
};

}  // namespace berth::builder
