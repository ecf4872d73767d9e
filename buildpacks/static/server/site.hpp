// SPDX-License-Identifier: Apache-2.0
//
// A folder of files as a web site: which file answers a request, with which status and headers.
// Knows no sockets; server.hpp sends what it says.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/fd.hpp"
#include "buildpacks/static/server/request.hpp"
#include "buildpacks/static/server/rules.hpp"

namespace berth::site {

struct Answer {
  std::string head;            // status line and headers, without Date and Connection
  std::string body;            // used if there is no file
  Fd file;                     // the bytes [offset, offset + length) follow the head
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

class Site final {
 public:
  // `root` is an open directory. A route for "/**" answers unknown paths with 200, for apps whose
  // routes live in the browser.
  Site(Fd root, Rules rules);

  // Never fails: an unreadable file is a 404, a request that is not GET or HEAD a 405.
  [[nodiscard]] Answer answer(const Request& request);

  [[nodiscard]] static Answer plain(int status, std::string_view text, std::string_view more = {});

 private:
  struct Found {
    Fd file;
    std::string path;
    struct stat info {};
  };
  struct CachedTag {
    std::int64_t modified_ns = 0;
    std::uint64_t size = 0;
    std::string tag;
  };

  [[nodiscard]] Found open_file(std::string path) const;
  [[nodiscard]] Found find(const Request& request, std::string& redirect) const;
  [[nodiscard]] const std::string& etag(const Found& found);
  // Where a rule sends this request; empty: nowhere else. Sets `status`.
  [[nodiscard]] std::string moved_to(const Request& request, int& status) const;
  [[nodiscard]] Answer missing(const Request& request);
  [[nodiscard]] Answer send(Found found, const Request& request, int status);

  Fd root_;
  Rules rules_;
  std::unordered_map<std::string, CachedTag> tags_;
};

}  // namespace berth::site
