// SPDX-License-Identifier: Apache-2.0
#include "api/http.hpp"

#include <algorithm>
#include <stdexcept>

namespace berth::api {

namespace {

struct Kind {
  int status;
  std::string_view id;
};

Kind kind_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid: return {422, "invalid_params"};
    case ErrorKind::not_found: return {404, "not_found"};
    case ErrorKind::conflict: return {409, "conflict"};
    case ErrorKind::unauthorized: return {401, "unauthorized"};
    case ErrorKind::forbidden: return {403, "forbidden"};
    case ErrorKind::limit: return {422, "invalid_params"};
    case ErrorKind::timeout:
    case ErrorKind::unavailable:
    case ErrorKind::cancelled: return {503, "unavailable"};
    case ErrorKind::io:
    case ErrorKind::internal: break;
  }
  return {500, "internal"};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::string_view Request::header(std::string_view lower_case_name) const {
  const auto found = std::ranges::find(headers, lower_case_name, &Headers::value_type::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

Problem::Problem(const Error& error)
    : status(kind_of(error.kind).status), id(kind_of(error.kind).id), message(error.message) {}

void throw_exception_from_error(const Problem& problem, const boost::source_location&) {
  throw std::runtime_error(problem.message);
}

Response json_response(const json::value& value, int status) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}},
          .body = to_text(value) + "\n"};
}

Response text_response(std::string text, int status) {
  return {.status = status,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
          .body = std::move(text)};
}

Response problem_response(const Problem& problem) {
  json::object body{{"id", problem.id}, {"message", problem.message}};
  if (!problem.resource.empty()) body["resource"] = problem.resource;
  Response response = json_response(body, problem.status);
  response.headers.insert(response.headers.end(), problem.headers.begin(), problem.headers.end());
  return response;
}

Problem invalid_params(std::string_view message) { return {422, "invalid_params", message}; }

Problem bad_request(std::string_view message) { return {400, "bad_request", message}; }

Problem not_found(std::string_view message, std::string_view resource) {
  Problem problem(404, "not_found", message);
  problem.resource = resource;
  return problem;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    result += c;
  }
  return result;
}

std::optional<std::vector<std::string>> path_segments(std::string_view path) {
  std::vector<std::string> result;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    const auto slash = path.find('/');
    auto segment = percent_decode(path.substr(0, slash));
    if (!segment) return std::nullopt;
    result.push_back(std::move(*segment));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
    if (path.empty()) result.emplace_back();
  }
  return result;
}

std::map<std::string, std::string> parse_query(std::string_view query) {
  std::map<std::string, std::string> result;
  while (!query.empty()) {
    const auto end = query.find('&');
    std::string pair(query.substr(0, end));
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    std::ranges::replace(pair, '+', ' ');
    const auto equals = pair.find('=');
    const auto name = percent_decode(std::string_view(pair).substr(0, equals));
    const auto value = equals == std::string::npos
                           ? std::optional<std::string>("")
                           : percent_decode(std::string_view(pair).substr(equals + 1));
    if (name && value && !name->empty()) result[*name] = *value;
  }
  return result;
}

std::string_view cookie(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const auto end = header.find(';');
    const std::string_view pair = trimmed(header.substr(0, end));
    header.remove_prefix(end == std::string_view::npos ? header.size() : end + 1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string media_type(std::string_view content_type) {
  return lower_case(trimmed(content_type.substr(0, content_type.find(';'))));
}

std::string host_without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const auto bracket = host.find(']');
    return lower_case(
        host.substr(0, bracket == std::string_view::npos ? host.size() : bracket + 1));
  }
  return lower_case(host.substr(0, host.find(':')));
}

}  // namespace berth::api
