// SPDX-License-Identifier: Apache-2.0
#include "builder/cancel_watch.hpp"

#include <chrono>

namespace berth::builder {

CancelWatch::CancelWatch(Sandbox& sandbox, const std::atomic<bool>& cancel)
    : thread_([this, &sandbox, &cancel] {
        std::unique_lock lock(mutex_);
        while (!stopped_.wait_for(lock, std::chrono::milliseconds(50), [this] { return stop_; })) {
          if (!cancel) continue;
          sandbox.cancel();
          return;
        }
      }) {}

CancelWatch::~CancelWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

}  // namespace berth::builder
