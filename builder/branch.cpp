// SPDX-License-Identifier: Apache-2.0
#include "builder/branch.hpp"

#include <git2.h>

#include <memory>

namespace berth::builder {

namespace {

struct Close {
  void operator()(git_repository* repository) const noexcept { git_repository_free(repository); }
};

Error git_failure(const std::string& what) {
  const git_error* error = git_error_last();
  return {ErrorKind::io,
          what + ": " + (error && error->message ? error->message : "unknown error")};
}

using Repository = std::unique_ptr<git_repository, Close>;

Result<Repository> open(const std::filesystem::path& repository) {
  git_libgit2_init();  // counted; ours never ends
  // The repositories are ours whatever user owns their files.
  git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  git_repository* opened = nullptr;
  if (git_repository_open_bare(&opened, repository.c_str()) != 0)
    return git_failure("open repository " + repository.string());
  return Repository(opened);
}

}  // namespace

Result<std::string> branch_commit(const std::filesystem::path& repository, const std::string& ref) {
  BERTH_ASSIGN(const Repository opened, open(repository));
  git_oid id;
  const int found = git_reference_name_to_id(&id, opened.get(), ref.c_str());
  if (found == GIT_ENOTFOUND) return std::string(GIT_OID_HEXSZ, '0');
  if (found != 0) return git_failure("read " + ref);
  char text[GIT_OID_HEXSZ + 1];
  return std::string(git_oid_tostr(text, sizeof text, &id));
}

Result<void> remove_branch(const std::filesystem::path& repository, const std::string& ref) {
  if (!std::filesystem::exists(repository / "HEAD")) return {};
  BERTH_ASSIGN(const Repository opened, open(repository));
  const int removed = git_reference_remove(opened.get(), ref.c_str());
  if (removed == 0 || removed == GIT_ENOTFOUND) return {};
  return git_failure("remove " + ref);
}

}  // namespace berth::builder
