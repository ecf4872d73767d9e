// SPDX-License-Identifier: Apache-2.0
//
// An origin that reads requests as strictly as it can and keeps what it saw: a head or a chunk that
// has two readings is a danger, whatever it was made of.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

/// What origins saw, and what of it they must not.
class Verdict final {
 public:
  void add(std::string danger) {
    const std::lock_guard guard(mutex_);
    dangers_.push_back(std::move(danger));
  }
  void note_request(std::string target) {
    const std::lock_guard guard(mutex_);
    targets_.push_back(std::move(target));
  }
  [[nodiscard]] std::vector<std::string> take() {
    const std::lock_guard guard(mutex_);
    return std::exchange(dangers_, {});
  }
  /// One a request, in their order.
  [[nodiscard]] std::vector<std::string> targets() {
    const std::lock_guard guard(mutex_);
    return targets_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> dangers_;
  std::vector<std::string> targets_;
};

[[nodiscard]] Server::Serve strict_origin(Verdict& verdict);

/// With what is not printable escaped.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace berth::router::test
