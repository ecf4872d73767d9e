// SPDX-License-Identifier: Apache-2.0
#include "router/table_file.hpp"

#include "base/file.hpp"
#include "base/log.hpp"

namespace berth::router {

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
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || next_; });
    if (!next_) return;
    const Table table = std::move(*next_);
    next_.reset();
    lock.unlock();
    const auto written = write_file_atomic(path_, to_text(to_json(table)) + "\n", 0600);
    if (written.has_error()) log_warning("the table was not saved: {}", written.error().message);
    lock.lock();
  }
}

}  // namespace berth::router
