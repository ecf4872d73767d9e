// SPDX-License-Identifier: Apache-2.0
//
// The deploys under way, whatever they came by: each holds until older ones of its app have ended,
// waits for its turn, builds, and can be told to end. build_queue.hpp decides; here are the jobs,
// the timer and whoever waits. Used on the strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/model.hpp"
#include "server/build_queue.hpp"
#include "server/housekeeper.hpp"
#include "server/say.hpp"

namespace berth::server {

struct DeployJob {
  QueuedPush push;
  platform::BuildId build = {};      ///< as soon as there is one
  platform::ReleaseId release = {};  ///< while it rolls out
  std::string reason = {};           ///< why it was told to end
  std::shared_ptr<std::atomic<bool>> cancel = std::make_shared<std::atomic<bool>>(false);
  bool git_runs = false;  ///< a branch may yet move for it
};

class DeployQueue final : public std::enable_shared_from_this<DeployQueue> {
 public:
  DeployQueue(boost::asio::any_io_executor strand, QueuePolicy policy);

  /// The ids of those that give way to a new deploy, or why it is refused; see build_queue.hpp.
  [[nodiscard]] Result<std::vector<std::string>> admit(const platform::AppId& app,
                                                       const std::string& commit) const;
  DeployJob& add(const std::string& id, const platform::App& app, const std::string& commit);
  [[nodiscard]] DeployJob& at(const std::string& id) { return jobs_.at(id); }
  [[nodiscard]] DeployJob* find(const std::string& id);
  /// Of one app, or of all: ids, so that they may be ended meanwhile.
  [[nodiscard]] std::vector<std::string> ids(const platform::AppId& app = {}) const;

  /// Until no older deploy of its app is there any more.
  boost::asio::awaitable<Result<void>> hold(std::string id, Say say);
  /// Until it is its turn to build.
  boost::asio::awaitable<Result<void>> take_turn(std::string id, Say say);
  /// It is built.
  void release(const std::string& id, const platform::ReleaseId& release);
  /// It is answered. Where git runs for it, it counts until git has ended.
  void end(const std::string& id);
  void git_ended(const std::string& id);
  /// Tells it to end; whoever runs it does.
  void cancel(const std::string& id, const std::string& reason);
  [[nodiscard]] Error ended_early(const std::string& id) const;

  void forget(const platform::AppId& app) { turns_.erase(app.value); }
  [[nodiscard]] BusyBuilds busy() const;
  [[nodiscard]] std::set<platform::BuildId> builds() const;

 private:
  /// Starts and ends what decide_queue() says, and wakes everybody who waits.
  void pump();
  [[nodiscard]] std::vector<QueuedPush> queue() const;
  [[nodiscard]] bool holds(const std::string& id) const;
  boost::asio::awaitable<void> wait_for_change();

  boost::asio::any_io_executor strand_;
  QueuePolicy policy_;
  std::map<std::string, DeployJob> jobs_;       ///< by ticket, or by build where there is none
  std::map<std::string, std::uint64_t> turns_;  ///< owner → number of its last build
  std::uint64_t arrivals_ = 0;
  std::uint64_t last_turn_ = 0;
  boost::asio::steady_timer changed_;  ///< cancelled when the jobs change: who waits looks again
  boost::asio::steady_timer timer_;
};

}  // namespace berth::server
