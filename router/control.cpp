// SPDX-License-Identifier: Apache-2.0
#include "router/control.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/log.hpp"
#include "base/unix_socket.hpp"

namespace berth::router {

namespace {

constexpr std::int64_t second_us = 1'000'000;
/// Changes within this time are written to the table file together.
constexpr std::int64_t save_after_us = 100'000;
constexpr std::size_t max_line = 64 << 20;
constexpr std::size_t max_output = 16 << 20;

/// Of `a`'s replicas, and those of its canary, those that `b` does not have.
std::vector<std::string> replicas_without(const App* a, const App* b) {
  std::vector<std::string> ids;
  if (!a) return ids;
  const auto has = [b](const Replica& replica) {
    return b && (std::ranges::find(b->replicas, replica) != b->replicas.end() ||
                 std::ranges::find(b->canaries, replica) != b->canaries.end());
  };
  for (const auto* list : {&a->replicas, &a->canaries})
    for (const Replica& replica : *list)
      if (!has(replica)) ids.push_back(replica.id);
  return ids;
}

}  // namespace

std::int64_t Control::monotonic_us() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * second_us + time.tv_nsec / 1000;
}

Result<std::unique_ptr<Control>> Control::open(Settings settings, Handover* before) {
  std::unique_ptr<Control> control(new Control(std::move(settings)));
  const Settings& set = control->settings_;
  if (before) {
    BERTH_TRY(control->succeed(*before));
  } else if (!set.table_file.empty()) {
    auto loaded = TableFile::load(set.table_file);
    if (loaded.has_error()) {
      log_warning("starting with an empty table: {}", loaded.error().message);
    } else {
      control->table_ = std::move(*loaded);
    }
  }
  control->in_charge_ = before == nullptr;
  if (!set.table_file.empty()) control->file_ = std::make_unique<TableFile>(set.table_file);
  if (!set.socket.empty() && !before) {
    BERTH_ASSIGN(control->listener_, listen_unix(set.socket));
    BERTH_ASSIGN(control->handover_listener_, listen_unix(handover_socket(set.socket)));
    ::fcntl(control->listener_.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(control->handover_listener_.get(), F_SETFL, O_NONBLOCK);
  }
  if (!set.admin_listen.empty()) {
    std::vector<Fd> inherited;
    if (before) inherited = before->take("admin", set.admin_listen);
    BERTH_ASSIGN(control->admin_, Admin::open(set.admin_listen, std::move(inherited)));
  }
  control->event_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!control->event_) return system_error("eventfd");
  control->current_ = std::make_unique<Snapshot>();
  return control;
}

Control::~Control() { stop(); }

void Control::start(std::vector<Worker*> workers) {
  workers_ = std::move(workers);
  tickets_due_us_ = monotonic_us() + std::chrono::microseconds(TicketKeys::rotate_after).count();
  changes_.all = true;
  publish_if_possible();
  thread_ = std::thread([this] { run(); });
}

void Control::stop() {
  if (thread_.joinable()) {
    stop_ = true;
    notify();
    thread_.join();
    if (save_due_us_ != INT64_MAX) save_table();
  }
  if (listener_ && (in_charge_ || charge_asked_)) {
    ::unlink(settings_.socket.c_str());
    ::unlink(handover_socket(settings_.socket).c_str());
  }
  listener_.reset();
  handover_listener_.reset();
  connection_.reset();
  predecessor_.reset();
  file_.reset();
}

// ---- From the workers' threads
// --------------------------------------------------------------------

void Control::notify() const {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event_.get(), &one, sizeof one));
}

void Control::adopted(const Snapshot&) {
  {
    const std::lock_guard lock(mutex_);
    ++acknowledged_;
  }
  notify();
}

void Control::drained(const std::string& replica_id) {
  {
    const std::lock_guard lock(mutex_);
    drained_reports_.push_back(replica_id);
  }
  notify();
}

void Control::wake_wanted(AppRuntime& app) {
  {
    const std::lock_guard lock(mutex_);
    wake_reports_.push_back(&app);
  }
  notify();
}

void Control::emptied() {
  {
    const std::lock_guard lock(mutex_);
    ++empty_workers_;
  }
  emptied_.notify_all();
  notify();
}

bool Control::wait_until_empty(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return emptied_.wait_for(lock, timeout, [&] { return empty_workers_ >= settings_.threads; });
}

// ---- The thread
// -------------------------------------------------------------------------------------

std::int64_t Control::next_due_us(std::int64_t now_us) const {
  const std::int64_t sample_due = connection_ ? sample_due_us_ : now_us + 3600 * second_us;
  return std::min({sample_due, save_due_us_, tickets_due_us_, retire_due_us_});
}

void Control::run() {
  std::vector<pollfd> polled;
  while (!stop_) {
    polled.clear();
    polled.push_back({event_.get(), POLLIN, 0});
    // A negative descriptor is skipped by poll.
    const auto add = [&polled](const Fd& fd, bool writes) {
      polled.push_back({fd.get(), static_cast<short>(POLLIN | (writes ? POLLOUT : 0)), 0});
    };
    add(listener_, false);
    add(connection_, !output_.empty());
    add(handover_listener_, false);
    add(asking_, false);
    if (predecessor_) add(predecessor_->connection, !predecessor_->output.empty());
    if (admin_) admin_->add_to(polled);
    const std::int64_t now = monotonic_us();
    const std::int64_t wait_us = std::max<std::int64_t>(next_due_us(now) - now, 0);
    ::poll(polled.data(), polled.size(), static_cast<int>((wait_us + 999) / 1000));
    if (polled[0].revents) {
      std::uint64_t count = 0;
      static_cast<void>(!::read(event_.get(), &count, sizeof count));
    }
    if (charge_asked_.exchange(false)) take_charge_now();
    read_inbox();
    if (polled[1].revents) accept_connection();
    if (connection_ && (polled[2].revents & (POLLIN | POLLHUP | POLLERR)) &&
        polled[2].fd == connection_.get())
      read_connection();
    if (polled[3].revents) give_place();
    if (polled[4].revents) read_asking();
    if (predecessor_) read_predecessor();
    rotate_tickets(monotonic_us());
    publish_if_possible();
    send_wakes(monotonic_us());
    if (monotonic_us() >= save_due_us_) save_table();
    if (connection_ && monotonic_us() >= sample_due_us_) sample(monotonic_us());
    flush();
    if (predecessor_) flush_predecessor();
    end_if_retired();
    if (admin_) admin_->work([this] { return metrics(); });
  }
}

void Control::rotate_tickets(std::int64_t now_us) {
  if (now_us < tickets_due_us_) return;
  changes_.tickets = true;
  tickets_due_us_ = now_us + std::chrono::microseconds(TicketKeys::rotate_after).count();
}

void Control::save_table() {
  save_due_us_ = INT64_MAX;
  file_->save(table_);
}

void Control::read_inbox() {
  std::vector<std::string> reports;
  std::vector<AppRuntime*> waking;
  std::size_t acknowledged = 0;
  {
    const std::lock_guard lock(mutex_);
    reports.swap(drained_reports_);
    waking.swap(wake_reports_);
    acknowledged = acknowledged_;
    if (acknowledged == settings_.threads) acknowledged_ = 0;
  }
  for (AppRuntime* app : waking) waking_.try_emplace(app, 0);
  for (const std::string& id : reports)
    if (const auto found = draining_.find(id); found != draining_.end()) ++found->second;
  if (publishing_ && acknowledged == settings_.threads) {
    current_ = std::move(publishing_);  // the one before is in nobody's hands now
    announce();
  }
  if (!publishing_) send_drained();
}

/// The version that everybody serves by, once.
void Control::announce() {
  const std::uint64_t everywhere =
      predecessor_ ? std::min(current_->version, predecessor_->applied) : current_->version;
  if (everywhere == announced_) return;
  announced_ = everywhere;
  send({{"type", "applied"}, {"version", everywhere}});
}

/// One snapshot at a time is on its way: changes that come meanwhile go into the next together.
void Control::publish_if_possible() {
  if (publishing_ || changes_.empty()) return;
  publishing_ = builder_.build(table_, changes_);
  changes_ = {};
  note_replicas(*publishing_);
  for (Worker* worker : workers_) worker->publish(*publishing_);
}

void Control::note_replicas(const Snapshot& next) {
  for (const Snapshot::Change& change : next.changes) {
    const App* was = change.before.get();
    const App* is = change.app.get();
    for (std::string& id : replicas_without(was, is)) draining_[std::move(id)] = 0;
    for (const std::string& id : replicas_without(is, was)) {
      draining_.erase(id);
      if (predecessor_) predecessor_->drained.erase(id);
    }
  }
}

void Control::send_drained() {
  std::erase_if(draining_, [&](const auto& entry) {
    if (entry.second < settings_.threads) return false;
    if (predecessor_ && predecessor_->drained.erase(entry.first) == 0) return false;
    send({{"type", "drained"}, {"replica", entry.first}});
    return true;
  });
  if (!predecessor_ || !changes_.empty()) return;
  // What was removed before we came is the other's alone.
  std::erase_if(predecessor_->drained, [&](const std::string& id) {
    if (draining_.contains(id)) return false;
    send({{"type", "drained"}, {"replica", id}});
    return true;
  });
}

// ---- The connection to the control plane
// --------------------------------------------------------------

void Control::accept_connection() {
  Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) return;
  close_connection();
  connection_ = std::move(socket);
  greet();
}

void Control::greet() {
  sampler_.reset(builder_.runtimes());
  sample_due_us_ = monotonic_us() + second_us;
  for (auto& [app, said_us] : waking_) said_us = 0;
  json::object hello{{"type", "hello"},
                     {"version", current_->version},
                     {"pid", ::getpid()},
                     {"threads", settings_.threads}};
  if (predecessor_) hello["succeeds"] = predecessor_->pid;
  send(hello);
}

void Control::read_connection() {
  // One bounded step a turn: publishing and samples go on while a large table comes in.
  std::vector<char> buffer(256 * 1024);
  const ssize_t count = ::recv(connection_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    close_connection();
    return;
  }
  const std::size_t searched = input_.size();
  input_.append(buffer.data(), static_cast<std::size_t>(count));
  handle_input(searched);
}

/// Whole lines; none ends before `searched`.
void Control::handle_input(std::size_t searched) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = input_.find('\n', searched);
    if (end == std::string::npos) break;
    if (!handle_line(std::string_view(input_).substr(begin, end - begin))) {
      close_connection();
      return;
    }
    begin = searched = end + 1;
  }
  input_.erase(0, begin);
  if (input_.size() > max_line) {
    log_warning("the control plane sent a line of more than 64 MiB");
    close_connection();
  }
}

bool Control::handle_line(std::string_view line) {
  if (line.empty()) return true;
  auto message = parse_message(line);
  if (message.has_error()) {
    log_warning("refused a message of the control plane: {}", message.error().message);
    return false;
  }
  forward(line);
  changes_.note(*message);
  apply(table_, std::move(*message));
  if (file_ && !changes_.empty() && save_due_us_ == INT64_MAX)
    save_due_us_ = monotonic_us() + std::max<std::int64_t>(save_after_us, file_->pause().count());
  return true;
}

void Control::close_connection() {
  connection_.reset();
  if (retired_) retire_due_us_ = 0;  // nobody tells it of changes any more
  input_.clear();
  output_.clear();
}

void Control::send(const json::object& message) {
  if (!connection_) return;
  output_ += to_text(message);
  output_ += '\n';
  if (output_.size() > max_output) close_connection();
}

void Control::flush() {
  while (connection_ && !output_.empty()) {
    const ssize_t count = ::send(connection_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {
      close_connection();
      return;
    }
    output_.erase(0, static_cast<std::size_t>(count));
  }
}

/// Said again every second while requests wait: the control plane may have restarted meanwhile.
void Control::send_wakes(std::int64_t now_us) {
  if (!connection_) return;
  for (auto at = waking_.begin(); at != waking_.end();) {
    const std::uint32_t held = held_asleep(*at->first);
    if (held == 0) {
      at = waking_.erase(at);
      continue;
    }
    if (at->second == 0 || now_us - at->second >= second_us) {
      at->second = now_us;
      send({{"type", "wake"}, {"app", at->first->name}, {"held", held}});
    }
    ++at;
  }
}

/// Requests that wait for an app that sleeps. If none do, a thread will tell again of the next.
std::uint32_t Control::held_asleep(AppRuntime& app) {
  const auto row = table_.apps.find(app.name);
  const bool asleep = row != table_.apps.end() && row->second.state == AppState::asleep &&
                      row->second.replicas.empty();
  const std::uint32_t held = app.held.load(std::memory_order_relaxed);
  if (asleep && held > 0) return held;
  // Who found it set has not told; what that thread holds is seen behind this.
  app.wake_wanted.exchange(false, std::memory_order_acq_rel);
  return asleep ? app.held.load(std::memory_order_relaxed) : 0;
}

void Control::sample(std::int64_t now_us) {
  const std::int64_t late_us = now_us - sample_due_us_;
  const auto interval = std::chrono::milliseconds((second_us + late_us) / 1000);
  sample_due_us_ = late_us > second_us ? now_us + second_us : sample_due_us_ + second_us;
  if (auto message = sampler_.take(builder_.runtimes(), now(), interval)) send(*message);
}

std::string Control::metrics() const {
  return metrics_text(builder_.runtimes(), workers_, current_->version);
}

}  // namespace berth::router
