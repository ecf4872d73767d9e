// SPDX-License-Identifier: Apache-2.0
#include "router/snapshot.hpp"

#include "base/log.hpp"

namespace berth::router {

void Changes::note(const Message& message) {
  if (std::holds_alternative<Table>(message)) all = true;
  if (const auto* put = std::get_if<PutApp>(&message)) apps.insert(put->app.name);
  if (const auto* remove = std::get_if<RemoveApp>(&message)) apps.insert(remove->name);
  if (std::holds_alternative<PutHost>(message) || std::holds_alternative<RemoveHost>(message))
    hosts = true;
  if (std::holds_alternative<PutCertificate>(message) ||
      std::holds_alternative<RemoveCertificate>(message) ||
      std::holds_alternative<PutTlsChallenge>(message) ||
      std::holds_alternative<RemoveTlsChallenge>(message))
    certificates = true;
  if (std::holds_alternative<PutChallenge>(message) ||
      std::holds_alternative<RemoveChallenge>(message))
    challenges = true;
}

AppSlot SnapshotBuilder::slot_of(const std::string& name) {
  const auto [at, added] = slots_.try_emplace(name, static_cast<AppSlot>(runtimes_.size()));
  if (added) {
    runtimes_.push_back(std::make_unique<AppRuntime>(name, threads_));
    apps_.emplace_back();
  }
  return at->second;
}

void SnapshotBuilder::update(AppSlot slot, const App* app,
                             std::vector<Snapshot::Change>& changes) {
  std::shared_ptr<const App>& last = apps_[slot];
  if (app ? (last && *last == *app) : !last) return;
  std::shared_ptr<const App> before = std::move(last);
  last = app ? std::make_shared<const App>(*app) : nullptr;
  if (app && app->rules) {
    AppRuntime& runtime = *runtimes_[slot];
    if (app->rules->rate_limit.requests && !runtime.requests_of_clients)
      runtime.requests_of_clients = std::make_unique<RateTable>();
    if (!app->rules->users.empty() && !runtime.passwords_of_clients)
      runtime.passwords_of_clients = std::make_unique<RateTable>();
  }
  runtimes_[slot]->has_canary.store(app && !app->canaries.empty(), std::memory_order_relaxed);
  changes.push_back({slot, std::move(before), last, runtimes_[slot].get()});
}

/// One that cannot be read is left out: it must not take the others with it.
void SnapshotBuilder::update_certificates(const Table& table) {
  auto map = std::make_shared<CertificateMap>();
  std::map<std::string, ReadCertificate, std::less<>> read;
  for (const auto& [name, source] : table.certificates) {
    const auto known = read_.find(name);
    ReadCertificate entry{.source = source, .certificate = nullptr};
    if (known != read_.end() && known->second.source == source) {
      entry.certificate = known->second.certificate;
    } else if (auto parsed = ServerCertificate::parse(source.pem); parsed.has_error()) {
      log_error("certificate {} is not used: {}", name, parsed.error().message);
    } else {
      entry.certificate = std::make_shared<const ServerCertificate>(std::move(*parsed));
    }
    if (entry.certificate) map->add(entry.certificate, source.hosts, source.is_default);
    read.emplace(name, std::move(entry));
  }
  for (const auto& [host, pem] : table.tls_challenges) {
    auto parsed = ServerCertificate::parse(pem);
    if (parsed.has_error())
      log_error("the proof for {} is not used: {}", host, parsed.error().message);
    else
      map->add_proof(std::make_shared<const ServerCertificate>(std::move(*parsed)), host);
  }
  read_ = std::move(read);
  certificates_ = std::move(map);
}

std::unique_ptr<const Snapshot> SnapshotBuilder::build(const Table& table, const Changes& changes) {
  auto snapshot = std::make_unique<Snapshot>();
  snapshot->version = table.version;
  if (changes.all) {
    for (const auto& [name, app] : table.apps) update(slot_of(name), &app, snapshot->changes);
    for (const auto& [name, slot] : slots_)
      if (!table.apps.contains(name)) update(slot, nullptr, snapshot->changes);
  } else {
    for (const std::string& name : changes.apps) {
      const auto app = table.apps.find(name);
      update(slot_of(name), app == table.apps.end() ? nullptr : &app->second, snapshot->changes);
    }
  }
  if (changes.all || changes.hosts) {
    auto routes = std::make_shared<RouteMap>();
    for (const auto& [host, app] : table.hosts) routes->add(host, slot_of(app));
    routes_ = std::move(routes);
  }
  if (changes.all || changes.certificates) update_certificates(table);
  if (changes.tickets) tickets_ = TicketKeys::rotated(tickets_.get());
  snapshot->routes = routes_;
  snapshot->certificates = certificates_;
  snapshot->tickets = tickets_;
  if (!table.challenges.empty())
    snapshot->challenges =
        std::make_shared<const std::map<std::string, std::string, std::less<>>>(table.challenges);
  return snapshot;
}

}  // namespace berth::router
