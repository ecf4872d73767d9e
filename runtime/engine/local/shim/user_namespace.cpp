// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/user_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/fd.hpp"
#include "runtime/engine/local/container_shape.hpp"

namespace berth::runtime::shim {

Result<void> limit_user_namespace() {
  for (const CountedLimit& limit : counted_limits) {
    const Fd file(::open(limit.path, O_WRONLY | O_CLOEXEC));
    if (!file && errno == ENOENT) continue;  // a kernel without what it limits
    const std::size_t size = std::strlen(limit.most);
    if (!file || ::write(file.get(), limit.most, size) != static_cast<ssize_t>(size))
      return system_error(std::string("write ") + limit.path);
  }
  return {};
}

Result<void> limit_user_namespace_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/user";
  const Fd target(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) return system_error("open " + path);
  const pid_t child = ::fork();
  if (child < 0) return system_error("fork");
  if (child == 0) {
    if (::setns(target.get(), CLONE_NEWUSER) != 0) ::_exit(errno);
    const bool failed = limit_user_namespace().has_error();
    ::_exit(!failed ? 0 : errno == 0 ? EIO : errno);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return system_error("limit the user namespace", WIFEXITED(status) ? WEXITSTATUS(status) : EIO);
  return {};
}

}  // namespace berth::runtime::shim
