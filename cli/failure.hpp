// SPDX-License-Identifier: Apache-2.0
//
// What a command says when it cannot do what it was asked: one sentence, the next command to try,
// and the exit code that scripts can rely on (cli/README.md lists them).
#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include "base/result.hpp"

namespace berth::cli {

enum class ExitCode : int {
  ok = 0,
  failed = 1,         ///< the platform said no, or something broke
  usage = 2,          ///< the command line itself is wrong
  not_logged_in = 3,  ///< no token, or one that the platform does not accept
  unreachable = 4,    ///< nothing answers at the platform's address
};

struct Failure {
  std::string message;
  std::string next = {};  ///< the command to try, without "→ Try: "; may be empty
  ExitCode code = ExitCode::failed;

  Failure() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): so that BERTH_TRY works on a Result in a command.
  Failure(const Error& error)
      : message(error.message),
        code(error.kind == ErrorKind::unauthorized ? ExitCode::not_logged_in : ExitCode::failed) {}
  // Never from one string: a result<std::string, Failure> could not tell which of the two it is.
  Failure(std::string what, std::string then, ExitCode exit)
      : message(std::move(what)), next(std::move(then)), code(exit) {}
};

[[nodiscard]] inline Failure failed(std::string what, std::string next = {},
                                    ExitCode code = ExitCode::failed) {
  return {std::move(what), std::move(next), code};
}

[[nodiscard]] inline Failure usage_failure(std::string what, std::string next = {}) {
  return {std::move(what), std::move(next), ExitCode::usage};
}

[[noreturn]] inline void throw_exception_from_error(const Failure& failure,
                                                    const boost::source_location&) {
  throw std::runtime_error(failure.message);
}

template <class T>
using Outcome = boost::system::result<T, Failure>;

}  // namespace berth::cli
