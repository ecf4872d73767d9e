// SPDX-License-Identifier: Apache-2.0
//
// What the world can cause is a value, not an exception: Result<T> carries a T or an Error whose
// message is a sentence that a user may read. Each layer adds one piece of context
// ("mount overlay for web.1: …"). Bugs of our own are assertions (BERTH_ASSERT), never Errors.
#pragma once

#include <boost/system/result.hpp>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace berth {

/// The kind decides what a caller does (an HTTP status, a retry); the message is for people.
enum class ErrorKind {
  invalid,       ///< the request or file is wrong; the same request fails again
  not_found,     ///< the named thing does not exist
  conflict,      ///< the thing exists, or changed meanwhile
  unauthorized,  ///< no valid credential
  forbidden,     ///< a valid credential that may not do this
  limit,         ///< a quota, size or resource limit was reached
  timeout,       ///< a deadline passed
  unavailable,   ///< a part that is needed does not answer now; a later try may succeed
  cancelled,     ///< the caller withdrew the request
  io,            ///< the operating system refused
  internal,      ///< a state that should not occur
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;

  /// The same error with `prefix: ` before its message.
  [[nodiscard]] Error context(std::string_view prefix) const {
    return {kind, std::string(prefix) + ": " + message};
  }
  friend bool operator==(const Error&, const Error&) = default;
};

/// An Error from an errno value: "open /x: No such file or directory".
[[nodiscard]] inline Error system_error(std::string_view what, int error = errno) {
  const ErrorKind kind = error == ENOENT                        ? ErrorKind::not_found
                         : error == EEXIST                      ? ErrorKind::conflict
                         : error == EACCES || error == EPERM    ? ErrorKind::forbidden
                         : error == ENOSPC || error == EDQUOT   ? ErrorKind::limit
                         : error == ETIMEDOUT                   ? ErrorKind::timeout
                                                                : ErrorKind::io;
  // strerrordesc_np is thread-safe and free of locale, unlike strerror.
  const char* text = strerrordesc_np(error);
  return {kind, std::string(what) + ": " + (text ? text : "unknown error")};
}

/// Called by boost::system::result when value() is asked of an error.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
  throw std::runtime_error(error.message);
}

template <class T>
using Result = boost::system::result<T, Error>;

/// Adds context to the error of a Result, leaves a value alone.
template <class T>
[[nodiscard]] Result<T> with_context(Result<T> result, std::string_view prefix) {
  if (result.has_error()) return result.error().context(prefix);
  return result;
}

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace berth

/// Stays on in release builds: a broken invariant ends the process, which restarts clean.
#define BERTH_ASSERT(expression) \
  ((expression) ? void(0) : ::berth::assertion_failed(#expression, __FILE__, __LINE__))

/// Returns the error of `result` from the enclosing function, if it has one.
#define BERTH_TRY(result)                                     \
  do {                                                        \
    if (auto&& berth_try_ = (result); berth_try_.has_error()) \
      return std::move(berth_try_).error();                   \
  } while (false)

#define BERTH_CONCAT_(a, b) a##b
#define BERTH_CONCAT(a, b) BERTH_CONCAT_(a, b)
/// `BERTH_ASSIGN(auto fd, open(path));` declares or assigns from a Result, or returns its error.
#define BERTH_ASSIGN(target, expression) \
  BERTH_ASSIGN_(BERTH_CONCAT(berth_result_, __LINE__), target, expression)
#define BERTH_ASSIGN_(name, target, expression)          \
  auto name = (expression);                              \
  if (name.has_error()) return std::move(name).error();  \
  target = std::move(*name)
