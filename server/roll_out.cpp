// SPDX-License-Identifier: Apache-2.0
#include "server/roll_out.hpp"

#include <filesystem>
#include <memory>
#include <optional>

#include "base/tasks.hpp"
#include "platform/process_type.hpp"
#include "platform/web_address.hpp"
#include "server/push.hpp"
#include "server/release_output.hpp"

namespace berth::server {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t last_lines = 20;  ///< of the app, when its release fails

}  // namespace

asio::awaitable<Result<void>> RollOut::finish(platform::App app, platform::Release release,
                                              Say say) {
  const Time begun = now();
  ReleaseOutput printed(controller_.log_directory(app.id), {});
  ReleaseOutput script(controller_.log_directory(app.id), std::string(platform::postdeploy_name));
  const bool ran_before = store_.postdeploy(app.id) != platform::Store::Postdeploy::none;
  const platform::Release settled = co_await settle(app, release, say);
  const std::string version = "v" + std::to_string(release.version);
  if (settled.is_canary()) {
    say(describe_canary(version, settled, app));
    co_return Result<void>{};
  }
  if (settled.status == platform::ReleaseStatus::pending)
    co_return Error{ErrorKind::unavailable, "the platform is stopping; it goes on with release " +
                                                version + " at its next start"};
  if (!settled.failure.empty()) {
    const std::string lines = printed.take_last(last_lines);
    if (!lines.empty()) say("-----> The app's last lines\n" + lines);
  }
  if (settled.status != platform::ReleaseStatus::succeeded)
    co_return Error{ErrorKind::unavailable,
                    "Release " + version + " failed: " + settled.failure + ". " +
                        what_goes_on(app) + " `berth logs -a " + app.name + "` shows more"};
  if (!settled.failure.empty()) {
    say(describe_end(version, settled));
    co_return Result<void>{};
  }
  say(describe_rollout(version, store_.formation(app.id), release, now() - begun));
  const auto ports = platform::RouterPorts::of(config_);
  say("       " + platform::web_url(app, config_.domain, ports) + "\n");
  if (!ran_before) co_await follow_postdeploy(app, release, script, say);
  co_return Result<void>{};
}

asio::awaitable<void> RollOut::follow_postdeploy(platform::App app, platform::Release release,
                                                 ReleaseOutput& script, Say say) {
  using State = platform::Store::Postdeploy;
  if (store_.postdeploy(app.id) == State::none) co_return;
  // Shared: whoever calls back may do so after a cancelled wait.
  struct Outcome {
    explicit Outcome(asio::any_io_executor strand) : wakeup(std::move(strand)) {}
    Wakeup wakeup;
    bool ended = false;
  };
  const auto outcome = std::make_shared<Outcome>(strand_);
  auto watch = watcher_.watch(controller_.log_directory(app.id),
                              [outcome] { outcome->wakeup.notify(); });
  controller_.when_postdeploy_ended(app.id, [outcome] {
    outcome->ended = true;
    outcome->wakeup.notify();
  });
  say("-----> Running the postdeploy script: " + release.app_json.postdeploy + "\n");
  while (!outcome->ended) {
    co_await outcome->wakeup.wait();
    say(script.take());
  }
  say(script.take());
  const State state = store_.postdeploy(app.id);
  if (state == State::failed)
    say(" !     It failed. The release serves; the script is not run again by itself.\n");
  else if (state == State::running)
    say(" !     The platform is stopping; the script goes on.\n");
}

asio::awaitable<platform::Release> RollOut::settle(platform::App app, platform::Release release,
                                                   Say say) {
  // Shared: whoever calls back may do so after a cancelled wait.
  struct Outcome {
    explicit Outcome(asio::any_io_executor strand) : wakeup(std::move(strand)) {}
    Wakeup wakeup;
    std::optional<platform::Release> release;
  };
  const auto outcome = std::make_shared<Outcome>(strand_);
  std::optional<ReleaseOutput> output;
  std::shared_ptr<void> watch;
  const auto command = release.processes.find(std::string(platform::release_process));
  if (command != release.processes.end()) {
    say("-----> Running the release command: " + command->second + "\n");
    const fs::path directory = controller_.log_directory(app.id);
    output.emplace(directory, std::string(platform::release_process));
    auto watching = watcher_.watch(directory, [outcome] { outcome->wakeup.notify(); });
    if (watching.has_value()) watch = std::move(*watching);  // else all comes at the end
  }
  controller_.when_settled(app.id, release.id, [outcome](const platform::Release& done) {
    outcome->release = done;
    outcome->wakeup.notify();
  });
  while (!outcome->release) {
    co_await outcome->wakeup.wait();
    if (output) say(output->take());
  }
  co_return *outcome->release;
}

std::string RollOut::what_goes_on(const platform::App& app) const {
  const auto serving = store_.serving_release(app.id);
  if (!serving || serving->image.empty()) return "Nothing is serving yet.";
  return "v" + std::to_string(serving->version) + " goes on serving.";
}

}  // namespace berth::server
