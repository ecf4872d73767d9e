// SPDX-License-Identifier: Apache-2.0
#include "cli/api_client.hpp"

#include <fmt/format.h>

#include "base/http_client.hpp"
#include "cli/format.hpp"

namespace berth::cli {

namespace {

constexpr int most_pages = 1000;

std::string as_sentence(std::string text) {
  if (!text.empty() && text.find_last_of(".!?") != text.size() - 1) text += '.';
  return text;
}

std::string next_step(std::string_view id, std::string_view resource) {
  if (id == "unauthorized") return "berth login";
  if (id == "not_found" && (resource.empty() || resource == "app")) return "berth apps";
  if (id == "unavailable") return "berth status";
  return {};
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  // "." and ".." are steps in a path, not names, and stay so when encoded (RFC 3986, 5.2.4).
  if (result == "." || result == "..") result += "%2F";
  return result;
}

std::string api_path(std::initializer_list<std::string_view> parts) {
  std::string path;
  for (const auto part : parts) path += "/" + percent_encoded(part);
  return path;
}

Failure unreachable(const std::string& url, const Error& error) {
  // The client's message begins with the request; what went wrong stands after its last ": ".
  const auto cut = error.message.rfind(": ");
  const std::string why = cut == std::string::npos ? error.message : error.message.substr(cut + 2);
  return failed("Berth does not answer at " + printable(url) + " (" + printable(why) +
                    "). Is the platform running there?",
                "./up in Berth's directory, or 'berth server' to start it by hand",
                ExitCode::unreachable);
}

Failure refusal(int status, std::string_view body, const std::string& url) {
  const auto object = parse_json_object(body);
  const std::string id = object ? optional_string(*object, "id").value_or("") : "";
  const std::string resource = object ? optional_string(*object, "resource").value_or("") : "";
  std::string message = object ? optional_string(*object, "message").value_or("") : "";
  if (message.empty())
    message = fmt::format("{} answered with HTTP status {} and no reason", url, status);
  const auto more = object ? optional_string(*object, "url") : std::nullopt;
  Failure failure = failed(as_sentence(printable(message)), next_step(id, resource));
  if (more) failure.message += " See " + printable(*more);
  if (status == 401) {
    failure.code = ExitCode::not_logged_in;
    failure.next = "berth login --url " + printable(url);
  }
  return failure;
}

Outcome<ApiClient::Answer> ApiClient::exchange(const std::string& method, const std::string& path,
                                               const std::string& body,
                                               const std::string& range) const {
  HttpRequest request{.method = method, .url = {}, .body = body, .deadline = deadline_};
  BERTH_ASSIGN(request.url, Url::parse(url_ + path));
  request.headers["Accept"] = "application/vnd.heroku+json; version=3";
  if (!token_.empty()) request.headers["Authorization"] = "Bearer " + token_;
  if (!body.empty()) request.headers["Content-Type"] = "application/json";
  if (!range.empty()) request.headers["Range"] = range;

  const auto response = http_request(request);
  if (response.has_error()) return unreachable(url_, response.error());
  if (response->status / 100 != 2) return refusal(response->status, response->body, url_);
  auto value = parse_json(response->body.empty() ? "{}" : response->body);
  if (value.has_error())
    return failed("What answers at " + url_ + " is not Berth's API: " + value.error().message + ".",
                  "berth context");
  return Answer{.body = std::move(*value),
                .next_range = response->status == 206 ? response->header("next-range") : ""};
}

Outcome<json::value> ApiClient::get(const std::string& path) const {
  BERTH_ASSIGN(Answer answer, exchange("GET", path, {}, {}));
  return std::move(answer.body);
}

Outcome<json::object> ApiClient::get_object(const std::string& path) const {
  BERTH_ASSIGN(json::value value, get(path));
  if (!value.is_object())
    return failed("The API at " + url_ + " answered GET " + path + " with no JSON object.");
  return std::move(value.get_object());
}

Outcome<json::array> ApiClient::list(const std::string& path, const std::string& range) const {
  json::array all;
  std::string next = range;
  for (int page = 0; page < most_pages && (page == 0 || !next.empty()); ++page) {
    BERTH_ASSIGN(Answer answer, exchange("GET", path, {}, next));
    auto* items = answer.body.if_array();
    if (!items)
      return failed("The API at " + url_ + " answered GET " + path + " with no JSON array.");
    for (auto& item : *items) all.push_back(std::move(item));
    // The same range again would never end.
    next = range.empty() && answer.next_range != next ? answer.next_range : "";
  }
  return all;
}

Outcome<json::value> ApiClient::send(const std::string& method, const std::string& path,
                                     const json::value& body) const {
  const bool empty = body.is_null();
  BERTH_ASSIGN(Answer answer, exchange(method, path, empty ? "" : to_text(body), {}));
  return std::move(answer.body);
}

Outcome<void> ApiClient::stream(const std::string& path,
                                std::function<bool(std::string_view)> on_data,
                                std::chrono::milliseconds wait) const {
  HttpRequest request{.url = {}, .deadline = wait, .on_data = std::move(on_data)};
  BERTH_ASSIGN(request.url, Url::parse(url_ + path));
  if (!token_.empty()) request.headers["Authorization"] = "Bearer " + token_;
  const auto response = http_request(request);
  if (response.has_error()) return unreachable(url_, response.error());
  if (response->status / 100 != 2) return refusal(response->status, response->body, url_);
  return {};
}

}  // namespace berth::cli
