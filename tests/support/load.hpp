// SPDX-License-Identifier: Apache-2.0
//
// Steady requests to an app from a few threads, counted by outcome: what tests put on an app while
// something else happens to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/http_client.hpp"

namespace berth::test {

class Load final {
 public:
  /// Each of `threads` repeats `request` until stop(); at most `pause` apart from one to the next.
  Load(std::function<HttpResponse()> request, int threads) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([this, request] {
        while (!stopped_) {
          const HttpResponse response = request();
          if (response.status == 200) {
            ++succeeded_;
            const std::lock_guard guard(mutex_);
            bodies_.insert(response.body);
          } else {
            ++failed_;
            const std::lock_guard guard(mutex_);
            if (failures_.size() < 5)
              failures_.push_back(std::to_string(response.status) + " " +
                                  response.header("x-berth-error") + " " +
                                  response.body.substr(0, 200));
          }
        }
      });
  }
  ~Load() { stop(); }

  void stop() {
    stopped_ = true;
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  [[nodiscard]] std::uint64_t succeeded() const { return succeeded_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  /// Every different body of a success.
  [[nodiscard]] std::set<std::string> bodies() const {
    const std::lock_guard guard(mutex_);
    return bodies_;
  }
  [[nodiscard]] std::string first_failures() const {
    const std::lock_guard guard(mutex_);
    std::string text;
    for (const auto& failure : failures_) text += failure + "\n";
    return text;
  }

 private:
  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> succeeded_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  mutable std::mutex mutex_;
  std::set<std::string> bodies_;
  std::vector<std::string> failures_;
  std::vector<std::thread> threads_;
};

}  // namespace berth::test
