// SPDX-License-Identifier: Apache-2.0
#include "server/push.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.hpp"

namespace berth::server {

namespace {

bool is_object_id(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_zero(std::string_view id) { return id.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

Result<Push> parse_push(std::string_view line) {
  BERTH_ASSIGN(const json::object object, parse_json_object(line));
  Push push;
  BERTH_ASSIGN(push.ticket, require_string(object, "push"));
  push.quarantine = optional_string(object, "quarantine").value_or("");
  const json::array* updates = optional_array(object, "updates");
  if (!updates) return Error{ErrorKind::invalid, "'updates' is required"};
  for (const json::value& value : *updates) {
    if (!value.is_object()) return Error{ErrorKind::invalid, "'updates' must hold objects"};
    RefUpdate update;
    BERTH_ASSIGN(update.before, require_string(value.get_object(), "old"));
    BERTH_ASSIGN(update.after, require_string(value.get_object(), "new"));
    BERTH_ASSIGN(update.ref, require_string(value.get_object(), "ref"));
    if (!is_object_id(update.before) || !is_object_id(update.after))
      return Error{ErrorKind::invalid, "an update names no object id"};
    push.updates.push_back(std::move(update));
  }
  return push;
}

namespace {

Result<void> decide_preview(const RefUpdate& update, PushDecision& decision) {
  BERTH_ASSIGN(auto name, platform::PreviewName::parse(
                              std::string_view(update.ref).substr(preview_refs.size())));
  if (is_zero(update.after)) {
    decision.ended.push_back(std::move(name));
    return {};
  }
  if (!decision.commit.empty())
    return Error{ErrorKind::invalid,
                 "a push deploys one thing: push " + update.ref + " by itself"};
  decision.commit = update.after;
  decision.preview = std::move(name);
  return {};
}

}  // namespace

Result<PushDecision> decide_push(const Push& push) {
  PushDecision decision;
  for (const RefUpdate& update : push.updates) {
    if (update.ref.starts_with(preview_refs)) {
      BERTH_TRY(decide_preview(update, decision));
      continue;
    }
    const bool deploys = update.ref == "refs/heads/main" || update.ref == "refs/heads/master";
    if (!deploys) {
      decision.notes.push_back("-----> " + update.ref +
                               " is kept but not deployed: only main (or master) deploys." +
                               " To deploy this branch: git push berth " +
                               update.ref.substr(update.ref.rfind('/') + 1) + ":main");
      continue;
    }
    if (is_zero(update.after))
      return Error{ErrorKind::forbidden,
                   "the deployed branch cannot be deleted. To remove the app: berth destroy"};
    if (decision.preview)
      return Error{ErrorKind::invalid, "a push deploys one thing: push " + update.ref +
                                           " by itself"};
    if (!decision.commit.empty() && decision.commit != update.after)
      return Error{ErrorKind::invalid,
                   "both main and master were pushed and they differ. Push one of them"};
    decision.commit = update.after;
  }
  return decision;
}

Result<void> check_disk(std::uint64_t free_bytes, std::uint64_t needed_bytes) {
  if (free_bytes >= needed_bytes) return {};
  return Error{ErrorKind::limit,
               fmt::format("the disk is nearly full: {} MiB are free and a build needs {} MiB "
                           "(min_free_disk). Nothing was changed. Free some space (`berth "
                           "system:df` shows what takes it, `berth system:prune` removes what "
                           "nothing needs), then push again",
                           free_bytes >> 20, needed_bytes >> 20)};
}

Error explain_full_disk(Error error, std::uint64_t free_bytes, std::uint64_t needed_bytes) {
  const auto disk = check_disk(free_bytes, needed_bytes);
  if (!disk.has_error()) return error;
  return {ErrorKind::limit, "the build failed (" + error.message + ") and " + disk.error().message};
}

std::string describe_end(std::string_view version, const platform::Release& settled) {
  const std::string type = settled.failure.substr(0, settled.failure.find('.'));
  return fmt::format(
      "-----> Release {0}: {1} before it listened\n"
      " !     It is started again, with growing pauses. A program that ends is no {2} process:\n"
      " !     berth ps:scale {2}=0 leaves it alone, and berth run starts it when you want it.\n",
      version, settled.failure, type);
}

std::string describe_canary(std::string_view version, const platform::Release& release,
                            const platform::App& app) {
  const bool by_itself = app.rollout.promote > Duration::zero();
  return fmt::format("-----> Release {} is a canary: it gets {}% of the requests\n"
                     "       {}\n"
                     "       berth releases:canary -a {} shows how it fares\n",
                     version, release.canary,
                     by_itself ? "If it fares well it gets all of them, else none, by itself"
                               : "berth releases:promote gives it all of them, releases:abort none",
                     app.name);
}

std::string describe_rollout(std::string_view version,
                             const std::vector<platform::Formation>& formation,
                             const platform::Release& release, Duration took) {
  std::string replicas;
  for (const platform::Formation& entry : formation)
    if (release.processes.contains(entry.type) && entry.quantity > 0)
      replicas += fmt::format(" {}={}", entry.type, entry.quantity);
  if (replicas.empty()) return fmt::format("-----> Release {}: nothing is scaled up\n", version);
  return fmt::format("-----> Release {}:{} healthy in {:.1f} s\n", version, replicas,
                     std::chrono::duration<double>(took).count());
}

}  // namespace berth::server
