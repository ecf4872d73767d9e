// SPDX-License-Identifier: Apache-2.0
#include "server/pusher.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <utility>

namespace berth::server {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_unsent_bytes = 8U << 20;

/// The frames of builder/git_hook: a type byte, a big-endian length, that many bytes.
std::string frame(char type, std::string_view data) {
  const auto size = static_cast<std::uint32_t>(data.size());
  std::string result = {type, static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                        static_cast<char>(size >> 8), static_cast<char>(size)};
  return result.append(data);
}

}  // namespace

void Pusher::say(std::string_view text) {
  if (gone || unsent_bytes_ > max_unsent_bytes) return;
  send(frame('o', text));
}

void Pusher::finish(int code) {
  finished = true;
  send(frame('x', std::string(1, static_cast<char>(code))));
}

void Pusher::send(std::string data) {
  unsent_bytes_ += data.size();
  unsent_.push_back(std::move(data));
  if (std::exchange(writing_, true)) return;
  tasks.spawn(write(shared_from_this()));
}

asio::awaitable<void> Pusher::write(std::shared_ptr<Pusher> self) {
  while (!self->unsent_.empty() && !self->gone) {
    boost::system::error_code failure;
    co_await asio::async_write(self->socket, asio::buffer(self->unsent_.front()),
                               asio::redirect_error(asio::use_awaitable, failure));
    if (failure) self->gone = true;
    self->unsent_bytes_ -= self->unsent_.front().size();
    self->unsent_.pop_front();
  }
  self->writing_ = false;
}

}  // namespace berth::server
