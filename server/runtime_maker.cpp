// SPDX-License-Identifier: Apache-2.0
#include "server/runtime_maker.hpp"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <deque>
#include <set>
#include <utility>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "base/tasks.hpp"
#include "builder/runtimes.hpp"
#include "server/offload.hpp"

namespace berth::server {

namespace asio = boost::asio;

struct RuntimeMaker::State : std::enable_shared_from_this<State> {
  explicit State(RuntimeMakerParts wanted) : parts(std::move(wanted)), tasks(parts.strand) {}

  RuntimeMakerParts parts;
  asio::thread_pool pool{1};
  TaskGroup tasks;
  std::deque<builder::RuntimeName> waiting;
  std::set<builder::RuntimeName> tried;
  bool making = false;
  std::atomic<bool> cancel = false;

  static asio::awaitable<void> make_all(std::shared_ptr<State> self) {
    while (!self->waiting.empty() && !self->cancel) {
      const builder::RuntimeName runtime = self->waiting.front();
      self->waiting.pop_front();
      const auto made = co_await make(self, runtime);
      if (made.has_error())
        log_warning("the runtime {} of {} was not made, apps go on making their own: {}",
                    runtime.layer, runtime.buildpack, made.error().message);
      else {
        self->tried.erase(runtime);  // it may have to go for want of room, and be wanted again
        log_info("made the runtime {} of {} for all apps", runtime.layer, runtime.buildpack);
      }
    }
    self->making = false;
  }

  static asio::awaitable<Result<void>> make(std::shared_ptr<State> self,
                                            const builder::RuntimeName& runtime) {
    const auto room = co_await self->parts.housekeeper.ensure_room();
    if (room.has_error()) co_return room.error();
    const auto kept = self->parts.housekeeper.protect();
    co_return co_await offload(self->pool, [self, runtime]() -> Result<void> {
      builder::BuildRequest request = machine_request(self->parts.config, self->parts.programs);
      request.build_id = random_uuid();
      request.work_directory /= request.build_id;
      std::string output;
      const auto log = [&output](std::string_view text) { output += text; };
      auto made = builder::make_runtime(request, runtime, self->parts.images,
                                        self->parts.sandboxes, log, self->cancel);
      if (made.has_error()) made.error().message += "\n" + output;
      return made;
    });
  }
};

RuntimeMaker::RuntimeMaker(RuntimeMakerParts parts)
    : state_(std::make_shared<State>(std::move(parts))) {}

RuntimeMaker::~RuntimeMaker() { state_->pool.join(); }

void RuntimeMaker::want(const std::vector<builder::RuntimeName>& runtimes) {
  for (const auto& runtime : runtimes)
    if (state_->tried.insert(runtime).second) state_->waiting.push_back(runtime);
  if (state_->waiting.empty() || std::exchange(state_->making, true)) return;
  state_->tasks.spawn(State::make_all(state_));
}

asio::awaitable<void> RuntimeMaker::stop() {
  const std::shared_ptr<State> state = state_;
  state->cancel = true;
  co_await state->tasks.join();
}

}  // namespace berth::server
