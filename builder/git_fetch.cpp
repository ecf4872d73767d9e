// SPDX-License-Identifier: Apache-2.0
#include "builder/git_fetch.hpp"

#include <algorithm>
#include <vector>

#include "base/file.hpp"
#include "builder/buildpack_source.hpp"
#include "builder/failure.hpp"
#include "builder/path_patterns.hpp"
#include "builder/workspace.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view inside = "/fetch";
constexpr std::size_t longest_output = 1 << 20;
constexpr std::chrono::seconds longest_wait = std::chrono::minutes(2);

/// The last lines, without what git says of the URL's credentials.
std::string tail_of(const std::string& output, const std::string& url) {
  std::string text = output;
  const std::string shown = without_credentials(url);
  for (std::size_t at = text.find(url); at != text.npos && shown != url;
       at = text.find(url, at + shown.size()))
    text.replace(at, url.size(), shown);
  const auto lines = lines_of(text);
  std::string result;
  constexpr std::size_t most_lines = 4;
  for (std::size_t i = lines.size() > most_lines ? lines.size() - most_lines : 0; i < lines.size();
       ++i)
    result += (result.empty() ? "" : "; ") + lines[i];
  return result;
}

}  // namespace

bool is_commit_id(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string commit_in_ls_remote(std::string_view output, std::string_view reference) {
  const std::string name(reference.empty() ? "HEAD" : reference);
  const std::vector<std::string> wanted = {name, "refs/heads/" + name, "refs/tags/" + name + "^{}",
                                           "refs/tags/" + name};
  std::string found;
  std::size_t rank = wanted.size();
  for (const auto& line : lines_of(output)) {
    const auto tab = line.find('\t');
    if (tab == line.npos || !is_commit_id(std::string_view(line).substr(0, tab))) continue;
    const auto at = std::find(wanted.begin(), wanted.end(), line.substr(tab + 1));
    const auto better = static_cast<std::size_t>(at - wanted.begin());
    if (better >= rank) continue;
    rank = better;
    found = line.substr(0, tab);
  }
  return found;
}

Result<GitFetch> GitFetch::open(const BuildContext& context, const fs::path& directory) {
  BERTH_TRY(remove_tree(directory));
  BERTH_TRY(make_build_directory(directory));
  SandboxSpec spec;
  spec.name = "fetch-" + context.request.build_id.substr(0, 34);
  BERTH_ASSIGN(spec.root_layers, context.images.directories(context.build_image));
  spec.binds = {{.source = directory, .target = std::string(inside), .writable = true}};
  spec.binds.insert(spec.binds.end(), context.request.extra_binds.begin(),
                    context.request.extra_binds.end());
  spec.limits = context.request.limits;
  BERTH_ASSIGN(auto sandbox, with_context(context.sandboxes.open(spec),
                                          "open a sandbox to fetch a buildpack in"));
  return GitFetch(context, directory, std::move(sandbox));
}

Result<std::string> GitFetch::git(const GitOrigin& origin, std::vector<std::string> words) {
  SandboxCommand command{.argv = {"/usr/bin/git", "-c", "protocol.file.allow=never", "-c",
                                  "advice.detachedHead=false"},
                         .env = context_.inherited,
                         .working_directory = std::string(inside),
                         .uid = build_uid,
                         .gid = build_gid,
                         .timeout = std::min(context_.time_left(), longest_wait)};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  for (const auto& [name, value] : context_.request.operator_env)
    command.env.emplace(name.substr(0, name.find('.')), value);
  command.env["GIT_TERMINAL_PROMPT"] = "0";
  command.env["GIT_ALLOW_PROTOCOL"] = "https:http:git:ssh";
  command.env["HOME"] = "/tmp";
  std::string output;
  BERTH_ASSIGN(const SandboxExit exit, sandbox_->run(command, [&](std::string_view text) {
    output.append(text.substr(0, longest_output - std::min(longest_output, output.size())));
  }));
  if (exit.cancelled) return Error{ErrorKind::cancelled, "the build was cancelled"};
  const std::string shown = without_credentials(origin.url);
  if (exit.timed_out)
    return Error{ErrorKind::timeout, "fetching the buildpack " + shown + " took longer than " +
                                         people_duration(command.timeout)};
  if (!exit.status.success())
    return Error{ErrorKind::unavailable,
                 "the buildpack " + shown +
                     " could not be fetched: " + tail_of(output, origin.url) +
                     ". Check its URL, and that this machine reaches it without a password."};
  return output;
}

Result<std::string> GitFetch::resolve(const GitOrigin& origin) {
  const std::string& name = origin.reference;
  if (is_commit_id(name)) return name;
  std::vector<std::string> words = {"ls-remote", "--", origin.url, name.empty() ? "HEAD" : name};
  if (!name.empty()) words.push_back(name + "^{}");
  BERTH_ASSIGN(const std::string output, git(origin, std::move(words)));
  std::string commit = commit_in_ls_remote(output, name);
  if (commit.empty())
    return Error{ErrorKind::not_found,
                 "the buildpack " + without_credentials(origin.url) + " has no branch or tag '" +
                     (name.empty() ? "HEAD" : name) + "'. A commit needs all of its 40 digits."};
  return commit;
}

Result<void> GitFetch::fetch(const GitOrigin& origin, const std::string& commit) {
  const std::string tree = std::string(inside) + "/tree";
  BERTH_TRY(git(origin, {"init", "--quiet", tree}));
  BERTH_TRY(git(origin, {"-C", tree, "fetch", "--quiet", "--depth=1", "--", origin.url, commit}));
  BERTH_TRY(git(origin, {"-C", tree, "checkout", "--quiet", "--detach", commit}));
  watch_.reset();
  sandbox_.reset();  // Nothing writes any more to what we read now.
  const fs::path result = directory_ / "tree";
  if (!fs::is_directory(fs::symlink_status(result)))
    return Error{ErrorKind::invalid, "what was fetched is no directory"};
  return remove_tree(result / ".git");
}

}  // namespace berth::builder
