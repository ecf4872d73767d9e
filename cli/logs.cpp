// SPDX-License-Identifier: Apache-2.0
//
// `berth logs`: a log session, read as server-sent events; with --tail across restarts of the
// platform, without repeating a line.
#include <algorithm>

#include "base/http_client.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/log_lines.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/sse.hpp"

namespace berth::cli {

namespace {

using namespace std::chrono_literals;

// The platform sends a comment every 15 s; three missed ones mean a dead connection.
constexpr auto longest_silence = 45s;
constexpr auto first_pause = 250ms;
constexpr auto longest_pause = 5s;
// After a gap: enough to join the lines shown before to those that came meanwhile.
constexpr int lines_after_gap = 1000;

class LogReader {
 public:
  LogReader(Session& session, const Arguments& arguments, const Target& target)
      : session_(session),
        target_(target),
        json_(arguments.has("json")),
        tail_(arguments.has("tail")),
        painter_(session.style()) {
    request_["lines"] = arguments.number("num").value_or(100);
    request_["tail"] = tail_;
    if (const auto process = arguments.text("process")) request_["dyno"] = *process;
    if (const auto source = arguments.text("source")) {
      request_["source"] = *source == "app" ? "app" : "berth";
      // The router is one voice of the platform.
      if (*source == "router" && !arguments.has("process")) request_["dyno"] = "router";
    }
  }

  Outcome<int> run() {
    BERTH_TRY(open());
    for (;;) {
      const auto read = read_once();
      if (!tail_) {
        if (read.has_error()) return read.error();
        return 0;
      }
      resuming_ = true;
      if (read.has_error() && read.error().code == ExitCode::unreachable && !broken_) {
        broken_ = true;
        say("The connection was lost; trying again until Ctrl-C.");
      }
      session_.environment.sleep(pause_);
      pause_ = std::min<std::chrono::milliseconds>(pause_ * 2, longest_pause);
      // A platform that was started again does not know the session of its predecessor.
      if (read.has_error() && read.error().code != ExitCode::unreachable) BERTH_TRY(open_again());
    }
  }

 private:
  Outcome<void> open() {
    BERTH_ASSIGN(const json::value made,
                 target_.api.send("POST", target_.path({"log-sessions"}), request_));
    url_ = field(object_or_empty(made), "logplex_url");
    if (url_.empty()) return failed("The platform opened no log session.", "berth status");
    return {};
  }

  /// Until the stream ends; an error says why it could not be read.
  Outcome<void> read_once() {
    HttpRequest request{.url = {}, .deadline = longest_silence, .on_data = [this](auto bytes) {
                          answered();
                          parser_.feed(bytes, [this](const SseEvent& event) { show(event); });
                          return true;
                        }};
    BERTH_ASSIGN(request.url, Url::parse(url_));
    request.headers["Accept"] = "text/event-stream";
    if (!parser_.last_event_id().empty())
      request.headers["Last-Event-ID"] = parser_.last_event_id();
    const auto response = http_request(request);
    parser_.reset_connection();
    if (response.has_error()) return unreachable(url_, response.error());
    if (response->status != 200) return refusal(response->status, response->body, url_);
    return {};
  }

  /// Last-Event-ID goes to the new session too: ids name places in the app's log, not in a session.
  Outcome<void> open_again() {
    if (!seen_.empty()) request_["lines"] = lines_after_gap;
    auto opened = open();
    if (opened.has_error() && opened.error().code == ExitCode::unreachable) return {};
    return opened;
  }

  void say(std::string_view text) {
    session_.note(session_.error_style().paint(Colour::dim, text));
  }

  void answered() {
    pause_ = first_pause;
    if (broken_) say("Connected again.");
    broken_ = false;
  }

  void show(const SseEvent& event) {
    if (resuming_ && seen_.covers(event.data)) return;
    if (tail_) seen_.add(event.data);
    if (json_)
      session_.print(to_text(log_json(parse_log_line(event.data))) + "\n");
    else
      session_.print(painter_.paint(event.data) + "\n");
  }

  Session& session_;
  const Target& target_;
  bool json_;
  bool tail_;
  LogPainter painter_;
  json::object request_;
  std::string url_;
  SseParser parser_;
  SeenLines seen_;
  bool resuming_ = false;  ///< lines may come a second time
  bool broken_ = false;    ///< the user was told so
  std::chrono::milliseconds pause_ = first_pause;
};

Outcome<int> logs(Session& session, const Arguments& arguments) {
  const std::string source = arguments.text("source").value_or("app");
  if (source != "app" && source != "router" && source != "berth")
    return usage_failure("There is no log source '" + printable(source) + "'.",
                         "berth logs -s app, -s router or -s berth");
  BERTH_ASSIGN(const Target target, session.target(arguments));
  return LogReader(session, arguments, target).run();
}

}  // namespace

std::vector<Command> log_commands() {
  return {
      {.name = "logs",
       .group = "Processes",
       .summary = "Show the app's log; with --tail as it is written",
       .example = "berth logs --tail -p web",
       .flags = {{.name = "--tail",
                  .letter = "-t",
                  .help = "Go on until Ctrl-C, over restarts of the platform too"},
                 {.name = "--num",
                  .letter = "-n",
                  .value = "LINES",
                  .help = "Older lines to begin with (100)",
                  .at_least = 0},
                 {.name = "--process",
                  .letter = "-p",
                  .value = "NAME",
                  .help = "Only this process type (web) or replica (web.1)",
                  .names = Names::process_type},
                 {.name = "--source",
                  .letter = "-s",
                  .value = "SOURCE",
                  .help = "Only app, router, or berth (all that the platform says)"}},
       .for_app = true,
       .json = true,
       .details = "With --json, one object a line: at, source, process, message.",
       .run = logs},
  };
}

}  // namespace berth::cli
