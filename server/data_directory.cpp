// SPDX-License-Identifier: Apache-2.0
#include "server/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <string>

#include "base/file.hpp"

namespace berth::server {

Result<DataDirectory> DataDirectory::open(const std::filesystem::path& path) {
  for (const auto* folder : {"images", "layers", "replicas", "volumes", "logs/builds"})
    BERTH_TRY(make_directories(path / folder));
  // Apps' code and what they print are not for the machine's other users.
  for (const auto* folder : {"git", "cache", "work", "uploads", "logs", "keys", "run"}) {
    BERTH_TRY(make_directories(path / folder));
    std::filesystem::permissions(path / folder, std::filesystem::perms::owner_all);
  }
  BERTH_ASSIGN(Fd lock, open_file(path / "lock", O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    const auto holder = read_file(path / "lock", 64);
    return Error{ErrorKind::conflict,
                 "another berth server" +
                     (holder.has_value() && !holder->empty() ? " (process " + *holder + ")" : "") +
                     " uses the data directory " + path.string() +
                     ". Stop it first, or give this one its own --data-dir"};
  }
  // Overwritten, not emptied first: that works on a full disk as well, where a server must start,
  // too.
  const std::string holder = std::to_string(::getpid());
  BERTH_TRY(with_context(write_all(lock.get(), holder), "write the lock file"));
  if (::ftruncate(lock.get(), static_cast<off_t>(holder.size())) != 0)
    return system_error("truncate the lock file");
  return DataDirectory(path, std::move(lock));
}

}  // namespace berth::server
