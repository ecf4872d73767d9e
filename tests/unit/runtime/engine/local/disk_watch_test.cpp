// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/disk_watch.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

/// Blocks on the disk, not only a size.
void allocate(const std::filesystem::path& path, std::uint64_t bytes) {
  const auto file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  REQUIRE(file.has_value());
  REQUIRE(::posix_fallocate(file->get(), 0, static_cast<off_t>(bytes)) == 0);
}

/// Waits for a callback from the watch's thread.
class Told {
 public:
  void tell(std::uint64_t used) {
    const std::scoped_lock lock(mutex_);
    used_ = used;
    changed_.notify_all();
  }
  std::uint64_t wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 60s, [this] { return used_ != 0; });
    return used_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t used_ = 0;
};

}  // namespace

TEST_CASE("what was written before the watch first looked is found") {
  const TempDir directory = *TempDir::create(BERTH_BINARY_DIR);
  allocate(directory.path() / "file", 4 * mebibyte);
  Told told;
  DiskWatch watch;
  watch.watch("r-1", {.directories = {directory.path()},
                      .limit_bytes = mebibyte,
                      .growth_only = false,
                      .over_limit = [&](const DiskUse& used) { told.tell(used.bytes); }});
  CHECK(told.wait() >= 4 * mebibyte);
  watch.forget("r-1");
}

TEST_CASE("a delete elsewhere does not hide a write") {
  const TempDir directory = *TempDir::create(BERTH_BINARY_DIR);
  const TempDir elsewhere = *TempDir::create(BERTH_BINARY_DIR);
  allocate(elsewhere.path() / "big", 256 * mebibyte);
  Told measured;
  Told told;
  DiskWatch watch;
  watch.watch("quiet", {.directories = {directory.path()},
                        .limit_bytes = mebibyte,
                        .growth_only = true,
                        .over_limit = [&](const DiskUse& used) { told.tell(used.bytes); }});
  // They are measured in the order of their names: after this one "quiet" has had its first look.
  watch.watch("then", {.directories = {elsewhere.path()},
                       .limit_bytes = mebibyte,
                       .growth_only = false,
                       .over_limit = [&](const DiskUse& used) { measured.tell(used.bytes); }});
  REQUIRE(measured.wait() != 0);
  allocate(directory.path() / "small", 4 * mebibyte);
  std::filesystem::remove(elsewhere.path() / "big");
  CHECK(told.wait() >= 4 * mebibyte);
  for (const char* key : {"quiet", "then"}) watch.forget(key);
}

TEST_CASE("files without bytes count too, against a limit of their own") {
  const TempDir directory = *TempDir::create(BERTH_BINARY_DIR);
  Told told;
  DiskWatch watch;
  watch.watch("r-1", {.directories = {directory.path()},
                      .limit_bytes = 1024 * mebibyte,
                      .limit_files = 100,
                      .growth_only = true,
                      .over_limit = [&](const DiskUse& used) { told.tell(used.files); }});
  for (int i = 0; i < 200; ++i) allocate(directory.path() / std::to_string(i), 1);
  CHECK(told.wait() > 100);
  watch.forget("r-1");
}
