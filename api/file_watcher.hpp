// SPDX-License-Identifier: Apache-2.0
//
// Tells when something in a directory changes: one inotify instance for all streams, since a user
// has only 128 of them (inotify(7), max_user_instances).
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <filesystem>
#include <functional>
#include <memory>

#include "base/result.hpp"

namespace berth::api {

class FileWatcher final {
 public:
  explicit FileWatcher(boost::asio::any_io_executor executor);
  FileWatcher(FileWatcher&&) noexcept;
  ~FileWatcher();

  /// Calls `listener` on the executor after files of the directory were written, made, renamed or
  /// removed; several changes may be one call. Ends when the handle goes.
  [[nodiscard]] Result<std::shared_ptr<void>> watch(const std::filesystem::path& directory,
                                                    std::function<void()> listener);
  /// No more calls; the event loop may end.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::api
