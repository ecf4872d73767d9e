// SPDX-License-Identifier: Apache-2.0
//
// A commit of a git repository elsewhere, fetched by git inside a sandbox: the network it sees is
// the build's, and what the other side sends is unpacked by an unprivileged user.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "builder/build_context.hpp"
#include "builder/cancel_watch.hpp"

namespace berth::builder {

struct GitOrigin {
  std::string url;
  std::string reference;  ///< a branch, a tag, 40 digits of a commit, or empty: HEAD
};

class GitFetch final {
 public:
  /// `directory` receives what is fetched, in "tree"; it is made for the build's user.
  [[nodiscard]] static Result<GitFetch> open(const BuildContext& context,
                                             const std::filesystem::path& directory);

  /// The commit that the reference names now.
  [[nodiscard]] Result<std::string> resolve(const GitOrigin& origin);
  /// The files of that commit, without git's own, in `directory`/tree.
  [[nodiscard]] Result<void> fetch(const GitOrigin& origin, const std::string& commit);

 private:
  GitFetch(const BuildContext& context, std::filesystem::path directory,
           std::unique_ptr<Sandbox> sandbox)
      : context_(context),
        directory_(std::move(directory)),
        sandbox_(std::move(sandbox)),
        watch_(std::make_unique<CancelWatch>(*sandbox_, context.cancel)) {}
  [[nodiscard]] Result<std::string> git(const GitOrigin& origin, std::vector<std::string> words);

  const BuildContext& context_;
  std::filesystem::path directory_;
  std::unique_ptr<Sandbox> sandbox_;
  std::unique_ptr<CancelWatch> watch_;
};

/// From the output of `git ls-remote`: a branch goes before a tag, an annotated tag is its commit.
[[nodiscard]] std::string commit_in_ls_remote(std::string_view output, std::string_view reference);
/// 40 hex digits, lower case.
[[nodiscard]] bool is_commit_id(std::string_view text);

}  // namespace berth::builder
