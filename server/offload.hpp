// SPDX-License-Identifier: Apache-2.0
//
// `co_await offload(pool, work)`: runs blocking work on a pool and comes back to the coroutine's
// own executor with its value.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <type_traits>
#include <utility>

namespace berth::server {

template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work>> offload(boost::asio::thread_pool& pool,
                                                           Work work) {
  namespace asio = boost::asio;
  using Value = std::invoke_result_t<Work>;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Value)>(
      [&pool](auto handler, Work task) {
        auto home = asio::make_work_guard(asio::get_associated_executor(handler));
        asio::post(pool, [handler = std::move(handler), home = std::move(home),
                          task = std::move(task)]() mutable {
          asio::post(home.get_executor(),
                     [handler = std::move(handler), value = task()]() mutable {
                       std::move(handler)(std::move(value));
                     });
        });
      },
      asio::use_awaitable, std::move(work));
}

}  // namespace berth::server
