// SPDX-License-Identifier: Apache-2.0
//
// The routing table as the control plane states it (docs/decisions/0002): apps with their replicas,
// and hosts. A plain value: changes are applied to it, it is written to the table file and read
// back. The request path uses a Snapshot made from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/certificate.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "router/rules.hpp"

namespace berth::router {

struct Replica {
  std::string id;
  std::string name;     ///< "web.1"
  std::string address;  ///< an IPv4 or IPv6 address
  std::uint16_t port = 0;
  friend bool operator==(const Replica&, const Replica&) = default;
};

enum class AppState : std::uint8_t { running, asleep, stopped, crashed, empty, maintenance };

struct App {
  std::string name;
  AppState state = AppState::running;
  std::int64_t release = 0;
  std::string log;      ///< directory of the access log, "" for none
  std::string message;  ///< of state crashed, for the error page
  std::chrono::milliseconds first_byte_timeout{30'000};
  std::chrono::milliseconds idle_timeout{55'000};
  std::chrono::milliseconds hold_timeout{30'000};
  bool https_redirect = false;  ///< plain requests are sent to HTTPS, if the router speaks it
  std::string hsts;             ///< Strict-Transport-Security of answers by HTTPS, "" for none
  std::optional<Rules> rules;   ///< what is refused; nothing: no request pays for it
  std::string sticky_key;       ///< clients stay at their replica by a cookie; "": they do not
  bool trace = false;           ///< a W3C trace is begun for requests that bring none
  std::uint32_t log_percent = 100;  ///< of the requests that succeed, in the log
  std::string error_page;       ///< HTML in place of the router's for 5xx; "": the router's
  std::string maintenance_page;
  std::vector<Replica> replicas;
  std::vector<Replica> canaries;  ///< of a release that gets a part of the requests only
  std::uint32_t canary = 0;       ///< that part, in percent, while there are both
  friend bool operator==(const App&, const App&) = default;
};

/// For TLS. The router's own copy of a private key: in memory, and in the table file (mode 0600).
struct Certificate {
  std::string name;
  std::vector<std::string> hosts;  ///< for which it is used, in lower case; "*." before one is any
  bool is_default = false;         ///< also for clients that ask for no host
  CertificatePem pem;
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

struct Table {
  std::uint64_t version = 0;
  std::map<std::string, App, std::less<>> apps;
  std::map<std::string, std::string, std::less<>> hosts;  ///< route → app
  std::map<std::string, Certificate, std::less<>> certificates;
  /// Token → what proves to a certificate authority that the asked host is served here.
  std::map<std::string, std::string, std::less<>> challenges;
  /// The same by TLS: host → the certificate that proves it.
  std::map<std::string, CertificatePem, std::less<>> tls_challenges;
  friend bool operator==(const Table&, const Table&) = default;
};

/// "Shop.Example:8080" → "shop.example"; also takes a dot at the end off. Brackets of IPv6 stay.
[[nodiscard]] std::string normalized_host(std::string_view host);

[[nodiscard]] Result<Table> table_from_json(const json::object& object);
[[nodiscard]] json::object to_json(const Table& table);

struct PutApp {
  std::uint64_t version;
  App app;
};
struct RemoveApp {
  std::uint64_t version;
  std::string name;
};
struct PutHost {
  std::uint64_t version;
  std::string host;
  std::string app;
};
struct RemoveHost {
  std::uint64_t version;
  std::string host;
};
struct PutCertificate {
  std::uint64_t version;
  Certificate certificate;
};
struct RemoveCertificate {
  std::uint64_t version;
  std::string name;
};
struct PutChallenge {
  std::uint64_t version;
  std::string token;
  std::string proof;
};
struct RemoveChallenge {
  std::uint64_t version;
  std::string token;
};
struct PutTlsChallenge {
  std::uint64_t version;
  std::string host;
  CertificatePem pem;
};
struct RemoveTlsChallenge {
  std::uint64_t version;
  std::string host;
};
/// A type that this version does not know; it is ignored.
struct UnknownMessage {};
/// A Table is a snapshot: it replaces all.
using Message = std::variant<Table, PutApp, RemoveApp, PutHost, RemoveHost, PutCertificate,
                             RemoveCertificate, PutChallenge, RemoveChallenge, PutTlsChallenge,
                             RemoveTlsChallenge, UnknownMessage>;

/// One line from the control plane.
[[nodiscard]] Result<Message> parse_message(std::string_view line);
void apply(Table& table, Message message);

}  // namespace berth::router
