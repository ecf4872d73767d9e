// SPDX-License-Identifier: Apache-2.0
//
// Which file: path, path.html, path/index.html, then a route's page, then the error page.
#include "buildpacks/static/server/site.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "buildpacks/static/server/content_type.hpp"

namespace berth::site {
namespace {

// Image layers carry one time stamp for every file, so an old date says nothing about the content.
constexpr std::int64_t earliest_real_mtime_s = 400'000'000;  // September 1982
constexpr std::size_t max_cached_tags = 100'000;

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 416: return "Range Not Satisfiable";
    case 431: return "Request Header Fields Too Large";
    default: return "Internal Server Error";
  }
}

std::string status_line(int status) {
  return "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(reason(status)) + "\r\n";
}

void add(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

// Opens below the root without following a link out of it. Where openat2 is not there, the path
// (free of "..") alone keeps below the root.
int open_below(int root, const char* path) {
  struct open_how how {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(fd);
  return openat(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

// 64 bits that change when the content does; not cryptographic.
std::uint64_t content_hash(int file, std::uint64_t size) {
  constexpr std::uint64_t prime = 0x9E3779B97F4A7C15ULL;
  std::uint64_t hash = size * prime + 1;
  if (size == 0) return hash;
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (data == MAP_FAILED) return hash;
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (std::uint64_t i = 0; i < size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min<std::uint64_t>(8, size - i));
    hash = (hash ^ word) * prime;
    hash ^= hash >> 29;
  }
  munmap(data, size);
  return hash;
}

std::string http_date(std::time_t when) {
  std::tm parts{};
  gmtime_r(&when, &parts);
  std::array<char, 40> text{};
  const auto size = strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

std::string percent_encode(std::string_view path) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

bool is_named(const HeaderRule& line, std::string_view lower_case) {
  return std::ranges::equal(line.name, lower_case, [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

// The app's headers, and ours where it says nothing.
void add_headers(std::string& head, const Rules& rules, std::string_view path) {
  bool own_caching = false;
  bool own_sniffing = false;
  for (const HeaderRule& line : headers_for(rules, path)) {
    own_caching = own_caching || is_named(line, "cache-control");
    own_sniffing = own_sniffing || is_named(line, "x-content-type-options");
    add(head, line.name, line.value);
  }
  if (!own_caching) add(head, "Cache-Control", "public, max-age=0, must-revalidate");
  if (!own_sniffing) add(head, "X-Content-Type-Options", "nosniff");
}

}  // namespace

Site::Site(Fd root, Rules rules) : root_(std::move(root)), rules_(std::move(rules)) {}

Answer Site::plain(int status, std::string_view text, std::string_view more) {
  Answer answer;
  answer.head = status_line(status);
  add(answer.head, "Content-Type", "text/plain; charset=utf-8");
  answer.head += more;
  answer.body = text;
  answer.body += '\n';
  add(answer.head, "Content-Length", std::to_string(answer.body.size()));
  answer.length = answer.body.size();
  return answer;
}

Site::Found Site::open_file(std::string path) const {
  Found found;
  Fd opened(open_below(root_.get(), path == "/" ? "." : path.c_str() + 1));
  if (!opened || fstat(opened.get(), &found.info) != 0) return found;
  if (!S_ISREG(found.info.st_mode) && !S_ISDIR(found.info.st_mode)) return {};
  found.file = std::move(opened);
  found.path = std::move(path);
  return found;
}

// Sets `redirect` if the path names a folder without its slash: relative links need it.
Site::Found Site::find(const Request& request, std::string& redirect) const {
  const std::string& path = request.path;
  if (is_hidden(path)) return {};
  if (path.back() == '/') return open_file(path + "index.html");
  Found found = open_file(path);
  if (found.file && S_ISREG(found.info.st_mode)) return found;
  Found page = open_file(path + ".html");
  if (page.file && S_ISREG(page.info.st_mode)) return page;
  if (!found.file) return {};
  if (open_file(path + "/index.html").file) redirect = path + '/';
  return {};
}

const std::string& Site::etag(const Found& found) {
  const auto size = static_cast<std::uint64_t>(found.info.st_size);
  const std::int64_t modified_ns =
      found.info.st_mtim.tv_sec * 1'000'000'000 + found.info.st_mtim.tv_nsec;
  if (tags_.size() >= max_cached_tags) tags_.clear();
  CachedTag& cached = tags_[found.path];
  if (cached.tag.empty() || cached.size != size || cached.modified_ns != modified_ns) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "\"%016llx\"",
        static_cast<unsigned long long>(content_hash(found.file.get(), size)));
    cached = {modified_ns, size, text.data()};
  }
  return cached.tag;
}

Answer Site::send(Found found, const Request& request, int status) {
  const std::string& tag = etag(found);
  const auto size = static_cast<std::uint64_t>(found.info.st_size);
  const bool dated = found.info.st_mtim.tv_sec >= earliest_real_mtime_s;
  const std::string modified = dated ? http_date(found.info.st_mtim.tv_sec) : std::string();
  Answer answer;
  std::string validators;
  add(validators, "ETag", tag);
  if (dated) add(validators, "Last-Modified", modified);
  add_headers(validators, rules_, request.path);
  if (status == 200) {
    const bool same = request.if_none_match.empty()
                          ? dated && request.if_modified_since == modified
                          : etag_matches(request.if_none_match, tag);
    if (same) {
      answer.head = status_line(304) + validators;
      return answer;
    }
  }
  RangeAnswer range;
  if (status == 200 && (request.if_range.empty() || request.if_range == tag)) {
    range = resolve_range(request.range, size);
  }
  if (range.kind == RangeKind::unsatisfiable) {
    return plain(416, "416 Range Not Satisfiable",
        "Content-Range: bytes */" + std::to_string(size) + "\r\n");
  }
  answer.length = size;
  if (range.kind == RangeKind::part) {
    status = 206;
    answer.offset = range.bytes.first;
    answer.length = range.bytes.last - range.bytes.first + 1;
  }
  answer.head = status_line(status) + validators;
  add(answer.head, "Content-Type", content_type(found.path));
  if (status != 404) add(answer.head, "Accept-Ranges", "bytes");
  if (status == 206) {
    add(answer.head, "Content-Range",
        "bytes " + std::to_string(range.bytes.first) + '-' + std::to_string(range.bytes.last) +
            '/' + std::to_string(size));
  }
  add(answer.head, "Content-Length", std::to_string(answer.length));
  answer.file = std::move(found.file);
  return answer;
}

std::string Site::moved_to(const Request& request, int& status) const {
  status = 301;
  const std::string asked = percent_encode(request.path) + request.query;
  if (rules_.https_only && request.forwarded_proto == "http" && !request.host.empty()) {
    return "https://" + std::string(request.host) + asked;
  }
  if (const Redirect* redirect = find_redirect(rules_, request.path)) {
    status = redirect->status;
    return redirect->to;
  }
  constexpr std::string_view suffix = ".html";
  if (!rules_.clean_urls || !request.path.ends_with(suffix)) return {};
  if (is_hidden(request.path) || !open_file(request.path).file) return {};
  std::string clean = request.path.substr(0, request.path.size() - suffix.size());
  if (clean.ends_with("/index")) clean.erase(clean.size() - 5);
  return percent_encode(clean) + request.query;
}

// No file has this path: a route's page with 200, else the error page with 404.
Answer Site::missing(const Request& request) {
  const std::string route = is_hidden(request.path) ? "" : find_route(rules_, request.path);
  if (!route.empty()) {
    Found page = open_file(route);
    if (page.file && S_ISREG(page.info.st_mode)) return send(std::move(page), request, 200);
  }
  Found page = open_file(rules_.error_page);
  if (page.file && S_ISREG(page.info.st_mode)) return send(std::move(page), request, 404);
  return plain(404, "404 Not Found");
}

Answer Site::answer(const Request& request) {
  if (request.method == Method::other) {
    return plain(405, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
  }
  int status = 0;
  const std::string moved = moved_to(request, status);
  if (!moved.empty()) {
    return plain(status, std::to_string(status) + ' ' + std::string(reason(status)),
        "Location: " + moved + "\r\n");
  }
  std::string redirect;
  Found found = find(request, redirect);
  if (!redirect.empty()) {
    return plain(301, "301 Moved Permanently",
        "Location: " + percent_encode(redirect) + request.query + "\r\n");
  }
  if (found.file && S_ISREG(found.info.st_mode)) return send(std::move(found), request, 200);
  return missing(request);
}

}  // namespace berth::site
