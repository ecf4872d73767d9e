// SPDX-License-Identifier: Apache-2.0
#include "router/loop/event_loop.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "router/loop/connection.hpp"
#include "router/loop/ring_loop.hpp"

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

Result<std::unique_ptr<EventLoop>> EventLoop::create(bool by_io_uring) {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  if (by_io_uring) {
    BERTH_ASSIGN(loop->ring_, RingLoop::create(*loop));
    return loop;
  }
  loop->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_) return system_error("epoll_create1");
  return loop;
}

EventLoop::EventLoop()
    : timers_(read_us(CLOCK_MONOTONIC)),
      // Not zeroed: pages that no read reaches stay unmapped.
      scratch_(std::unique_ptr<Scratch>(new Scratch)) {
  read_clock();
}

EventLoop::~EventLoop() {
  ring_.reset();  // the kernel lets go of connections
  for (Connection* connection : buried_) delete connection;
}

void EventLoop::read_clock() {
  clock_is_stale_ = false;
  now_us_ = read_us(CLOCK_MONOTONIC);
  if (offset_read_us_ != 0 && now_us_ - offset_read_us_ < 1'000'000) return;
  offset_read_us_ = now_us_;
  unix_offset_us_ = read_us(CLOCK_REALTIME) - now_us_;
}

bool EventLoop::add(int fd, std::uint32_t events, EventHandler& handler) {
  if (ring_) {
    ring_->add(fd, events, handler);
    return true;
  }
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::remove(int fd) {
  if (ring_) {
    ring_->remove(fd);
  } else {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }
}

void EventLoop::run_once(std::int64_t wake_us) {
  read_clock();
  wake_us = std::min({wake_us, timers_.next_us(), lazy_due_us_});
  std::int64_t timeout_us = -1;
  if (!ready_.empty() || wake_us <= now_us_ || now_us_ < awake_until_us_) {
    timeout_us = 0;
  } else if (wake_us != INT64_MAX) {
    timeout_us = std::min<std::int64_t>(wake_us - now_us_, 60'000'000);
  }
  if (ring_) {
    ring_->turn(timeout_us);
  } else {
    wait_by_epoll(timeout_us);
  }
  run_ready();
  timers_.advance(now_us(), [](TimerEntry& entry) { static_cast<Timed&>(entry).on_deadline(); });
  if (now_us_ >= lazy_due_us_) run_lazy();
  free_buried();
}

void EventLoop::wait_by_epoll(std::int64_t timeout_us) {
  const int timeout_ms = timeout_us < 0 ? -1 : static_cast<int>((timeout_us + 999) / 1000);
  std::array<epoll_event, max_events> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), max_events, timeout_ms);
  turn_size_ = static_cast<std::size_t>(std::max(count, 0));
  read_clock();
  for (int i = 0; i < count; ++i) {
    static_cast<EventHandler*>(events[static_cast<std::size_t>(i)].data.ptr)
        ->on_events(events[static_cast<std::size_t>(i)].events);
    clock_is_stale_ = true;
  }
}

void EventLoop::finish() {
  run_once(0);
  // What was under way is cancelled, which the kernel tells in its next word.
  for (int turns = 100; ring_ && !buried_.empty() && turns > 0; --turns)
    run_once(now_us() + 10'000);
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
    connection.resume();
    clock_is_stale_ = true;
  }
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
}

void EventLoop::register_later(Connection& connection) {
  if (connection.registered_ || connection.Hook<LazyTag>::is_linked()) return;
  lazy_.push_front(connection);
  if (lazy_due_us_ == INT64_MAX) lazy_due_us_ = now_us() + lazy_us;
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
    if (connection->in_ready_ || connection->by_ring_.is_busy()) return false;
    delete connection;
    return true;
  });
}

}  // namespace berth::router
