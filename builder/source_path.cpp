// SPDX-License-Identifier: Apache-2.0
#include "builder/source_path.hpp"

#include <algorithm>
#include <string>

namespace berth::builder {

namespace {

constexpr std::size_t longest_name_bytes = 255;
constexpr std::size_t longest_path_bytes = 3000;  // PATH_MAX less what stands before it on disk
constexpr std::ptrdiff_t deepest_path = 128;

/// ".git" in any case, as git itself refuses it (fsck: hasDotgit).
bool is_dot_git(std::string_view name) {
  constexpr std::string_view git = ".git";
  return std::equal(name.begin(), name.end(), git.begin(), git.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace

Result<void> check_tree_name(std::string_view name) {
  const auto refuse = [&](const char* why) {
    return Error{ErrorKind::invalid,
                 "the commit holds an entry named '" + std::string(name) + "', " + why};
  };
  if (name.empty()) return refuse("which has no name");
  if (name == "." || name == "..") return refuse("which leads out of its directory");
  if (name.find('/') != name.npos) return refuse("which holds a slash");
  if (name.find('\0') != name.npos) return refuse("which holds a zero byte");
  if (is_dot_git(name)) return refuse("which is git's own directory");
  if (name.size() > longest_name_bytes) return refuse("which is longer than 255 bytes");
  return {};
}

Result<void> check_source_path(std::string_view path) {
  if (path.size() > longest_path_bytes)
    return Error{ErrorKind::limit, "the commit holds a path longer than " +
                                       std::to_string(longest_path_bytes) +
                                       " bytes: " + std::string(path.substr(0, 100)) + "…"};
  if (std::count(path.begin(), path.end(), '/') >= deepest_path)
    return Error{ErrorKind::limit, "the commit holds directories nested deeper than " +
                                       std::to_string(deepest_path) + ": " +
                                       std::string(path.substr(0, 100)) + "…"};
  return {};
}

}  // namespace berth::builder
