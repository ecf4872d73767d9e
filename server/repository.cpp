// SPDX-License-Identifier: Apache-2.0
#include "server/repository.hpp"

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "builder/branch.hpp"

namespace berth::server {

namespace fs = std::filesystem;

Result<void> create_repository(const fs::path& path, const fs::path& hook_program) {
  BERTH_TRY(make_directories(path.parent_path()));
  BERTH_ASSIGN(const Output made, run_program({.argv = {"git", "init", "--quiet", "--bare",
                                                        "--initial-branch=main", path.string()}}));
  if (!made.status.success())
    return Error{ErrorKind::io, "create the app's repository: git init: " + made.err};
  std::error_code failure;
  const fs::path hook = path / "hooks" / "pre-receive";
  fs::remove(hook, failure);
  fs::create_directories(hook.parent_path(), failure);
  fs::create_symlink(hook_program, hook, failure);
  if (failure) return Error{ErrorKind::io, "install the app's hook: " + failure.message()};
  return {};
}

Result<void> check_branches(const fs::path& repository, const std::vector<RefUpdate>& updates) {
  for (const RefUpdate& update : updates) {
    BERTH_ASSIGN(const std::string branch, builder::branch_commit(repository, update.ref));
    if (branch != update.before)
      return Error{ErrorKind::conflict,
                   "another push (" + branch.substr(0, 7) +
                       ") was deployed meanwhile and moved the branch. Fetch it, then "
                       "push again"};
  }
  return {};
}

}  // namespace berth::server
