// SPDX-License-Identifier: Apache-2.0
#include "router/errors.hpp"

#include <array>

#include "base/json.hpp"
#include "router/table.hpp"

namespace berth::router {

namespace {

constexpr std::array<ErrorInfo, error_code_count> errors{{
    {"", 200, "", ""},
    {"no-such-app", 404, "No such app", "No app is reachable under this name here."},
    {"bad-request", 400, "Bad request", "The request is not valid HTTP."},
    {"forbidden", 403, "Forbidden", "This app does not take requests from your address."},
    {"unauthorized", 401, "Unauthorized", "This app asks for a user and a password."},
    {"rate-limited", 429, "Too many requests", "You ask more often than this app allows. Wait."},
    {"body-too-large", 413, "Content too large", "The request is larger than this app allows."},
    {"head-too-large", 431, "Request header fields too large",
     "The head of the request is larger than this app allows."},
    {"H10", 503, "App crashed", "The app crashed. `berth logs` says why."},
    {"H11", 503, "Backlog too deep", "Too many requests wait for this app already."},
    {"H12", 503, "Request timeout", "The app took too long to begin its answer."},
    {"H13", 503, "Connection closed without response",
     "The app closed the connection without an answer."},
    {"H14", 503, "No web replicas running",
     "No web process runs. `berth ps:scale web=1` starts one."},
    {"H15", 503, "Idle connection", "The app stopped sending in the middle of its answer."},
    {"H17", 503, "Poorly formatted HTTP response", "The app's answer is not valid HTTP."},
    {"H18", 503, "Server request interrupted",
     "The app broke off the connection in the middle of its answer."},
    {"H19", 503, "Backend connection timeout", "The app did not accept the connection in time."},
    {"H20", 503, "App boot timeout", "The app was asleep and did not wake in time. Try again."},
    {"H21", 503, "Backend connection refused", "The app refused the connection."},
    {"H22", 503, "Connection limit reached",
     "As many requests are being served as this app allows at a time. Try again."},
    {"H27", 499, "Client request interrupted", "The client closed the connection."},
    {"H28", 499, "Client connection idle", "The client stopped sending its request."},
    {"H80", 503, "Maintenance mode", "The app is under maintenance. Please come back soon."},
    {"H81", 503, "Blank app", "Nothing has been deployed to this app yet."},
    {"H99", 500, "Platform error", "The platform failed, not the app. Try again."},
}};

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '&': escaped += "&amp;"; break;
      case '"': escaped += "&quot;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

/// With {{code}} and {{request_id}} replaced.
std::string own_page(const ErrorPage& page, const ErrorInfo& error) {
  std::string body;
  std::string_view rest = page.html;
  for (;;) {
    const std::size_t at = rest.find("{{");
    body += rest.substr(0, at);
    if (at == std::string_view::npos) return body;
    rest.remove_prefix(at);
    const std::size_t end = rest.find("}}");
    const std::string_view name = end == std::string_view::npos ? "" : rest.substr(2, end - 2);
    if (name == "code" || name == "request_id") {
      body += escape_html(name == "code" ? error.code : page.request_id);
      rest.remove_prefix(end + 2);
    } else {
      body += "{{";
      rest.remove_prefix(2);
    }
  }
}

std::string html_body(const ErrorPage& page, const ErrorInfo& error, std::string_view text) {
  if (!page.html.empty()) return own_page(page, error);
  std::string body =
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>";
  body += error.description;
  body +=
      "</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:18vh auto;"
      "padding:0 1.5em;color:#222;background:#fafafa}h1{font-size:1.5em;margin:0 0 .4em}"
      "small{color:#777}code{background:#eee;padding:.1em .3em;border-radius:3px}"
      "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code{background:#333}}"
      "</style><h1>";
  body += error.description;
  body += "</h1><p>" + escape_html(text) + "</p><p><small>";
  if (!page.host.empty()) body += escape_html(page.host) + " &middot; ";
  body += "code <code>" + std::string(error.code) + "</code>";
  if (!page.request_id.empty())
    body += " &middot; request <code>" + escape_html(page.request_id) + "</code>";
  body += "</small></p></html>\n";
  return body;
}

std::string json_body(const ErrorPage& page, const ErrorInfo& error, std::string_view text) {
  json::object object;
  object["id"] = error.code;
  object["message"] = text;
  if (!page.app.empty()) object["app"] = page.app;
  if (!page.request_id.empty()) object["request_id"] = page.request_id;
  return to_text(object) + "\n";
}

std::string text_body(const ErrorPage& page, const ErrorInfo& error, std::string_view text) {
  std::string body = std::string(error.description) + " (" + std::string(error.code) + "): ";
  body += text;
  body += "\n";
  if (!page.request_id.empty()) body += "request " + std::string(page.request_id) + "\n";
  return body;
}

/// W3C Server-Timing, in milliseconds.
void put_times(const ErrorTimes& times, std::string& head) {
  if (times.total_us < 0) return;
  head += "Server-Timing: ";
  const auto put = [&head](std::string_view name, std::int64_t us) {
    if (us < 0) return;
    const std::string fraction = std::to_string(us % 1000 + 1000).substr(1);
    head += std::string(name) + ";dur=" + std::to_string(us / 1000) + "." + fraction +
            (name == "total" ? "\r\n" : ", ");
  };
  put("queue", times.held_us);
  put("connect", times.connect_us);
  put("first_byte", times.wait_us);
  put("total", times.total_us);
}

}  // namespace

const ErrorInfo& info(ErrorCode code) { return errors[static_cast<std::size_t>(code)]; }

std::string_view reason_phrase(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Error";
  }
}

std::string render(const ErrorPage& page) {
  const ErrorInfo& error = info(page.code);
  const int status = page.status ? page.status : error.status;
  const std::string_view text = page.message.empty() ? error.advice : page.message;
  std::string body;
  std::string_view type;
  switch (page.accepts) {
    case http::Accepts::html:
      body = html_body(page, error, text);
      type = "text/html; charset=utf-8";
      break;
    case http::Accepts::json:
      body = json_body(page, error, text);
      type = "application/json";
      break;
    case http::Accepts::text:
      body = text_body(page, error, text);
      type = "text/plain; charset=utf-8";
      break;
  }
  std::string response = "HTTP/1.1 " + std::to_string(status) + " ";
  response += reason_phrase(status);
  response += "\r\nContent-Type: ";
  response += type;
  response += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nX-Berth-Error: ";
  response += error.code;
  response += "\r\nCache-Control: no-store\r\n";
  if (!page.request_id.empty())
    response += "X-Request-Id: " + std::string(page.request_id) + "\r\n";
  put_times(page.times, response);
  response += page.fields;
  if (page.close) response += "Connection: close\r\n";
  if (!page.close && page.http_1_0) response += "Connection: keep-alive\r\n";
  response += "\r\n";
  if (!page.to_head) response += body;
  return response;
}

/// 308 keeps method and body (RFC 9110, section 15.4.9).
std::string render(const Redirect& redirect) {
  std::string response =
      "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://" + normalized_host(redirect.host);
  if (redirect.https_port != "443") response += ":" + std::string(redirect.https_port);
  response += redirect.target.starts_with('/') ? redirect.target : "/";
  response += "\r\nContent-Length: 0\r\nX-Request-Id: " + std::string(redirect.request_id);
  if (redirect.close) response += "\r\nConnection: close";
  if (!redirect.close && redirect.http_1_0) response += "\r\nConnection: keep-alive";
  return response + "\r\n\r\n";
}

std::string render_text(std::string_view text, bool close) {
  std::string response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
  response += std::to_string(text.size());
  if (close) response += "\r\nConnection: close";
  response += "\r\n\r\n";
  response += text;
  return response;
}

}  // namespace berth::router
