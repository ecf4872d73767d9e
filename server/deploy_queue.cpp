// SPDX-License-Identifier: Apache-2.0
#include "server/deploy_queue.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>

#include "builder/failure.hpp"

namespace berth::server {

namespace asio = boost::asio;

namespace {

/// A push that was told to end does so within a moment; a client that hangs may keep it longer.
constexpr Duration hold_limit = 60s;

}  // namespace

DeployQueue::DeployQueue(asio::any_io_executor strand, QueuePolicy policy)
    : strand_(std::move(strand)),
      policy_(policy),
      changed_(strand_, asio::steady_timer::time_point::max()),
      timer_(strand_) {}

std::vector<QueuedPush> DeployQueue::queue() const {
  std::vector<QueuedPush> result;
  for (const auto& [id, job] : jobs_) result.push_back(job.push);
  return result;
}

Result<std::vector<std::string>> DeployQueue::admit(const platform::AppId& app,
                                                    const std::string& commit) const {
  return server::admit(queue(), app.value, commit);
}

DeployJob& DeployQueue::add(const std::string& id, const platform::App& app,
                            const std::string& commit) {
  // Previews take their app's turns: with ten of them nobody shall build ten times as often.
  const platform::AppId& owner = app.preview ? app.preview->parent : app.id;
  return jobs_[id] = DeployJob{.push = {.id = id,
                                        .owner = owner.value,
                                        .app = app.id.value,
                                        .commit = commit,
                                        .number = ++arrivals_,
                                        .arrived = now()}};
}

DeployJob* DeployQueue::find(const std::string& id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

std::vector<std::string> DeployQueue::ids(const platform::AppId& app) const {
  std::vector<std::string> result;
  for (const auto& [id, job] : jobs_)
    if (app.value.empty() || job.push.app == app.value) result.push_back(id);
  return result;
}

void DeployQueue::pump() {
  const auto decision = decide_queue(queue(), turns_, policy_, now());
  for (const std::string& id : decision.start) {
    jobs_.at(id).push.phase = PushPhase::building;
    turns_[jobs_.at(id).push.owner] = ++last_turn_;
  }
  for (const std::string& id : decision.expired) {
    jobs_.at(id).push.cancelled = true;
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(policy_.timeout);
    jobs_.at(id).reason = "the push waited " + builder::people_duration(waited) +
                          " for other builds (build.queue_timeout). Push again later";
  }
  changed_.cancel();
  timer_.cancel();
  if (decision.next == Time{}) return;
  timer_.expires_after(std::max(decision.next - now(), Duration::zero()));
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code failure) {
    if (const auto self = weak.lock(); self && !failure) self->pump();
  });
}

asio::awaitable<void> DeployQueue::wait_for_change() {
  boost::system::error_code ignored;
  co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

bool DeployQueue::holds(const std::string& id) const {
  return must_hold(queue(), jobs_.at(id).push);
}

asio::awaitable<Result<void>> DeployQueue::hold(std::string id, Say say) {
  if (!holds(id)) co_return Result<void>{};
  say("-----> Waiting until the push before this one has ended\n");
  const auto limit = std::make_shared<asio::steady_timer>(strand_, hold_limit);
  const auto over = std::make_shared<bool>(false);
  limit->async_wait([self = shared_from_this(), over](boost::system::error_code failure) {
    if (failure) return;
    *over = true;
    self->changed_.cancel();
  });
  while (!*over && !at(id).push.cancelled && holds(id)) co_await wait_for_change();
  limit->cancel();
  if (at(id).push.cancelled) co_return ended_early(id);
  if (*over)
    co_return Error{ErrorKind::timeout,
                    "the push before this one does not end. Wait a moment, then push again"};
  co_return Result<void>{};
}

asio::awaitable<Result<void>> DeployQueue::take_turn(std::string id, Say say) {
  DeployJob& job = at(id);
  const auto waits = [&job] {
    return job.push.phase == PushPhase::waiting && !job.push.cancelled;
  };
  job.push.phase = PushPhase::waiting;
  pump();
  if (waits()) say("-----> Waiting for another app's build to end\n");
  while (waits()) co_await wait_for_change();
  if (job.push.cancelled) co_return ended_early(id);
  co_return Result<void>{};
}

void DeployQueue::release(const std::string& id, const platform::ReleaseId& release) {
  at(id).release = release;
  at(id).push.phase = PushPhase::releasing;
  pump();
}

void DeployQueue::end(const std::string& id) {
  at(id).push.phase = PushPhase::ended;
  if (!at(id).git_runs) jobs_.erase(id);
  pump();
}

void DeployQueue::git_ended(const std::string& id) {
  DeployJob* job = find(id);
  if (!job) return;
  job->git_runs = false;
  if (job->push.phase == PushPhase::ended) end(id);
}

void DeployQueue::cancel(const std::string& id, const std::string& reason) {
  DeployJob& job = at(id);
  job.push.cancelled = true;
  job.reason = reason;
  *job.cancel = true;
  pump();
}

Error DeployQueue::ended_early(const std::string& id) const {
  return {ErrorKind::cancelled, jobs_.at(id).reason};
}

BusyBuilds DeployQueue::busy() const {
  BusyBuilds result{.ids = {}, .since = now()};
  for (const auto& [id, job] : jobs_) {
    if (job.push.phase == PushPhase::ended) continue;
    if (!job.build.value.empty()) result.ids.insert(job.build.value);
    result.since = std::min(result.since, job.push.arrived);
  }
  return result;
}

std::set<platform::BuildId> DeployQueue::builds() const {
  std::set<platform::BuildId> result;
  for (const auto& [id, job] : jobs_)
    if (job.push.phase != PushPhase::ended) result.insert(job.build);
  return result;
}

}  // namespace berth::server
