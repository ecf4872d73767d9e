// SPDX-License-Identifier: Apache-2.0
#include "api/file_watcher.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace berth::api {

namespace asio = boost::asio;

struct FileWatcher::State : std::enable_shared_from_this<State> {
  explicit State(const asio::any_io_executor& executor) : inotify(executor) {}

  asio::posix::stream_descriptor inotify;
  std::uint64_t next = 1;
  /// The kernel gives the same number for the same directory.
  std::map<int, std::map<std::uint64_t, std::function<void()>>> listeners;

  Result<void> open() {
    if (inotify.is_open()) return {};
    const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return system_error("inotify");
    inotify.assign(fd);
    wait();
    return {};
  }

  void wait() {
    inotify.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& failure) {
                         if (failure || !self->inotify.is_open()) return;
                         self->dispatch();
                         if (self->inotify.is_open()) self->wait();
                       });
  }

  void dispatch() {
    alignas(inotify_event) std::array<char, 16384> buffer;
    std::map<int, bool> changed;
    for (;;) {
      const ssize_t count = ::read(inotify.native_handle(), buffer.data(), buffer.size());
      if (count <= 0) break;
      for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
        inotify_event event;
        std::memcpy(&event, buffer.data() + at, sizeof event);
        if (event.mask & IN_Q_OVERFLOW)
          for (const auto& [directory, unused] : listeners) changed[directory] = true;
        else
          changed[event.wd] = true;
        at += sizeof event + event.len;
      }
    }
    // Listeners may end their own watch: call copies.
    std::vector<std::function<void()>> calls;
    for (const auto& [directory, unused] : changed)
      if (const auto found = listeners.find(directory); found != listeners.end())
        for (const auto& [id, listener] : found->second) calls.push_back(listener);
    for (const auto& call : calls) call();
  }

  void end(int directory, std::uint64_t id) {
    const auto found = listeners.find(directory);
    if (found == listeners.end()) return;
    found->second.erase(id);
    if (!found->second.empty()) return;
    listeners.erase(found);
    if (inotify.is_open()) ::inotify_rm_watch(inotify.native_handle(), directory);
  }
};

FileWatcher::FileWatcher(asio::any_io_executor executor)
    : state_(std::make_shared<State>(executor)) {}
FileWatcher::FileWatcher(FileWatcher&&) noexcept = default;

FileWatcher::~FileWatcher() {
  if (state_) close();
}

void FileWatcher::close() {
  state_->listeners.clear();
  boost::system::error_code ignored;
  state_->inotify.close(ignored);
}

Result<std::shared_ptr<void>> FileWatcher::watch(const std::filesystem::path& directory,
                                                 std::function<void()> listener) {
  BERTH_TRY(state_->open());
  const int number = ::inotify_add_watch(
      state_->inotify.native_handle(), directory.c_str(),
      IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
  if (number < 0) return system_error("watch " + directory.string());
  const std::uint64_t id = state_->next++;
  state_->listeners[number][id] = std::move(listener);
  // The handle's own pointer is of no use to anyone; its deleter ends the watch.
  return std::shared_ptr<void>(static_cast<void*>(state_.get()),
                               [state = state_, number, id](void*) { state->end(number, id); });
}

}  // namespace berth::api
