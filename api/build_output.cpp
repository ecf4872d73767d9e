// SPDX-License-Identifier: Apache-2.0
//
// A build's log as plain text: what there is, then what comes, until the build has ended. Clients
// read the URL without a token (the Platform API's output_stream_url), so it carries a key.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "api/event_stream.hpp"
#include "api/handlers.hpp"
#include "base/crypto.hpp"
#include "base/file.hpp"

namespace berth::api {

namespace {

constexpr std::size_t piece_bytes = 32 << 10;

/// Reads on from `*offset`; "" at the end for now, also while there is no file.
Result<std::string> read_more(const std::filesystem::path& path, Fd* file, std::uint64_t* offset) {
  if (!*file) {
    auto opened = open_file(path, O_RDONLY);
    if (opened.has_error() && opened.error().kind == ErrorKind::not_found) return std::string();
    if (opened.has_error()) return opened.error();
    *file = std::move(*opened);
  }
  std::string piece(piece_bytes, '\0');
  const ssize_t count =
      ::pread(file->get(), piece.data(), piece.size(), static_cast<off_t>(*offset));
  if (count < 0) return system_error("read the build's log");
  piece.resize(static_cast<std::size_t>(count));
  *offset += piece.size();
  return piece;
}

/// In place of a log that is not there.
std::string without_log(const platform::Build& build) {
  return build.status == platform::BuildStatus::failed
             ? " !     " + build.failure + "\n"
             : "The log of this build is no longer kept: the platform keeps those of an app's last "
               "builds (logs.keep_builds).\n";
}

bool is_pending(const Call& call, const platform::Build& build) {
  const auto found = call.store().find_build(build.app, build.id.value);
  return !found.has_error() && found->status == platform::BuildStatus::pending;
}

}  // namespace

Task<Answer> stream_build_output(Call call, Exchange* exchange) {
  const auto app = call.app();
  if (app.has_error()) co_return app.error();
  const auto build = or_missing(call.store().find_build(app->id, call.param("build")), "build");
  if (build.has_error()) co_return build.error();
  if (const auto key = call.request.query.find("key");
      key != call.request.query.end() &&
      !equal_in_constant_time(key->second, call.render().build_key(build->id)))
    co_return Problem(403, "forbidden",
                      "the key of this URL is not valid any more; ask for the build again");
  const auto path = call.control().build_log(build->id);

  Wakeup wakeup(exchange->executor());
  const AbortNotice on_abort(exchange, &wakeup);
  const auto watch =
      call.context->watcher.watch(path.parent_path(), [&wakeup] { wakeup.notify(); });
  const auto subscription =
      call.control().subscribe([&wakeup](const Control::Notice&) { wakeup.notify(); });
  Fd file;
  std::uint64_t offset = 0;
  Response head = text_response("");
  head.headers.emplace_back("Cache-Control", "no-store");
  auto written = co_await exchange->begin(std::move(head));
  while (!written.has_error() && !exchange->aborted()) {
    // Asked before the read: what was written before the build ended is then surely read.
    const bool pending = is_pending(call, *build);
    auto piece = read_more(path, &file, &offset);
    if (piece.has_error()) break;
    if (!piece->empty()) {
      written = co_await exchange->write(std::move(*piece));
      continue;
    }
    if (!pending) {
      const auto ended = call.store().find_build(app->id, build->id.value);
      if (!file && ended.has_value()) written = co_await exchange->write(without_log(*ended));
      break;
    }
    co_await wakeup.wait(std::min(1000ms, call.settings().heartbeat));
  }
  const auto finished = co_await exchange->finish();
  (void)finished;
  co_return Response{};
}

}  // namespace berth::api
