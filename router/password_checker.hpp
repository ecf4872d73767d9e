// SPDX-License-Identifier: Apache-2.0
//
// Checks passwords for all workers on a thread of its own: one costs some 20 ms, which no event
// loop may wait. As many as may wait are bounded; who sends wrong ones is held off before
// (Worker::check_password).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace berth::router {

class PasswordChecker final {
 public:
  using Done = std::function<void(bool matches)>;

  PasswordChecker() = default;
  ~PasswordChecker() { stop(); }
  PasswordChecker(const PasswordChecker&) = delete;
  PasswordChecker& operator=(const PasswordChecker&) = delete;

  /// False if too many wait. `done` is called on the checker's thread, unless the checker ends
  /// before.
  [[nodiscard]] bool submit(std::string hash, std::string password, Done done);
  /// No `done` is called any more when it returns.
  void stop();

 private:
  static constexpr std::size_t most_waiting = 64;
  struct Check {
    std::string hash;
    std::string password;
    Done done;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Check> waiting_;
  bool stop_ = false;
  std::thread thread_;  ///< started by the first check
};

}  // namespace berth::router
