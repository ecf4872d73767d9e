// SPDX-License-Identifier: Apache-2.0
//
// Unix stream sockets by path, with the peer's credentials.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth {

/// Binds and listens, mode 0600. A socket file that nobody listens on is replaced; one that answers
/// is an error of kind `conflict`.
[[nodiscard]] Result<Fd> listen_unix(const std::filesystem::path& path, int backlog = 64);
[[nodiscard]] Result<Fd> connect_unix(const std::filesystem::path& path);
[[nodiscard]] Result<uid_t> peer_uid(int socket);
[[nodiscard]] Result<pid_t> peer_pid(int socket);

}  // namespace berth
