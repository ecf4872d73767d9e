// SPDX-License-Identifier: Apache-2.0
//
// libgit2's handles with an owner each, and its errors as ours. Only for .cpp files of this folder.
#pragma once

#include <git2.h>

#include <memory>
#include <string>

#include "base/result.hpp"

namespace berth::builder {

template <auto Free>
struct GitDeleter {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};
using Repository = std::unique_ptr<git_repository, GitDeleter<git_repository_free>>;
using ObjectDatabase = std::unique_ptr<git_odb, GitDeleter<git_odb_free>>;
using Commit = std::unique_ptr<git_commit, GitDeleter<git_commit_free>>;
using Tree = std::unique_ptr<git_tree, GitDeleter<git_tree_free>>;
using TreeEntry = std::unique_ptr<git_tree_entry, GitDeleter<git_tree_entry_free>>;
using OdbObject = std::unique_ptr<git_odb_object, GitDeleter<git_odb_object_free>>;
using GitIndex = std::unique_ptr<git_index, GitDeleter<git_index_free>>;
using Signature = std::unique_ptr<git_signature, GitDeleter<git_signature_free>>;
using Reference = std::unique_ptr<git_reference, GitDeleter<git_reference_free>>;

/// libgit2 counts its users; ours never ends.
inline void start_libgit2() {
  static const int ready = [] {
    const int count = git_libgit2_init();
    // The repositories are ours whatever user owns their files.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    return count;
  }();
  static_cast<void>(ready);
}

inline Error git_failure(const std::string& what) {
  const git_error* error = git_error_last();
  return {ErrorKind::io,
          what + ": " + (error && error->message ? error->message : "unknown error")};
}

}  // namespace berth::builder
