// SPDX-License-Identifier: Apache-2.0
#include "base/tasks.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

#include "base/log.hpp"

namespace berth {

namespace asio = boost::asio;

void Wakeup::notify() {
  notified_ = true;
  timer_.cancel();
}

asio::awaitable<bool> Wakeup::wait(std::chrono::milliseconds time) {
  if (!notified_) {
    timer_.expires_after(time);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  const bool notified = notified_;
  notified_ = false;
  co_return notified;
}

asio::awaitable<void> Wakeup::wait() {
  bool notified = false;
  while (!notified) notified = co_await wait(std::chrono::hours(1));
}

struct TaskGroup::State {
  explicit State(const asio::any_io_executor& its_executor)
      : executor(its_executor), ended(its_executor) {}
  asio::any_io_executor executor;
  Wakeup ended;
  std::size_t running = 0;
};

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(executor)) {}

void TaskGroup::spawn(asio::awaitable<void> task) {
  ++state_->running;
  asio::co_spawn(state_->executor, std::move(task), [state = state_](std::exception_ptr failure) {
    --state->running;
    state->ended.notify();
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& exception) {
      log_error("a task ended with an exception: {}", exception.what());
    }
  });
}

asio::awaitable<void> TaskGroup::join() {
  const std::shared_ptr<State> state = state_;
  while (state->running > 0) co_await state->ended.wait();
}

std::size_t TaskGroup::size() const { return state_->running; }

asio::awaitable<void> yield_to_others() {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

}  // namespace berth
