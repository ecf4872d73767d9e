// SPDX-License-Identifier: Apache-2.0
#include "router/loop/ring.hpp"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>

namespace berth::router {

namespace {

constexpr unsigned submissions = 256;
constexpr unsigned completions = 4096;
constexpr unsigned ring_entries = 64;  ///< of the ring of buffers: a power of two
constexpr int group = 0;
/// What the kernel has to do for an operation is done in our own calls (Linux 6.1).
constexpr unsigned ours_alone = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

/// When a ring goes, the kernel interrupts the thread that made it, wherever it waits (EINTR). So
/// that thread should not have anything else to do.
void make_aside(const std::function<void()>& make) { std::thread(make).join(); }

}  // namespace

Result<void> Ring::check() {
  Result<void> outcome;
  make_aside([&] {
    const auto ring = create();
    if (ring.has_error()) {
      outcome = ring.error();
      return;
    }
    (*ring)->start();
    if (const int failed = ::io_uring_get_events(&(*ring)->ring_); failed < 0)
      outcome = system_error("use io_uring", -failed);
  });
  return outcome;
}

Result<std::unique_ptr<Ring>> Ring::create() {
  std::unique_ptr<Ring> made(new Ring);
  io_uring_params parameters{};
  parameters.flags = ours_alone | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
                     IORING_SETUP_CQSIZE;
  parameters.cq_entries = completions;
  int failed = 0;
  make_aside([&] {
    failed = ::io_uring_queue_init_params(submissions, &made->ring_, &parameters);
  });
  if (failed < 0) return system_error("set up io_uring", -failed);
  made->open_ = true;
  // Pages that no byte reaches stay unmapped.
  const auto map = [](std::size_t size) {
    return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  };
  void* const given = map(ring_entries * sizeof(io_uring_buf));
  if (given == MAP_FAILED) return system_error("mmap");
  made->buffers_ = static_cast<io_uring_buf_ring*>(given);
  void* const bytes = map(buffer_count * buffer_size);
  if (bytes == MAP_FAILED) return system_error("mmap");
  made->bytes_ = static_cast<char*>(bytes);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(given);
  registration.ring_entries = ring_entries;
  registration.bgid = group;
  if (const int refused = ::io_uring_register_buf_ring(&made->ring_, &registration, 0); refused < 0)
    return system_error("give io_uring its buffers", -refused);
  for (std::uint16_t buffer = 0; buffer < buffer_count; ++buffer) made->give_back(buffer);
  return made;
}

Ring::~Ring() {
  if (open_) ::io_uring_queue_exit(&ring_);
  if (buffers_) ::munmap(buffers_, ring_entries * sizeof(io_uring_buf));
  if (bytes_) ::munmap(bytes_, buffer_count * buffer_size);
}

void Ring::start() {
  // io_uring_enable_rings(), which the shared library of liburing 2.3 does not export.
  BERTH_ASSERT(::io_uring_register(static_cast<unsigned>(ring_.ring_fd),
                                   IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0);
  static_cast<void>(::io_uring_register_ring_fd(&ring_));  // saves a look-up for each call
}

io_uring_sqe& Ring::next() {
  for (;;) {
    if (io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_)) return *sqe;
    ::io_uring_submit(&ring_);
  }
}

void Ring::submit_and_wait(std::int64_t timeout_us) {
  int outcome = 0;
  if (timeout_us == 0) {
    outcome = ::io_uring_submit_and_get_events(&ring_);
  } else {
    io_uring_cqe* first = nullptr;
    __kernel_timespec time{.tv_sec = timeout_us / 1'000'000,
                           .tv_nsec = timeout_us % 1'000'000 * 1000};
    outcome = ::io_uring_submit_and_wait_timeout(&ring_, &first, 1,
                                                 timeout_us < 0 ? nullptr : &time, nullptr);
  }
  BERTH_ASSERT(outcome >= 0 || outcome == -ETIME || outcome == -EINTR || outcome == -EAGAIN ||
               outcome == -EBUSY || outcome == -ENOMEM);
}

// ---- Operations ---------------------------------------------------------------------------------

void Ring::poll_once(int fd, std::uint32_t events, std::uint64_t number) {
  io_uring_sqe& sqe = next();
  io_uring_prep_poll_add(&sqe, fd, events);
  sqe.user_data = number;
}

void Ring::poll(int fd, std::uint32_t events, std::uint64_t number) {
  io_uring_sqe& sqe = next();
  io_uring_prep_poll_multishot(&sqe, fd, events);
  sqe.user_data = number;
}

void Ring::receive(int fd, std::uint64_t number) {
  io_uring_sqe& sqe = next();
  io_uring_prep_recv_multishot(&sqe, fd, nullptr, 0, 0);
  sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = group;
  sqe.user_data = number;
}

void Ring::send_now(int fd, std::string_view data, std::uint64_t number) {
  io_uring_sqe& sqe = next();
  // Without MSG_WAITALL a part of it would count as success.
  io_uring_prep_send(&sqe, fd, data.data(), data.size(),
                     MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe.user_data = number;
}

void Ring::send(int fd, std::string_view data, std::uint64_t number) {
  io_uring_sqe& sqe = next();
  io_uring_prep_send(&sqe, fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_WAITALL);
  sqe.user_data = number;
}

void Ring::cancel(std::uint64_t number) {
  io_uring_sqe& sqe = next();
  io_uring_prep_cancel64(&sqe, number, 0);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe.user_data = unheard;
}

void Ring::cancel_now(std::uint64_t number) {
  cancel(number);
  submit_and_wait(0);
}

// ---- Received bytes -----------------------------------------------------------------------------

void Ring::give_back(std::uint16_t buffer) {
  io_uring_buf_ring_add(buffers_, bytes_of(buffer), buffer_size, buffer,
                        io_uring_buf_ring_mask(ring_entries), 0);
  io_uring_buf_ring_advance(buffers_, 1);
  ++free_;
}

void Ring::append(Chain& chain, std::uint32_t flags, std::size_t size) {
  const auto buffer = static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
  --free_;
  filled_[buffer] = {.begin = 0, .end = static_cast<std::uint16_t>(size), .next = none};
  if (size == 0) {
    give_back(buffer);
    return;
  }
  (chain.empty() ? chain.first : filled_[chain.last].next) = buffer;
  chain.last = buffer;
}

std::size_t Ring::take(Chain& chain, char* to, std::size_t capacity) {
  std::size_t taken = 0;
  while (!chain.empty() && taken < capacity) {
    const std::uint16_t buffer = chain.first;
    Filled& filled = filled_[buffer];
    const std::size_t size =
        std::min<std::size_t>(filled.end - filled.begin, capacity - taken);
    std::memcpy(to + taken, bytes_of(buffer) + filled.begin, size);
    taken += size;
    filled.begin = static_cast<std::uint16_t>(filled.begin + size);
    if (filled.begin < filled.end) break;
    chain.first = filled.next;
    give_back(buffer);
  }
  return taken;
}

void Ring::drop(Chain& chain) {
  while (!chain.empty()) {
    const std::uint16_t buffer = chain.first;
    chain.first = filled_[buffer].next;
    give_back(buffer);
  }
}

}  // namespace berth::router
