// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/supervisor.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/engine/local/shim/native/native.hpp"
#include "runtime/engine/local/shim/network.hpp"
#include "runtime/engine/local/shim/stage.hpp"
#include "runtime/engine/local/shim/user_namespace.hpp"

namespace berth::runtime::shim {

namespace {

constexpr std::int64_t start_limit_ms = 30'000;
constexpr std::int64_t signal_grace_ms = 10'000;  ///< after a SIGTERM to the shim itself
constexpr std::int64_t attach_wait_ms = 30'000;   ///< for a program that ended before its peer came
constexpr std::size_t longest_line = 4096;
constexpr std::size_t longest_program = 1 << 20;  ///< encoded, with its environment

std::int64_t monotonic_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
}

std::string json_text(std::string_view text) {
  std::string result = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') result.push_back('\\');
    result.push_back(static_cast<unsigned char>(byte) < 0x20 ? ' ' : byte);
  }
  return result + "\"";
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

Supervisor::Supervisor(const ShimConf& conf, std::string directory, ShimDescriptors fds)
    : conf_(conf), directory_(std::move(directory)), fds_(std::move(fds)) {
  Client first;
  first.socket = std::move(fds_.status);
  first.watches = true;
  first.lifeline = !conf_.program;
  clients_.push_back(std::move(first));
  if (!conf_.log_file.empty())
    log_ =
        std::make_unique<LogWriter>(conf_.log_file, conf_.log_source, conf_.log_lines_per_second);
}

int Supervisor::run() {
  start_deadline_ms_ = monotonic_ms() + start_limit_ms;
  if (auto result = start(); result.has_error()) fail(result.error().message);
  for (;;) {
    if (state_ == State::ended) {
      // Somebody may still be on the way to fetch the output of a program that ended at once.
      const bool fetched = !attaches() || (session_.connected() && session_.idle());
      if (fetched || monotonic_ms() >= leave_at_ms_) break;
    }
    poll_once();
  }
  ::unlink("shim.sock");
  return 0;
}

// --- start -------------------------------------------------------------------------------------

Result<void> Supervisor::start() {
  BERTH_TRY(enter_stage(conf_));
  Fd theirs;
  if (!agent_socket_pair(agent_, theirs)) return system_error("socket pair");
  if (conf_.maker == Maker::native) return start_native(std::move(theirs));
  BERTH_ASSIGN(Fd idmap, idmap_namespace(conf_.uid_base));
  BERTH_TRY(build_stage(conf_, std::move(idmap)));
  if (in_gvisor())
    BERTH_TRY(with_context(make_network(conf_, conf_.stage + "/network"), "make the network"));
  // The kernel then tells the sender's pid as we see it: the container's first process.
  const int on = 1;
  if (::setsockopt(agent_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return system_error("ask for credentials");
  BERTH_ASSIGN(oci_, run_oci(conf_, directory_, std::move(theirs)));
  return {};
}

/// While the container makes itself we join its network and say what it shall run; it reads that
/// when it has become the agent.
Result<void> Supervisor::start_native(Fd agent) {
  BERTH_ASSIGN(NativeProcess process, shim::start_native(conf_, std::move(agent), fds_.filter));
  init_ = process.pid;
  init_pidfd_ = std::move(process.pidfd);
  fds_.filter = {};
  return connect();
}

Result<void> Supervisor::on_hello(pid_t init) {
  init_ = init;
  init_pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, init, 0)));
  if (!init_pidfd_) return system_error("open the container's first process");
  if (in_gvisor() && !send_packet(agent_.get(), AgentMessage::filter, fds_.filter))
    return system_error("talk to the agent");
  fds_.filter = {};
  // gVisor has these things by itself.
  if (!in_gvisor()) BERTH_TRY(limit_user_namespace_of(init_));
  return connect();
}

Result<void> Supervisor::connect() {
  if (!in_gvisor())
    BERTH_TRY(with_context(connect_network(conf_, init_), "connect the network"));
  connected_ = true;
  return furnish_agent();
}

Result<void> Supervisor::furnish_agent() {
  if (stopping_) kill_container();
  if (!connected_ || !go_ || stopping_ || !failure_.empty()) return {};
  if (conf_.program) return send_program();
  const int client = fds_.client.get();
  if (!send_packet(agent_.get(), AgentMessage::serve, {}, &client, 1))
    return system_error("talk to the agent");
  fds_.client.reset();
  return {};
}

Result<void> Supervisor::send_program() {
  BERTH_TRY(streams_.send_program(
      agent_.get(), fds_.program,
      {.input = conf_.attach_stdin, .terminal = conf_.terminal, .kept = in_gvisor()}));
  fds_.program.clear();
  fds_.program.shrink_to_fit();  // It holds the app's secrets, and is the largest thing here.
  return {};
}

void Supervisor::fail(const std::string& message) {
  if (failure_.empty()) failure_ = one_line(message);
  if (oci_.pid > 0) ::kill(oci_.pid, SIGKILL);
  kill_container();
  agent_.reset();
  if (init_ == 0 && oci_.pid <= 0) ended();
}

// --- the loop ----------------------------------------------------------------------------------

int Supervisor::next_timeout() const {
  std::int64_t next = -1;
  const std::int64_t now = monotonic_ms();
  const auto consider = [&](std::int64_t at) {
    if (at != 0 && (next < 0 || at - now < next)) next = std::max<std::int64_t>(at - now, 0);
  };
  if (state_ == State::starting) consider(start_deadline_ms_);
  consider(kill_at_ms_);
  consider(leave_at_ms_);
  if (log_ && log_->has_dropped()) consider(now + 1000);
  return static_cast<int>(next);
}

void Supervisor::poll_once() {
  std::vector<pollfd> entries;
  const auto add = [&entries](int fd, bool read, bool write = false) {
    entries.push_back({fd, static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0});
    return entries.size() - 1;
  };
  add(fds_.signals.get(), true);
  add(fds_.listener.get(), true);
  add(agent_.get(), true);
  add(oci_.messages.get(), true);
  add(!attaches() || session_.has_room() ? streams_.output() : -1, true);
  add(streams_.waiting_input(), false, true);
  add(session_.fd(), streams_.has_room(), session_.wants_write());
  const std::size_t first_client = entries.size();
  for (const auto& client : clients_) add(client.silent ? -1 : client.socket.get(), true);
  const std::size_t first_exec = entries.size();
  for (const auto& exec : execs_) exec->poll_for(entries);

  if (::poll(entries.data(), entries.size(), next_timeout()) < 0) return;
  if (entries[4].revents) read_output();
  if (entries[2].revents) on_agent();
  if (entries[3].revents) on_oci_message();
  if (entries[5].revents) streams_.on_writable();
  if (entries[6].revents & POLLOUT) session_.on_writable();
  if (entries[6].revents & (POLLIN | POLLHUP | POLLERR) && session_.connected())
    session_.on_readable(*this);
  for (std::size_t i = first_exec; i < entries.size(); i += ExecSession::poll_entries)
    execs_[(i - first_exec) / ExecSession::poll_entries]->handle(&entries[i]);
  std::erase_if(execs_, [](const auto& exec) { return exec->over(); });
  for (std::size_t i = first_client; i < first_exec; ++i)
    if (entries[i].revents) read_client(clients_[i - first_client]);
  std::erase_if(clients_, [](const Client& client) { return !client.socket; });
  if (entries[1].revents) accept_client();
  if (entries[0].revents) on_signals();
  on_timers();
}

void Supervisor::on_timers() {
  const std::int64_t now = monotonic_ms();
  if (state_ == State::starting && now >= start_deadline_ms_ && failure_.empty())
    fail("the container was not made within 30 seconds");
  if (kill_at_ms_ != 0 && now >= kill_at_ms_) {
    kill_at_ms_ = 0;
    forced_ = true;
    kill_container();
  }
  if (log_ && log_->has_dropped()) log_->tick();
}

void Supervisor::on_signals() {
  signalfd_siginfo info;
  bool terminate = false;
  while (::read(fds_.signals.get(), &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGCHLD) terminate = true;
  if (terminate) stop(signal_grace_ms);
  int status = 0;
  pid_t pid;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) on_child(pid, status);
}

void Supervisor::on_child(pid_t pid, int status) {
  if (pid == oci_.pid) {
    oci_.pid = 0;
    on_oci_message();
    if (!in_gvisor()) oci_.messages.reset();  // gVisor itself goes on to write there
    const bool success = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!success && init_ == 0) {
      std::string why = last_words(conf_);
      if (why.empty()) why = oci_text_;
      fail(conf_.oci_runtime + (why.empty() ? " failed without a message" : ": " + why));
    }
    if (success && init_ == 0 && !agent_)
      fail("the container ended before it began");
    return;
  }
  if (pid != init_) return;  // an orphan of the OCI runtime
  while (agent_ && on_agent()) {
  }  // its last words may have come together with its end
  if (!exit_known_ && program_started_) {
    // Killed as a whole: by us, by the memory limit, or by a stronger hand.
    exit_known_ = true;
    exit_.signal = WIFSIGNALED(status) ? static_cast<std::uint32_t>(WTERMSIG(status)) : SIGKILL;
  }
  init_ = 0;
  ended();
}

void Supervisor::on_oci_message() {
  char buffer[1024];
  ssize_t count;
  while (oci_.messages && (count = ::read(oci_.messages.get(), buffer, sizeof buffer)) > 0)
    if (oci_text_.size() < 4096) oci_text_.append(buffer, static_cast<std::size_t>(count));
  if (oci_.messages && count == 0) oci_.messages.reset();
}

bool Supervisor::on_agent() {
  AgentPacket packet;
  const int got = receive_packet(agent_.get(), packet, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) {
    agent_.reset();  // What became of it the wait for its process tells.
    return false;
  }
  switch (packet.type) {
    case AgentMessage::hello:
      if (init_ == 0 && packet.sender_pid > 0)
        if (auto connected = on_hello(packet.sender_pid); connected.has_error())
          fail(connected.error().message);
      if (failure_.empty() && !conf_.program) on_started(packet);
      break;
    case AgentMessage::started:
      on_started(packet);
      break;
    case AgentMessage::failed:
      fail(packet.payload);
      break;
    case AgentMessage::exited:
      exit_known_ = decode(packet.payload, exit_);
      break;
    case AgentMessage::listeners:
      report("listeners " + one_line(std::move(packet.payload)) + "\n");
      break;
    default:
      break;
  }
  return true;
}

void Supervisor::on_started(AgentPacket& packet) {
  if (state_ != State::starting) return;
  program_started_ = true;
  if (!packet.fds.empty()) streams_.use_terminal(std::move(packet.fds.front()));
  state_ = State::running;
  started_us_ = wall_us();
  report("started " + std::to_string(init_) + " " + std::to_string(started_us_) + "\n");
  if (stopping_) kill_container();
}

void Supervisor::read_output() {
  const std::string_view bytes = streams_.read();
  if (bytes.empty()) return;
  if (attaches())
    session_.output(bytes);
  else if (log_)
    log_->feed(bytes);
}

// --- the peers ---------------------------------------------------------------------------------

void Supervisor::accept_client() {
  Fd socket(::accept4(fds_.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket) return;
  Client client;
  client.socket = std::move(socket);
  clients_.push_back(std::move(client));
}

void Supervisor::read_client(Client& client) {
  char buffer[4096];
  const ssize_t count = ::recv(client.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    if (!client.lifeline) return client.socket.reset();
    client.silent = true;
    stopping_ = true;
    kill_container();
    return;
  }
  client.incoming.append(buffer, static_cast<std::size_t>(count));
  while (client.socket && client.program_bytes == 0) {
    const auto end = client.incoming.find('\n');
    if (end == std::string::npos) break;
    const std::string line = client.incoming.substr(0, end);
    client.incoming.erase(0, end + 1);
    command(client, line);
  }
  if (client.program_bytes != 0)
    begin_exec(client);
  else if (client.incoming.size() > longest_line)
    client.socket.reset();
}

void Supervisor::command(Client& client, std::string_view line) {
  if (line == "status") {
    watch(client);
  } else if (line == "attach" && attaches()) {
    session_.connect(std::move(client.socket), client.incoming, *this);
    client.incoming.clear();
  } else if (line.starts_with("exec ")) {
    client.program_bytes = ::strtoull(line.data() + 5, nullptr, 10);
    if (client.program_bytes > longest_program) client.socket.reset();
  } else if (line.starts_with("stop ")) {
    stop(::strtoll(line.data() + 5, nullptr, 10));
  } else if (line == "go" && !std::exchange(go_, true)) {
    if (auto furnished = furnish_agent(); furnished.has_error()) fail(furnished.error().message);
  } else if (line == "listeners") {
    if (agent_ && state_ == State::running)
      (void)send_packet(agent_.get(), AgentMessage::listeners);
  } else if (line == "release") {
    if (state_ == State::ended) leave_at_ms_ = monotonic_ms();
  }
}

/// Once the whole program is there: the client becomes the peer of a session of its own.
void Supervisor::begin_exec(Client& client) {
  if (!client.socket || client.incoming.size() < client.program_bytes) return;
  const std::string program = std::exchange(client.incoming, {});
  if (state_ != State::running || !agent_ || !conf_.program) return client.socket.reset();
  // A failure has no peer to be told to any more: its end says it.
  auto session = ExecSession::begin(agent_.get(), program, std::move(client.socket), in_gvisor());
  if (!session.has_error()) execs_.push_back(std::move(*session));
}

void Supervisor::watch(Client& client) {
  client.watches = true;
  // One message, so that the note never comes without the state.
  std::string text = "note\n";
  if (started_us_ != 0)
    text += "started " + std::to_string(init_) + " " + std::to_string(started_us_) + "\n";
  if (state_ == State::ended) text += exit_line();
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int note = fds_.note.get();
  std::memcpy(CMSG_DATA(header), &note, sizeof note);
  (void)::sendmsg(client.socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Supervisor::report(const std::string& line) {
  for (auto& client : clients_)
    if (client.watches && client.socket)
      (void)::send(client.socket.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Supervisor::stop(std::int64_t grace_ms) {
  if (state_ == State::ended) return;
  const std::int64_t at = monotonic_ms() + std::clamp<std::int64_t>(grace_ms, 0, 3'600'000);
  if (kill_at_ms_ == 0 || at < kill_at_ms_) kill_at_ms_ = std::max<std::int64_t>(at, 1);
  if (!stopping_ && agent_ && grace_ms > 0) {
    // Everyone, as Heroku does it: `npm start` and shells do not pass the signal on.
    const AgentSignal terminate{.number = SIGTERM, .everyone = true};
    (void)send_packet(agent_.get(), AgentMessage::signal, encode(terminate));
  }
  thaw(conf_);
  stopping_ = true;
}

void Supervisor::kill_container() {
  thaw(conf_);  // on v1 what is frozen is not killed
  if (init_pidfd_) (void)::syscall(SYS_pidfd_send_signal, init_pidfd_.get(), SIGKILL, nullptr, 0);
}

// --- the attached peer's wishes ----------------------------------------------------------------

void Supervisor::resize(unsigned columns, unsigned rows) {
  streams_.resize(columns, rows);
  if (streams_.terminal_is_kept() && agent_)
    (void)send_packet(agent_.get(), AgentMessage::window, encode(AgentWindow{columns, rows}));
}

void Supervisor::signal(int number) {
  if (number <= 0 || number > SIGRTMAX) return;
  // On a terminal the foreground job gets it, as from a key; elsewhere the program's session.
  if (streams_.signal_terminal(number)) return;
  if (!agent_) return;
  const AgentSignal wish{.number = static_cast<std::uint32_t>(number), .everyone = false};
  (void)send_packet(agent_.get(), AgentMessage::signal, encode(wish));
}

// --- the end -----------------------------------------------------------------------------------

void Supervisor::ended() {
  if (state_ == State::ended) return;
  // Every writer is dead: what the pipe holds is all there is.
  while (streams_.open() && streams_.readable()) read_output();
  streams_.close_output();
  if (log_) log_->finish();
  ended_us_ = wall_us();
  oom_kills_ = count_oom_kills(conf_);
  if (started_us_ == 0 && failure_.empty()) failure_ = "the container ended before it began";
  state_ = State::ended;
  kill_at_ms_ = 0;
  init_pidfd_.reset();
  if (oci_.pid > 0) ::kill(oci_.pid, SIGKILL);
  remove_cgroups(conf_);
  write_exit_file();
  // Whoever hears of the end may remove the directory: nothing of ours is done to it after that.
  if (!attaches() || started_us_ == 0) ::unlink("shim.sock");
  if (attaches()) {
    leave_at_ms_ = monotonic_ms() + (started_us_ != 0 ? attach_wait_ms : 0);
    session_.exit(static_cast<int>(exit_.code), static_cast<int>(exit_.signal));
  }
  report(exit_line());
}

std::string Supervisor::exit_line() const {
  if (!failure_.empty()) return "failed " + failure_ + "\n";
  char text[160];
  ::snprintf(text, sizeof text, "exited %u %u %llu %d %lld\n", exit_.code, exit_.signal, oom_kills_,
             forced_ ? 1 : 0, static_cast<long long>(ended_us_));
  return text;
}

void Supervisor::write_exit_file() const {
  char numbers[256];
  ::snprintf(numbers, sizeof numbers,
             "{\"code\":%u,\"signal\":%u,\"oom_kills\":%llu,\"forced\":%s,\"started_us\":%lld,"
             "\"ended_us\":%lld,\"failure\":",
             exit_.code, exit_.signal, oom_kills_, forced_ ? "true" : "false",
             static_cast<long long>(started_us_), static_cast<long long>(ended_us_));
  const std::string text = numbers + json_text(failure_) + "}\n";
  const Fd file(::open("exit.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  // No fsync: whoever survives a power cut, the container does not.
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    ::rename("exit.json.new", "exit.json");
}

}  // namespace berth::runtime::shim
