// SPDX-License-Identifier: Apache-2.0
//
// The log of an app as server-sent events: the last lines, then what comes, over rotations of the
// file and over reconnections of the client (Last-Event-ID).
#include <algorithm>

#include "api/event_stream.hpp"
#include "api/handlers.hpp"
#include "base/crypto.hpp"

namespace berth::api {

namespace {

constexpr std::int64_t most_lines = 10'000;

/// The Platform API's schema and its CLI use different names for the same thing.
std::string first_of(const json::object& body, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys)
    if (const auto text = optional_string(body, key); text && !text->empty()) return *text;
  return {};
}

std::string text_of(const LogReader::Batch& batch) {
  std::string text;
  for (const LogLine& line : batch.lines) text += event_text(line.id, "", line.text);
  return text;
}

/// Where the stream begins: after the client's last line, or so many lines back.
Task<Result<void>> find_start(LogReader* reader, std::string last_event_id, std::size_t lines) {
  if (!last_event_id.empty() && reader->resume(last_event_id)) co_return Result<void>();
  for (;;) {
    const auto done = reader->step_back(lines);
    if (done.has_error()) co_return done.error();
    if (*done) co_return Result<void>();
    co_await yield_to_others();
  }
}

}  // namespace

Answer create_log_session(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const auto lines = optional_int(call.body, "lines").value_or(100);
  if (lines < 0 || lines > most_lines) return invalid_params("lines must be from 0 to 10000");
  LogSession session{.id = random_uuid(),
                     .app = app.id,
                     .filter = {.process = first_of(call.body, {"dyno", "dyno_name", "type"}),
                                .source = first_of(call.body, {"source"})},
                     .lines = static_cast<std::size_t>(lines),
                     .tail = optional_bool(call.body, "tail").value_or(false)};
  const std::string id = session.id;
  const std::string secret = call.context->log_sessions.add(std::move(session));
  const std::string at = rfc3339(now());
  return json_response({{"id", id},
                        {"logplex_url", call.base_url + "/logs/" + secret},
                        {"created_at", at},
                        {"updated_at", at}},
                       201);
}

Task<Answer> stream_logs(Call call, Exchange* exchange) {
  const std::string secret = call.param("secret");
  const auto session = call.context->log_sessions.find(secret);
  if (!session) co_return not_found("this log session has ended; ask for a new one", "log-session");
  const auto app = or_missing(call.store().find_app(session->app.value), "app");
  if (app.has_error()) co_return app.error();
  const auto directory = call.control().log_directory(*app);

  Wakeup wakeup(exchange->executor());
  const AbortNotice on_abort(exchange, &wakeup);
  // Without a directory yet (nothing ever ran), the heartbeat looks again.
  Result<std::shared_ptr<void>> watch = Error{ErrorKind::not_found, "not watched yet"};
  LogReader reader(directory, session->filter);
  const auto started = co_await find_start(
      &reader, std::string(call.request.header("last-event-id")), session->lines);
  if (started.has_error()) co_return started.error();
  auto written = co_await exchange->begin(event_stream_head());
  Heartbeat heartbeat(call.settings().heartbeat);
  while (!written.has_error() && !exchange->aborted()) {
    if (session->tail && watch.has_error())
      watch = call.context->watcher.watch(directory, [&wakeup] { wakeup.notify(); });
    const auto batch = reader.next();
    if (batch.has_error()) break;
    std::string text = text_of(*batch);
    if (heartbeat.due()) {
      if (call.store().find_app(session->app.value).has_error()) break;
      (void)call.context->log_sessions.find(secret);  // counts as a use
      text += ":\n\n";
    }
    if (!text.empty())
      written = co_await exchange->write(std::move(text));
    else if (!batch->at_end)
      co_await yield_to_others();
    else if (!session->tail)
      break;
    else
      co_await wakeup.wait(watch.has_error() ? std::min(1000ms, heartbeat.left())
                                             : heartbeat.left());
  }
  const auto finished = co_await exchange->finish();
  (void)finished;
  co_return Response{};
}

}  // namespace berth::api
