// SPDX-License-Identifier: Apache-2.0
//
// git's smart HTTP protocol, spoken by the real `git receive-pack` and `git upload-pack`: we carry
// bytes, as they come, both ways, and leave packs and refs to git.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "api/handlers.hpp"
#include "api/inflate.hpp"
#include "api/piped_process.hpp"
#include "base/log.hpp"
#include "base/tasks.hpp"

namespace berth::api {

namespace {

constexpr std::size_t kept_errors = 4096;
constexpr std::string_view no_space = "No space left on device";

/// `version=2`, perhaps with more `key=value` behind colons; it goes into git's environment.
bool is_protocol(std::string_view text) {
  return text.starts_with("version=") && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '=' || c == ':' ||
                  c == '-';
         });
}

/// A pkt-line: four hex digits of its whole length, then the text.
std::string pkt_line(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::size_t size = text.size() + 4;
  std::string line;
  for (const int shift : {12, 8, 4, 0}) line += digits[size >> shift & 15];
  return line.append(text);
}

/// How a push is refused after it began: on git's error channel, which people see as `remote: …`.
std::string refusal(std::string_view message) {
  return pkt_line("\x03" + std::string(message.substr(0, 900)) + "\n") + "0000";
}

/// On git's progress channel, which people see as `remote: …`.
std::string too_large(std::uint64_t limit) {
  return pkt_line("\x02The push is larger than the limit of " + std::to_string(limit >> 20) +
                  " MiB (git.max_push). Keep large files out of git, or raise the limit.\n");
}

/// git's own words for it (strerror) say neither where nor what to do.
std::string disk_full() {
  return pkt_line(
      "\x02The platform's disk is full: the push could not be stored and nothing was changed. Free "
      "some space there (`berth system:df` shows what takes it), then push again.\n");
}

/// How much of git's output is whole packets: git writes a packet's head and its text apart. All of
/// it where it is none.
std::size_t whole_packets(std::string_view output) {
  std::size_t at = 0;
  while (at + 4 <= output.size()) {
    std::size_t length = 0;
    const char* const end = output.data() + at + 4;
    if (std::from_chars(output.data() + at, end, length, 16).ptr != end) return output.size();
    length = std::max<std::size_t>(length, 4);  // 0000 ends a part
    if (at + length > output.size()) break;
    at += length;
  }
  return at;
}

Response git_head(std::string_view content_type) {
  return {.status = 200,
          .headers = {{"Content-Type", std::string(content_type)},
                      {"Cache-Control", "no-cache, max-age=0, must-revalidate"}},
          .body = {}};
}

Command git_command(const Call& call, std::vector<std::string> arguments,
                    std::map<std::string, std::string> env) {
  // The repository belongs to the server's user or to the builder's: both are ours, so git's check
  // of the owner (safe.directory) would only get in the way.
  Command command{
      .argv = {"git", "-c", "safe.directory=*", "-c", "receive.autogc=false", "-c",
               "receive.maxInputSize=" + std::to_string(call.settings().max_push_bytes)},
      .env = std::move(env),
      .clear_env = true};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  const char* path = std::getenv("PATH");
  command.env["PATH"] = path ? path : "/usr/local/bin:/usr/bin:/bin";
  command.env["LC_ALL"] = "C.UTF-8";
  command.env["GIT_CONFIG_NOSYSTEM"] = "1";
  command.env["GIT_CONFIG_GLOBAL"] = "/dev/null";
  const std::string_view protocol = call.request.header("git-protocol");
  if (is_protocol(protocol)) command.env["GIT_PROTOCOL"] = std::string(protocol);
  return command;
}

/// One running git and the request that feeds it. Outlives the coroutines that it is lent to.
struct Run {
  PipedProcess process;
  Exchange* exchange;
  std::optional<Inflater> inflater;
  std::string first;   ///< of the body, already read
  std::string errors;  ///< git's standard error
  std::string fault;   ///< what was wrong with the body
  std::uint64_t limit = UINT64_MAX;  ///< bytes of a push
  std::uint64_t received = 0;  ///< of them, so far
  bool in_packets = false;     ///< git's output is pkt-lines to its end
};

/// The body to git's input. What git does not want any more (a pack that is too large) is read and
/// dropped, so that the client comes to read the answer.
Task<void> feed(Run* run) {
  std::string piece = std::move(run->first);
  bool wanted = true;
  while (!piece.empty()) {
    if (wanted && run->inflater) {
      auto plain = run->inflater->add(piece);
      if (plain.has_error()) {
        run->fault = plain.error().message;
        run->process.close_in();
        wanted = false;
      } else {
        piece = std::move(*plain);
      }
    }
    if (wanted && !piece.empty()) {
      run->received += piece.size();
      const auto written = co_await run->process.write_in(std::move(piece));
      wanted = !written.has_error();
    }
    auto next = co_await run->exchange->read_body();
    if (next.has_error()) {
      run->process.terminate();
      break;
    }
    piece = std::move(*next);
  }
  run->process.close_in();
}

Task<void> collect_errors(Run* run) {
  run->errors = co_await run->process.read_errors(kept_errors);
}

/// Carries bytes until git has ended. `head` goes out with the first byte of git's output.
Task<Answer> converse(Run* run, Response head, std::string prefix) {
  Exchange* exchange = run->exchange;
  exchange->on_abort([run] { run->process.terminate(); });
  TaskGroup tasks(exchange->executor());
  tasks.spawn(feed(run));
  tasks.spawn(collect_errors(run));
  bool client_listens = true;
  bool told_full = false;
  std::string begun_packet;
  for (bool ended = false; !ended;) {
    auto piece = co_await run->process.read_out();
    if (piece.has_error()) break;
    ended = piece->empty();
    if (!client_listens) continue;
    piece->insert(0, std::exchange(begun_packet, {}));
    if (run->in_packets && !ended) {
      begun_packet = piece->substr(whole_packets(*piece));
      piece->resize(piece->size() - begun_packet.size());
    }
    if (piece->empty()) continue;
    if (!exchange->begun()) {
      const auto begun = co_await exchange->begin(head);
      client_listens = !begun.has_error();
      // git says that the pack is too large, but not how large it may be.
      if (run->received > run->limit) prefix += too_large(run->limit);
      *piece = prefix + *piece;
    }
    // Before git's own words.
    if (run->in_packets && !told_full && piece->find(no_space) != std::string::npos) {
      told_full = true;
      *piece = disk_full() + *piece;
    }
    if (client_listens) {
      const auto written = co_await exchange->write(std::move(*piece));
      client_listens = !written.has_error();
    }
    if (!client_listens) run->process.terminate();
  }
  const auto status = co_await run->process.wait();
  co_await tasks.join();
  exchange->on_abort({});
  const bool success = !status.has_error() && status->success();
  if (!success && !exchange->aborted())
    log_warning("git ended with {}: {}",
                status.has_error() ? status.error().message : status->describe(), run->errors);
  if (exchange->begun()) {
    const auto finished = co_await exchange->finish();
    (void)finished;
    co_return Response{};
  }
  if (!run->fault.empty()) co_return bad_request(run->fault);
  if (!success && run->errors.find(no_space) != std::string::npos)
    co_return Problem(Error{ErrorKind::unavailable,
                            "the platform's disk is full and nothing was changed. Free some space "
                            "there (`berth system:df` shows what takes it), then try again"});
  if (!success) co_return Problem(500, "internal", "git failed: " + run->errors);
  head.body = prefix;
  co_return head;
}

Outcome<std::optional<Inflater>> inflater_of(const Call& call) {
  const std::string encoding = lower_case(call.request.header("content-encoding"));
  if (encoding.empty() || encoding == "identity") return std::optional<Inflater>();
  if (encoding != "gzip" && encoding != "x-gzip")
    return Problem(415, "bad_request", "the body's Content-Encoding must be gzip or none");
  return std::optional<Inflater>(Inflater(call.settings().max_push_bytes * 2));
}

Outcome<void> check_content_type(const Call& call, std::string_view service) {
  const std::string wanted = "application/x-git-" + std::string(service) + "-request";
  if (media_type(call.request.header("content-type")) == wanted) return {};
  return Problem(415, "bad_request", "the body must be " + wanted + ": use git");
}

}  // namespace

Task<Answer> git_advertise(Call call, Exchange* exchange) {
  const auto service = call.request.query.find("service");
  if (service == call.request.query.end() ||
      (service->second != "git-receive-pack" && service->second != "git-upload-pack"))
    co_return Problem(403, "forbidden",
                      "only git's smart HTTP protocol is served: use git 1.6.6 or newer");
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  const auto repository = call.control().repository(*app);
  if (repository.has_error()) co_return repository.error();
  const bool push = service->second == "git-receive-pack";
  Command command = git_command(call,
                                {service->second.substr(4), "--stateless-rpc",
                                 "--http-backend-info-refs", repository->string()},
                                {});
  // Only upload-pack speaks version 2; it then leaves the service line out (gitprotocol-http).
  if (push) command.env.erase("GIT_PROTOCOL");
  const auto protocol = command.env.find("GIT_PROTOCOL");
  const bool version_2 = protocol != command.env.end() && protocol->second.starts_with("version=2");
  auto process = PipedProcess::start(exchange->executor(), std::move(command));
  if (process.has_error()) co_return process.error();
  Run run{.process = std::move(*process),
          .exchange = exchange,
          .inflater = {},
          .first = {},
          .errors = {},
          .fault = {}};
  const std::string prefix =
      version_2 ? "" : pkt_line("# service=" + service->second + "\n") + "0000";
  Answer answer = co_await converse(
      &run, git_head("application/x-" + service->second + "-advertisement"), prefix);
  co_return answer;
}

Task<Answer> git_receive_pack(Call call, Exchange* exchange) {
  const auto checked = check_content_type(call, "receive-pack");
  if (checked.has_error()) co_return checked.error();
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  auto inflater = inflater_of(call);
  if (inflater.has_error()) co_return inflater.error();
  auto first = co_await exchange->read_body();
  if (first.has_error()) co_return first.error();
  const Response head = git_head("application/x-git-receive-pack-result");
  // Before a large push git tries its credential with an empty one: a flush
  // packet and nothing else.
  if (*first == "0000") co_return head;
  auto ticket = co_await call.control().begin_push(*app, call.identity.token.user);
  if (ticket.has_error()) {
    Response refused = head;
    refused.body = refusal(ticket.error().message);
    for (std::string piece = "…"; !piece.empty();) {
      auto next = co_await exchange->read_body();
      if (next.has_error()) co_return next.error();
      piece = std::move(*next);
    }
    co_return refused;
  }
  auto process = PipedProcess::start(
      exchange->executor(),
      git_command(call, {"receive-pack", "--stateless-rpc", (*ticket)->repository.string()},
                  (*ticket)->env));
  if (process.has_error()) co_return process.error();
  Run run{.process = std::move(*process),
          .exchange = exchange,
          .inflater = std::move(*inflater),
          .first = std::move(*first),
          .errors = {},
          .fault = {},
          .limit = call.settings().max_push_bytes,
          .in_packets = true};
  Answer answer = co_await converse(&run, head, "");
  co_return answer;
}

Task<Answer> git_upload_pack(Call call, Exchange* exchange) {
  const auto checked = check_content_type(call, "upload-pack");
  if (checked.has_error()) co_return checked.error();
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  auto inflater = inflater_of(call);
  if (inflater.has_error()) co_return inflater.error();
  const auto repository = call.control().repository(*app);
  if (repository.has_error()) co_return repository.error();
  auto first = co_await exchange->read_body();
  if (first.has_error()) co_return first.error();
  auto process = PipedProcess::start(
      exchange->executor(),
      git_command(call, {"upload-pack", "--stateless-rpc", repository->string()}, {}));
  if (process.has_error()) co_return process.error();
  Run run{.process = std::move(*process),
          .exchange = exchange,
          .inflater = std::move(*inflater),
          .first = std::move(*first),
          .errors = {},
          .fault = {}};
  Answer answer = co_await converse(&run, git_head("application/x-git-upload-pack-result"), "");
  co_return answer;
}

}  // namespace berth::api
