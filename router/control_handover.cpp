// SPDX-License-Identifier: Apache-2.0
//
// Both sides of a router that is replaced: what this one gives when another asks, and how it hears
// from the one before it.
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/log.hpp"
#include "base/unix_socket.hpp"
#include "router/control.hpp"

namespace berth::router {

namespace {

constexpr std::size_t most_bytes = 64 << 20;

void make_nonblocking(const Fd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

Fd copy_of(int fd) { return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

/// What there is to read without waiting is appended; false at the end of the stream.
bool read_available(const Fd& fd, std::string& to) {
  std::array<char, 65536> bytes;
  for (;;) {
    const ssize_t count = ::recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0 || to.size() > most_bytes) return false;
    to.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

// ---- The one that takes over --------------------------------------------------------------------

Result<void> Control::succeed(Handover& before) {
  table_ = std::move(before.table);
  for (const auto& [kind, to] : {std::pair{"control", &listener_},
                                 std::pair{"handover", &handover_listener_}}) {
    std::vector<Fd> taken = before.take(kind, "");
    if (taken.empty())
      return Error{ErrorKind::unavailable, "the router that runs did not give all its sockets"};
    *to = std::move(taken.front());
  }
  if (const auto keys = before.take("tickets", ""); !keys.empty())
    builder_.use_tickets(TicketKeys::from_file(keys.front()));
  predecessor_ = std::make_unique<Predecessor>();
  BERTH_ASSIGN(predecessor_->pid, peer_pid(before.connection.get()));
  predecessor_->connection = copy_of(before.connection.get());
  make_nonblocking(predecessor_->connection);
  return {};
}

void Control::take_charge() {
  charge_asked_ = true;
  notify();
}

void Control::take_charge_now() {
  in_charge_ = true;
  // Once more, so that whoever connects is told our process and not that before us.
  for (const Fd* listener : {&listener_, &handover_listener_})
    if (::listen(listener->get(), 64) != 0)
      log_warning("{}", system_error("listen on the control socket").message);
}

void Control::forward(std::string_view line) {
  if (!predecessor_) return;
  predecessor_->output.append(line);
  predecessor_->output += '\n';
  if (predecessor_->output.size() > most_bytes) lose_predecessor();
}

void Control::flush_predecessor() {
  std::string& output = predecessor_->output;
  while (!output.empty()) {
    const ssize_t count =
        ::send(predecessor_->connection.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) output.clear();  // its end is read, too
    if (count < 0) return;
    output.erase(0, static_cast<std::size_t>(count));
  }
}

void Control::read_predecessor() {
  const bool goes_on = read_available(predecessor_->connection, predecessor_->input);
  std::string& input = predecessor_->input;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = input.find('\n', begin)) != std::string::npos; begin = end + 1)
    hear_predecessor(std::string_view(input).substr(begin, end - begin));
  input.erase(0, begin);
  if (!goes_on) lose_predecessor();
}

/// What it says of replicas is put together with what we know; the rest is the control plane's.
void Control::hear_predecessor(std::string_view line) {
  const auto message = parse_json_object(line);
  if (message.has_error()) return;
  const std::string type = optional_string(*message, "type").value_or("");
  if (type == "drained") {
    predecessor_->drained.insert(optional_string(*message, "replica").value_or(""));
    notify();  // read_inbox() sends it, if it is done here too
  } else if (type == "hello" || type == "applied") {
    predecessor_->applied =
        static_cast<std::uint64_t>(optional_int(*message, "version").value_or(0));
    announce();
  } else if (type == "wake" || type == "samples") {
    send(*message);
  }
}

void Control::lose_predecessor() {
  log_info("the router before this one (pid {}) has ended", predecessor_->pid);
  predecessor_.reset();
  announce();
  notify();
}

// ---- The one that gives its place ---------------------------------------------------------------

void Control::withdraw() {
  const std::lock_guard lock(mutex_);
  offered_.clear();
}

void Control::give_place() {
  Fd socket(::accept4(handover_listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket) return;
  std::vector<HandedListener> all;
  {
    // Not while it is sent: workers that tell something would wait for whoever reads it.
    const std::lock_guard lock(mutex_);
    for (const HandedListener& listener : offered_)
      all.push_back({listener.kind, listener.address, copy_of(listener.socket.get())});
  }
  if (all.empty()) return;  // we end
  all.push_back({"control", "", copy_of(listener_.get())});
  all.push_back({"handover", "", copy_of(handover_listener_.get())});
  if (Fd keys = current_->tickets->to_memory_file(); keys)
    all.push_back({"tickets", "", std::move(keys)});
  if (admin_) all.push_back({"admin", settings_.admin_listen, copy_of(admin_->listener())});
  if (auto given = hand_over(socket.get(), all, table_); given.has_error())
    log_warning("another router asked to take over: {}", given.error().message);
  else
    asking_ = std::move(socket);
}

void Control::read_asking() {
  std::string input;
  const bool goes_on = read_available(asking_, input);
  if (input.starts_with(take_line)) return retire(std::string_view(input).substr(take_line.size()));
  if (goes_on && input.empty()) return;
  log_warning("another router asked to take over, and did not");
  asking_.reset();
}

void Control::retire(std::string_view rest) {
  log_info("another router takes over; what is connected here goes on");
  withdraw();
  file_.reset();  // writes what is not written: the file is the other's from now on
  save_due_us_ = INT64_MAX;
  listener_.reset();
  handover_listener_.reset();
  admin_.reset();
  close_connection();
  connection_ = std::move(asking_);
  make_nonblocking(connection_);
  greet();
  input_ = rest;
  handle_input(0);
  retired_ = true;
  retire_due_us_ = monotonic_us() +
                   std::chrono::duration_cast<std::chrono::microseconds>(settings_.retire_timeout)
                       .count();
  for (Worker* worker : workers_) worker->retire();
}

void Control::end_if_retired() {
  if (!retired_) return;
  {
    const std::lock_guard lock(mutex_);
    const bool is_empty = empty_workers_ >= settings_.threads && !predecessor_;
    if (!is_empty && monotonic_us() < retire_due_us_) return;
  }
  retired_ = false;
  retire_due_us_ = INT64_MAX;
  if (settings_.on_retired) settings_.on_retired();
}

}  // namespace berth::router
