// SPDX-License-Identifier: Apache-2.0
//
// The dashboard's files. They are read once at the start and looked up by their exact name: a
// request never reaches the file system, so there is no path to break out of.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "api/http.hpp"

namespace berth::api {

class StaticFiles final {
 public:
  /// A directory that is not there gives an answer that says so. `max_bytes` bounds our memory.
  [[nodiscard]] static Result<StaticFiles> load(const std::filesystem::path& directory,
                                                std::size_t max_bytes = 32 << 20);

  /// The file, or index.html for a path of the single-page app.
  [[nodiscard]] Response answer(const Request& request) const;

 private:
  struct File {
    std::string content;
    std::string type;
    std::string etag;
    bool immutable = false;  ///< its name has a hash of its content
  };
  [[nodiscard]] const File* find(const std::string& path) const;

  std::filesystem::path directory_;
  std::map<std::string, File> files_;  ///< by URL path: "/assets/app-3fa9.js"
};

}  // namespace berth::api
