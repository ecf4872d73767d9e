// SPDX-License-Identifier: Apache-2.0
#include "api/dispatcher.hpp"

#include <algorithm>
#include <exception>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "base/sqlite.hpp"

namespace berth::api {

namespace {

constexpr std::size_t json_body_limit = 1 << 20;

/// The host as the client wrote it, if it can stand in a URL.
bool is_plain_host(std::string_view host) {
  return !host.empty() && host.size() < 300 &&
         std::ranges::all_of(
             host,
             [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
             });
}

/// "application/json", "application/vnd.x+json", none, and what curl -d says without a header.
Outcome<json::object> parse_body(const std::string& body) {
  if (std::ranges::all_of(body,
                          [](char c) { return c == ' ' || c == '\r' || c == '\n' || c == '\t'; }))
    return json::object{};
  auto parsed = parse_json(body);
  if (parsed.has_error()) return bad_request("the body is not JSON: " + parsed.error().message);
  if (parsed->is_null()) return json::object{};
  if (!parsed->is_object()) return bad_request("the body must be a JSON object");
  return std::move(parsed->get_object());
}

/// People read git's errors as `remote: …` lines, which git makes of plain text alone.
Response text_problem(const Problem& problem) {
  Response response = text_response(problem.message + "\n", problem.status);
  response.headers.insert(response.headers.end(), problem.headers.begin(), problem.headers.end());
  return response;
}

/// 304 if the client has this very answer.
void add_etag(Response& response, const Request& request) {
  const std::string tag = "\"" + sha256_hex(response.body).substr(0, 32) + "\"";
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  if (request.header("if-none-match") != tag) return;
  response.status = 304;
  response.body.clear();
  std::erase_if(response.headers,
                [](const auto& header) { return header.first == "Content-Type"; });
}

}  // namespace

struct Dispatcher::Plan {
  Call call;
  const Route* route = nullptr;        ///< or
  std::optional<Response> ready = {};  ///< a file of the dashboard
};

Dispatcher::Site Dispatcher::site_of(std::string_view host) const {
  const std::string name = host_without_port(host);
  if (name == "git." + context_.settings.domain) return Site::git;
  if (name == "dashboard." + context_.settings.domain) return Site::dashboard;
  return Site::api;
}

Outcome<Dispatcher::Plan> Dispatcher::plan(Request request) {
  const std::string host(request.header("host"));
  const Site site = site_of(host);
  const bool tls = request.header("x-forwarded-proto") == "https";
  Plan plan{.call = {.context = &context_, .request = std::move(request)}};
  Request& asked = plan.call.request;
  plan.call.base_url =
      is_plain_host(host) ? (tls ? "https://" : "http://") + host : context_.render.api_url();
  if (site == Site::dashboard) {
    if (asked.path != "/api" && !asked.path.starts_with("/api/")) {
      plan.ready = context_.dashboard.answer(asked);
      return plan;
    }
    asked.path.erase(0, 4);
    plan.call.base_url += "/api";
  }
  BERTH_ASSIGN(Match match, find_route(asked.method, asked.path));
  if (site == Site::git && !match.route->is_git())
    return not_found("this host serves git alone; the API is at " + context_.render.api_url());
  if (asked.method == "HEAD" && std::holds_alternative<StreamHandler>(match.route->handler))
    return Problem(405, "method_not_allowed",
                   "this path answers " + std::string(match.route->method));
  plan.route = match.route;
  plan.call.params = std::move(match.params);
  const bool has_key = match.route->access == Access::token_or_key && asked.query.contains("key");
  if (match.route->access != Access::open && !has_key) {
    BERTH_ASSIGN(plan.call.identity, context_.authentication.identify(asked));
  }
  return plan;
}

Task<Answer> Dispatcher::run(Plan plan, Exchange* exchange) {
  if (plan.ready) co_return std::move(*plan.ready);
  Call& call = plan.call;
  if (plan.route->body == Body::json) {
    std::string body;
    for (;;) {
      auto piece = co_await exchange->read_body();
      if (piece.has_error()) co_return bad_request(piece.error().message);
      if (piece->empty()) break;
      if (body.size() + piece->size() > json_body_limit)
        co_return Problem(413, "request_too_large", "the body is larger than 1 MiB");
      body += *piece;
    }
    auto parsed = parse_body(body);
    if (parsed.has_error()) co_return parsed.error();
    call.body = std::move(*parsed);
  }
  if (const auto* handler = std::get_if<StreamHandler>(&plan.route->handler)) {
    Answer answer = co_await (*handler)(std::move(call), exchange);
    co_return answer;
  }
  Answer answer = std::get<PlainHandler>(plan.route->handler)(call);
  if (!answer.has_error() && answer->status == 200 && plan.route->method == "GET")
    add_etag(*answer, call.request);
  co_return answer;
}

Task<Answer> Dispatcher::run_safely(Plan plan, Exchange* exchange) {
  std::string failure;
  try {
    Answer answer = co_await run(std::move(plan), exchange);
    co_return answer;
  } catch (const DatabaseFull& full) {
    co_return Problem(Error{ErrorKind::unavailable, full.what()});
  } catch (const std::exception& exception) {
    failure = exception.what();
  }
  co_return Problem(500, "internal", failure);
}

Task<void> Dispatcher::serve(Request request, Exchange* exchange) {
  const auto started = std::chrono::steady_clock::now();
  const std::string id = request.id;
  const std::string method = request.method;
  const std::string path = request.path;  // without the query: it may hold a key
  bool as_text = path.find(".git/") != std::string::npos;
  std::string pattern = "none";
  Answer answer = Problem(500, "internal", "not answered");
  auto planned = plan(std::move(request));
  if (planned.has_error()) {
    answer = planned.error();
  } else {
    pattern = planned->ready ? "dashboard" : std::string(planned->route->pattern);
    as_text = planned->route && planned->route->is_git();
    answer = co_await run_safely(std::move(*planned), exchange);
  }
  if (answer.has_error() && answer.error().status == 500) {
    log_error("{} {} failed: {} (request {})", method, path, answer.error().message, id);
    answer =
        Problem(500, "internal",
                "something went wrong on the server; its log has more under the request id " + id);
  }
  int status = 200;
  const bool begun = exchange->begun();
  if (!begun) {
    Response response = !answer.has_error() ? std::move(*answer)
                        : as_text           ? text_problem(answer.error())
                                            : problem_response(answer.error());
    status = response.status;
    co_await exchange->respond(std::move(response));
  }
  const auto elapsed = std::chrono::steady_clock::now() - started;
  context_.metrics.count_request(method, pattern, status,
                                 begun ? std::nullopt : std::optional(elapsed));
}

}  // namespace berth::api
