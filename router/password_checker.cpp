// SPDX-License-Identifier: Apache-2.0
#include "router/password_checker.hpp"

#include <utility>

#include "base/password.hpp"

namespace berth::router {

void PasswordChecker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool PasswordChecker::submit(std::string hash, std::string password, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || waiting_.size() >= most_waiting) return false;
    waiting_.push_back({std::move(hash), std::move(password), std::move(done)});
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  changed_.notify_one();
  return true;
}

void PasswordChecker::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    const Check check = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    check.done(matches_password(check.hash, check.password));
  }
}

}  // namespace berth::router
