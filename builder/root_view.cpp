// SPDX-License-Identifier: Apache-2.0
#include "builder/root_view.hpp"

#include <unistd.h>

#include <deque>

namespace berth::builder {

namespace {

constexpr int most_links = 40;

/// In front of what is left to walk.
void prepend(std::deque<std::string>& rest, std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

}  // namespace

Result<std::string> RootView::link_target(const RootEntry& link) {
  char target[4096];
  const ssize_t length = ::readlink(link.entry.paths[0].c_str(), target, sizeof target);
  if (length < 0) return system_error("read the link /" + link.path);
  return std::string(target, static_cast<std::size_t>(length));
}

RootEntry RootView::child(const RootEntry& directory, const std::string& name) const {
  return {.entry = overlay_child(directory.entry.paths, name),
          .path = directory.path.empty() ? name : directory.path + "/" + name};
}

Result<RootEntry> RootView::find(std::string_view path) const {
  RootEntry root{.entry = {OverlayEntry::Kind::directory, layers_, {}}, .path = {}};
  root.entry.status.st_mode = S_IFDIR | 0755;
  std::vector<RootEntry> walked = {root};  // so that ".." leads back, and never above
  std::deque<std::string> rest;
  prepend(rest, path);
  int links = 0;
  while (!rest.empty()) {
    const std::string name = rest.front();
    rest.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      if (walked.size() > 1) walked.pop_back();
      continue;
    }
    if (walked.back().there() && !walked.back().is_directory())
      return Error{ErrorKind::invalid, "/" + walked.back().path + " is no directory"};
    RootEntry next = child(walked.back(), name);
    if (!next.is_link()) {
      walked.push_back(std::move(next));
      continue;
    }
    if (++links > most_links)
      return Error{ErrorKind::invalid, "/" + next.path + " is a link that leads in a circle"};
    BERTH_ASSIGN(const std::string target, link_target(next));
    if (target.starts_with('/')) walked.resize(1);
    prepend(rest, target);
  }
  return std::move(walked.back());
}

std::vector<std::string> RootView::names(const RootEntry& directory) const {
  std::set<std::string> names;
  for (const auto& path : directory.entry.paths) names.merge(directory_names(path));
  std::erase_if(names, [&](const std::string& name) { return !child(directory, name).there(); });
  return {names.begin(), names.end()};
}

}  // namespace berth::builder
