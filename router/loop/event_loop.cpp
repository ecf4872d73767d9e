// SPDX-License-Identifier: Apache-2.0
#include "router/loop/event_loop.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "router/loop/connection.hpp"

namespace berth::router {

namespace {

constexpr int max_events = 256;
constexpr std::int64_t lazy_us = 20'000;

std::int64_t read_us(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("epoll_create1");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

EventLoop::EventLoop(Fd epoll)
    : epoll_(std::move(epoll)),
      timers_(read_us(CLOCK_MONOTONIC)),
      // Not zeroed: pages that no read reaches stay unmapped.
      scratch_(std::unique_ptr<Scratch>(new Scratch)) {
  read_clock();
}

EventLoop::~EventLoop() {
  for (Connection* connection : ready_) connection->in_ready_ = false;
  free_buried();
}

void EventLoop::read_clock() {
  now_us_ = read_us(CLOCK_MONOTONIC);
  if (offset_read_us_ != 0 && now_us_ - offset_read_us_ < 1'000'000) return;
  offset_read_us_ = now_us_;
  unix_offset_us_ = read_us(CLOCK_REALTIME) - now_us_;
}

bool EventLoop::add(int fd, std::uint32_t events, EventHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::remove(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::run_once(std::int64_t wake_us) {
  read_clock();
  wake_us = std::min({wake_us, timers_.next_us(), lazy_due_us_});
  int timeout_ms = -1;
  if (!ready_.empty() || wake_us <= now_us_) {
    timeout_ms = 0;
  } else if (wake_us != INT64_MAX) {
    timeout_ms = static_cast<int>(std::min<std::int64_t>((wake_us - now_us_ + 999) / 1000, 60'000));
  }
  std::array<epoll_event, max_events> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), max_events, timeout_ms);
  for (int i = 0; i < count; ++i) {
    read_clock();
    static_cast<EventHandler*>(events[static_cast<std::size_t>(i)].data.ptr)
        ->on_events(events[static_cast<std::size_t>(i)].events);
  }
  if (count <= 0) read_clock();
  run_ready();
  timers_.advance(now_us_, [](TimerEntry& entry) { static_cast<Timed&>(entry).on_deadline(); });
  if (now_us_ >= lazy_due_us_) run_lazy();
  free_buried();
}

void EventLoop::resume_later(Connection& connection) {
  if (connection.in_ready_) return;
  connection.in_ready_ = true;
  ready_.push_back(&connection);
}

void EventLoop::run_ready() {
  // Those that ask again wait for the next turn, behind the events that come meanwhile.
  const std::size_t count = ready_.size();
  for (std::size_t i = 0; i < count; ++i) {
    Connection& connection = *ready_[i];
    connection.in_ready_ = false;
    if (!connection.is_open()) continue;
    read_clock();
    connection.resume();
  }
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
}

void EventLoop::register_later(Connection& connection) {
  if (connection.registered_ || connection.Hook<LazyTag>::is_linked()) return;
  lazy_.push_front(connection);
  if (lazy_due_us_ == INT64_MAX) lazy_due_us_ = now_us_ + lazy_us;
}

void EventLoop::run_lazy() {
  lazy_due_us_ = INT64_MAX;
  lazy_.for_each([](Connection& connection) {
    connection.Hook<LazyTag>::unlink();
    if (connection.is_open()) static_cast<void>(connection.ensure_registered());
  });
}

void EventLoop::bury(Connection& connection) { buried_.push_back(&connection); }

void EventLoop::free_buried() {
  if (buried_.empty()) return;
  std::erase_if(buried_, [](Connection* connection) {
    if (connection->in_ready_) return false;
    delete connection;
    return true;
  });
}

}  // namespace berth::router
