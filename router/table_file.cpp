// SPDX-License-Identifier: Apache-2.0
#include "router/table_file.hpp"

#include <chrono>
#include <ctime>

#include "base/file.hpp"
#include "base/log.hpp"

namespace berth::router {

namespace {

constexpr auto retry_after = std::chrono::seconds(1);
constexpr std::int64_t pause_factor = 50;

std::int64_t thread_cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

TableFile::TableFile(std::filesystem::path path)
    : path_(std::move(path)), thread_([this] { run(); }) {}

TableFile::~TableFile() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Result<Table> TableFile::load(const std::filesystem::path& path) {
  auto text = read_file(path);
  if (text.has_error()) {
    if (text.error().kind == ErrorKind::not_found) return Table{};
    return text.error();
  }
  BERTH_ASSIGN(const json::object object, with_context(parse_json_object(*text), path.string()));
  return with_context(table_from_json(object), path.string());
}

void TableFile::save(const Table& table) {
  {
    const std::lock_guard lock(mutex_);
    next_ = table;
  }
  changed_.notify_one();
}

void TableFile::run() {
  std::unique_lock lock(mutex_);
  bool failed = false;
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || next_; });
    if (!next_) return;
    Table table = std::move(*next_);
    next_.reset();
    lock.unlock();
    const std::int64_t begun_us = thread_cpu_us();
    const auto written = write_file_atomic(path_, to_text(to_json(table)) + "\n", 0600);
    pause_us_.store(pause_factor * (thread_cpu_us() - begun_us), std::memory_order_relaxed);
    if (written.has_error() && !failed)
      log_warning("the table was not saved, which is tried again until it is: {}",
                  written.error().message);
    failed = written.has_error();
    lock.lock();
    if (!failed) continue;
    // A full disk: whoever reads the file next shall not find an old table once there is room
    // again.
    if (!next_) next_ = std::move(table);
    if (stop_) return;
    changed_.wait_for(lock, retry_after, [&] { return stop_; });
  }
}

}  // namespace berth::router
