// SPDX-License-Identifier: Apache-2.0
//
// The three standard streams as commands see them, so that tests can run a command and read what it
// printed. The real one is made by run_cli().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace berth::cli {

class Console {
 public:
  virtual ~Console() = default;
  /// What a program may want to read: tables, JSON, values, logs.
  virtual void out(std::string_view text) = 0;
  /// What only a person wants to read: progress, notes, errors.
  virtual void err(std::string_view text) = 0;
  /// A line without its end; nothing at the end of the input. `echo` false hides what is typed.
  [[nodiscard]] virtual std::optional<std::string> read_line(bool echo) = 0;
  [[nodiscard]] virtual bool in_is_terminal() const = 0;
  [[nodiscard]] virtual bool out_is_terminal() const = 0;
  [[nodiscard]] virtual bool err_is_terminal() const = 0;
  /// Width of the terminal behind out(), 0 if it is none.
  [[nodiscard]] virtual int columns() const = 0;
};

/// Descriptors 0, 1 and 2 of this process. A reader that went away (`| head`) ends the process
/// quietly with 141, as SIGPIPE would.
[[nodiscard]] std::unique_ptr<Console> standard_console();

}  // namespace berth::cli
