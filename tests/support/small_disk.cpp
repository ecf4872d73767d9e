// SPDX-License-Identifier: Apache-2.0
#include "tests/support/small_disk.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "base/file.hpp"

namespace berth::test {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t block_bytes = 4096;

Result<Output> run(std::vector<std::string> argv) {
  return run_program({.argv = std::move(argv)}, {}, std::chrono::minutes(1));
}

bool succeeds(std::vector<std::string> argv) {
  const auto output = run(std::move(argv));
  return output.has_value() && output->status.success();
}

}  // namespace

std::optional<std::string> SmallDisk::cannot_be_made() {
  if (::geteuid() != 0) return "a disk of its own needs root";
  if (!succeeds({"losetup", "--find"})) return "this machine has no loop devices";
  return std::nullopt;
}

SmallDisk::SmallDisk(const fs::path& parent, std::uint64_t bytes) {
  const std::string name = "disk-" + random_hex(3);
  image_ = parent / (name + ".ext4");
  mount_ = parent / name;
  REQUIRE_FALSE(make_directories(mount_).has_error());
  {
    const auto file = open_file(image_, O_RDWR | O_CREAT | O_EXCL, 0600);
    REQUIRE(file.has_value());
    REQUIRE(::ftruncate(file->get(), static_cast<off_t>(bytes)) == 0);
  }
  // No blocks kept for root: full means full for everybody.
  REQUIRE(succeeds({"mkfs.ext4", "-q", "-m", "0", image_.string()}));
  REQUIRE(succeeds({"mount", "-o", "loop", image_.string(), mount_.string()}));
}

SmallDisk::~SmallDisk() {
  if (::umount2(mount_.c_str(), 0) != 0) ::umount2(mount_.c_str(), MNT_DETACH);
  (void)remove_tree(mount_);
  (void)remove_tree(image_);
}

std::uint64_t SmallDisk::free_bytes() const {
  struct statvfs info {};
  REQUIRE(::statvfs(mount_.c_str(), &info) == 0);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

void SmallDisk::fill(std::uint64_t leave) {
  const auto file = open_file(mount_ / ("filler-" + std::to_string(fillers_++)),
                              O_WRONLY | O_CREAT | O_EXCL, 0600);
  REQUIRE(file.has_value());
  off_t size = 0;
  for (std::uint64_t step = 1U << 30; step >= block_bytes;) {
    const bool fits = free_bytes() >= leave + step &&
                      ::fallocate(file->get(), 0, size, static_cast<off_t>(step)) == 0;
    if (fits) size += static_cast<off_t>(step);
    else step /= 2;
  }
}

void SmallDisk::empty() {
  for (int i = 0; i < fillers_; ++i) ::unlink((mount_ / ("filler-" + std::to_string(i))).c_str());
  fillers_ = 0;
}

}  // namespace berth::test
