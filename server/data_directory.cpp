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
  for (const auto* folder : {"git", "cache", "work", "logs", "keys", "run"}) {
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
  if (::ftruncate(lock.get(), 0) != 0) return system_error("truncate the lock file");
  BERTH_TRY(write_all(lock.get(), std::to_string(::getpid())));
  return DataDirectory(path, std::move(lock));
}

}  // namespace berth::server
