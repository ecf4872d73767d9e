// SPDX-License-Identifier: Apache-2.0
//
// The table as the request path reads it: immutable, published by pointer. Every app name has a
// slot number for the life of the router, so that a thread finds its own state of an app by index.
// Threads see every snapshot, in order, and keep of each what changed, so that a change costs the
// same among ten thousand apps as among ten; the publisher waits for all of them before it makes
// the next one and frees the last.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "router/counters.hpp"
#include "router/route_map.hpp"
#include "router/table.hpp"
#include "router/tls/certificates.hpp"
#include "router/tls/ticket_keys.hpp"

namespace berth::router {

using AppSlot = std::uint32_t;

struct Snapshot {
  struct Change {
    AppSlot slot = 0;
    std::shared_ptr<const App> before;  ///< null: there was no such app
    std::shared_ptr<const App> app;     ///< null: there is no such app any more
    AppRuntime* runtime = nullptr;
  };
  std::uint64_t version = 0;
  std::shared_ptr<const RouteMap> routes = std::make_shared<RouteMap>();
  std::shared_ptr<const CertificateMap> certificates = std::make_shared<CertificateMap>();
  std::shared_ptr<const TicketKeys> tickets = std::make_shared<TicketKeys>();
  /// By token.
  std::shared_ptr<const std::map<std::string, std::string, std::less<>>> challenges;  ///< or null
  std::vector<Change> changes;  ///< since the snapshot before

  /// The proof that a certificate authority asks for at this target (RFC 8555, section 8.3).
  [[nodiscard]] const std::string* proof_at(std::string_view target) const {
    constexpr std::string_view place = "/.well-known/acme-challenge/";
    if (!challenges || !target.starts_with(place)) return nullptr;
    const auto found = challenges->find(target.substr(place.size()));
    return found == challenges->end() ? nullptr : &found->second;
  }
};

/// What a batch of messages touched.
struct Changes {
  bool all = false;
  bool hosts = false;
  bool certificates = false;
  bool challenges = false;
  bool tickets = false;  ///< another key for session tickets is due
  std::set<std::string> apps;
  [[nodiscard]] bool empty() const {
    return !all && !hosts && !certificates && !challenges && !tickets && apps.empty();
  }
  void note(const Message& message);
};

class SnapshotBuilder final {
 public:
  explicit SnapshotBuilder(std::size_t threads) : threads_(threads) {}
  /// The next snapshot; shares with the last what did not change.
  [[nodiscard]] std::unique_ptr<const Snapshot> build(const Table& table, const Changes& changes);
  /// Of the router before, instead of our own; before the first build(). Null changes nothing.
  void use_tickets(std::shared_ptr<const TicketKeys> keys) {
    if (keys) tickets_ = std::move(keys);
  }
  /// Every app that ever was in a table, by slot.
  [[nodiscard]] const std::vector<std::unique_ptr<AppRuntime>>& runtimes() const {
    return runtimes_;
  }

 private:
  AppSlot slot_of(const std::string& name);
  void update(AppSlot slot, const App* app, std::vector<Snapshot::Change>& changes);
  void update_certificates(const Table& table);

  /// A certificate as it came, and as it was read; null if it could not be.
  struct ReadCertificate {
    Certificate source;
    std::shared_ptr<const ServerCertificate> certificate;
  };

  std::size_t threads_;
  std::map<std::string, AppSlot, std::less<>> slots_;
  std::vector<std::unique_ptr<AppRuntime>> runtimes_;
  std::vector<std::shared_ptr<const App>> apps_;
  std::shared_ptr<const RouteMap> routes_ = std::make_shared<RouteMap>();
  std::map<std::string, ReadCertificate, std::less<>> read_;
  std::shared_ptr<const CertificateMap> certificates_ = std::make_shared<CertificateMap>();
  std::shared_ptr<const TicketKeys> tickets_ = TicketKeys::rotated(nullptr);
};

}  // namespace berth::router
