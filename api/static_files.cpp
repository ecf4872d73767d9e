// SPDX-License-Identifier: Apache-2.0
#include "api/static_files.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/crypto.hpp"
#include "base/file.hpp"

namespace berth::api {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
    "'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

constexpr std::string_view unknown_type = "application/octet-stream";

std::string type_of(const fs::path& path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 14> types = {{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
      {".wasm", "application/wasm"},
  }};
  const std::string extension = path.extension().string();
  const auto found =
      std::ranges::find(types, extension, &std::pair<std::string_view, std::string_view>::first);
  return std::string(found == types.end() ? unknown_type : found->second);
}

/// Vite's names: /assets/index-BxYz12Ab.js
bool is_hashed(const std::string& path) {
  if (!path.starts_with("/assets/")) return false;
  const std::string name = fs::path(path).stem().string();
  return name.size() > 9 && name[name.size() - 9] == '-';
}

}  // namespace

Result<StaticFiles> StaticFiles::load(const fs::path& directory, std::size_t max_bytes) {
  StaticFiles result;
  result.directory_ = directory;
  std::error_code failure;
  if (directory.empty() || !fs::is_directory(directory, failure)) return result;
  std::size_t total = 0;
  for (auto entry = fs::recursive_directory_iterator(directory, failure);
       !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
    if (!entry->is_regular_file(failure)) continue;
    BERTH_ASSIGN(std::string content, read_file(entry->path(), max_bytes));
    total += content.size();
    if (total > max_bytes)
      return Error{ErrorKind::limit, "the dashboard's files in " + directory.string() +
                                         " are larger than " + std::to_string(max_bytes >> 20) +
                                         " MiB"};
    const std::string path = "/" + entry->path().lexically_relative(directory).generic_string();
    const std::string etag = "\"" + sha256_hex(content).substr(0, 32) + "\"";
    result.files_[path] = {.content = std::move(content),
                           .type = type_of(entry->path()),
                           .etag = etag,
                           .immutable = is_hashed(path)};
  }
  if (failure) return Error{ErrorKind::io, "read " + directory.string() + ": " + failure.message()};
  return result;
}

const StaticFiles::File* StaticFiles::find(const std::string& path) const {
  if (const auto found = files_.find(path); found != files_.end()) return &found->second;
  // A path of the page itself, such as /apps/hello/replicas/web.1: the page decides what it shows.
  if (path.starts_with("/assets/") || type_of(path) != unknown_type) return nullptr;
  const auto index = files_.find("/index.html");
  return index == files_.end() ? nullptr : &index->second;
}

Response StaticFiles::answer(const Request& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    Response response =
        text_response("only GET and HEAD are answered here; the API is under /api/\n", 405);
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (files_.empty())
    return text_response(
        "The dashboard's files are not there: no directory '" + directory_.string() +
            "'. Build them (npm run build in dashboard/) and start the server again.\n",
        503);
  const auto path = percent_decode(request.path);
  const File* file = path ? find(*path == "/" ? "/index.html" : *path) : nullptr;
  if (!file) return text_response("not found\n", 404);
  Response response{
      .headers = {
          {"Content-Type", file->type},
          {"ETag", file->etag},
          {"Content-Security-Policy", std::string(security_policy)},
          {"Cache-Control", file->immutable ? "public, max-age=31536000, immutable" : "no-cache"}}};
  if (request.header("if-none-match") == file->etag)
    response.status = 304;
  else
    response.body = file->content;
  return response;
}

}  // namespace berth::api
