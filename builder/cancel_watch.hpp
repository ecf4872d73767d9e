// SPDX-License-Identifier: Apache-2.0
//
// Passes a build's flag on to the sandbox that runs for it. Both outlive the watch.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "builder/sandbox.hpp"

namespace berth::builder {

class CancelWatch final {
 public:
  CancelWatch(Sandbox& sandbox, const std::atomic<bool>& cancel);
  ~CancelWatch();
  CancelWatch(const CancelWatch&) = delete;
  CancelWatch& operator=(const CancelWatch&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace berth::builder
