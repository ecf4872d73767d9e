// SPDX-License-Identifier: Apache-2.0
#include "router/snapshot.hpp"

#include <algorithm>
#include <array>

#include "router/http/characters.hpp"
#include "router/http/request_head.hpp"

namespace berth::router {

void HostMap::add(const std::string& host, AppSlot slot) {
  if (host.starts_with("*.")) {
    wildcard_[host.substr(2)] = slot;
  } else {
    exact_[host] = slot;
  }
}

std::optional<AppSlot> HostMap::find(std::string_view host) const {
  if (host.size() > http::max_host_size) return std::nullopt;
  std::array<char, http::max_host_size> lower;
  const bool literal = !host.empty() && host.front() == '[';
  std::size_t size = 0;
  while (size < host.size() && (literal || host[size] != ':')) {
    lower[size] = http::to_lower(host[size]);
    ++size;
    if (literal && lower[size - 1] == ']') break;
  }
  if (size > 0 && lower[size - 1] == '.') --size;
  const std::string_view name(lower.data(), size);
  if (const auto found = exact_.find(name); found != exact_.end()) return found->second;
  if (wildcard_.empty()) return std::nullopt;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const auto found = wildcard_.find(name.substr(dot + 1));
  if (found == wildcard_.end()) return std::nullopt;
  return found->second;
}

void Changes::note(const Message& message) {
  if (std::holds_alternative<Table>(message)) all = true;
  if (const auto* put = std::get_if<PutApp>(&message)) apps.insert(put->app.name);
  if (const auto* remove = std::get_if<RemoveApp>(&message)) apps.insert(remove->name);
  if (std::holds_alternative<PutHost>(message) || std::holds_alternative<RemoveHost>(message))
    hosts = true;
}

AppSlot SnapshotBuilder::slot_of(const std::string& name) {
  const auto [at, added] = slots_.try_emplace(name, static_cast<AppSlot>(runtimes_.size()));
  if (added) {
    runtimes_.push_back(std::make_unique<AppRuntime>(name, threads_));
    apps_.emplace_back();
  }
  return at->second;
}

void SnapshotBuilder::update(AppSlot slot, const App* app, std::vector<AppSlot>& changed) {
  std::shared_ptr<const App>& last = apps_[slot];
  if (app ? (last && *last == *app) : !last) return;
  last = app ? std::make_shared<const App>(*app) : nullptr;
  changed.push_back(slot);
}

std::unique_ptr<const Snapshot> SnapshotBuilder::build(const Table& table, const Changes& changes) {
  auto snapshot = std::make_unique<Snapshot>();
  snapshot->version = table.version;
  if (changes.all) {
    for (const auto& [name, app] : table.apps) update(slot_of(name), &app, snapshot->changed);
    for (const auto& [name, slot] : slots_)
      if (!table.apps.contains(name)) update(slot, nullptr, snapshot->changed);
  } else {
    for (const std::string& name : changes.apps) {
      const auto app = table.apps.find(name);
      update(slot_of(name), app == table.apps.end() ? nullptr : &app->second, snapshot->changed);
    }
  }
  if (changes.all || changes.hosts) {
    auto hosts = std::make_shared<HostMap>();
    for (const auto& [host, app] : table.hosts) hosts->add(host, slot_of(app));
    hosts_ = std::move(hosts);
  }
  snapshot->hosts = hosts_;
  snapshot->apps.reserve(apps_.size());
  for (std::size_t slot = 0; slot < apps_.size(); ++slot)
    snapshot->apps.push_back({apps_[slot], runtimes_[slot].get()});
  return snapshot;
}

}  // namespace berth::router
