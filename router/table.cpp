// SPDX-License-Identifier: Apache-2.0
#include "router/table.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "router/http/rewrite.hpp"

namespace berth::router {

namespace {

constexpr std::size_t max_page_size = 64 << 10;

constexpr std::array<std::pair<std::string_view, AppState>, 6> states{{
    {"running", AppState::running},
    {"asleep", AppState::asleep},
    {"stopped", AppState::stopped},
    {"crashed", AppState::crashed},
    {"empty", AppState::empty},
    {"maintenance", AppState::maintenance},
}};

Result<AppState> state_from(std::string_view text) {
  for (const auto& [name, state] : states)
    if (name == text) return state;
  return Error{ErrorKind::invalid, "unknown app state '" + std::string(text) + "'"};
}

std::string_view state_name(AppState state) {
  for (const auto& [name, value] : states)
    if (value == state) return name;
  return "running";
}

/// A name goes into log lines and metrics labels: it may not break out of them.
Result<std::string> require_name(const json::object& object, std::string_view key) {
  BERTH_ASSIGN(std::string text, require_string(object, key));
  if (text.empty() || text.size() > 200)
    return Error{ErrorKind::invalid, "'" + std::string(key) + "' must have 1 to 200 characters"};
  for (const char c : text) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
    if (!good)
      return Error{ErrorKind::invalid,
                   "'" + std::string(key) + "' has a character that no name has"};
  }
  return text;
}

Result<Replica> replica_from(const json::value& value) {
  const json::object* object = value.if_object();
  if (!object) return Error{ErrorKind::invalid, "a replica must be an object"};
  Replica replica;
  BERTH_ASSIGN(replica.id, require_name(*object, "id"));
  BERTH_ASSIGN(replica.name, require_name(*object, "name"));
  BERTH_ASSIGN(replica.address, require_string(*object, "address"));
  BERTH_ASSIGN(const std::int64_t port, require_int(*object, "port"));
  std::array<unsigned char, 16> parsed{};
  if (::inet_pton(AF_INET, replica.address.c_str(), parsed.data()) != 1 &&
      ::inet_pton(AF_INET6, replica.address.c_str(), parsed.data()) != 1)
    return Error{ErrorKind::invalid, "'" + replica.address + "' is not an IP address"};
  if (port < 1 || port > 65535)
    return Error{ErrorKind::invalid, "port " + std::to_string(port) + " is out of range"};
  replica.port = static_cast<std::uint16_t>(port);
  return replica;
}

Result<std::vector<Replica>> replicas_from(const json::object& app, std::string_view key) {
  std::vector<Replica> replicas;
  if (const json::array* items = optional_array(app, key))
    for (const json::value& item : *items) {
      BERTH_ASSIGN(auto replica, replica_from(item));
      replicas.push_back(std::move(replica));
    }
  return replicas;
}

json::array to_json(const std::vector<Replica>& replicas) {
  json::array items;
  for (const Replica& replica : replicas)
    items.push_back(json::object{{"id", replica.id},
                                 {"name", replica.name},
                                 {"address", replica.address},
                                 {"port", replica.port}});
  return items;
}

std::chrono::milliseconds timeout(const json::object& object, std::string_view key,
                                  std::chrono::milliseconds fallback) {
  const auto value = optional_int(object, key);
  return value && *value > 0 && *value <= 86'400'000 ? std::chrono::milliseconds(*value) : fallback;
}

Result<App> app_from(const json::value& value) {
  const json::object* object = value.if_object();
  if (!object) return Error{ErrorKind::invalid, "an app must be an object"};
  App app;
  BERTH_ASSIGN(app.name, require_name(*object, "name"));
  BERTH_ASSIGN(const std::string state, require_string(*object, "state"));
  BERTH_ASSIGN(app.state, with_context(state_from(state), "app " + app.name));
  app.release = optional_int(*object, "release").value_or(0);
  app.log = optional_string(*object, "log").value_or("");
  app.message = optional_string(*object, "message").value_or("");
  app.first_byte_timeout = timeout(*object, "first_byte_timeout_ms", app.first_byte_timeout);
  app.idle_timeout = timeout(*object, "idle_timeout_ms", app.idle_timeout);
  app.hold_timeout = timeout(*object, "hold_timeout_ms", app.hold_timeout);
  app.https_redirect = optional_bool(*object, "https_redirect").value_or(false);
  app.hsts = optional_string(*object, "hsts").value_or("");
  // It goes into heads of answers: it may not break out of them.
  if (app.hsts.size() > http::max_hsts_size ||
      app.hsts.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789-=; ") != std::string::npos)
    return Error{ErrorKind::invalid, "app " + app.name + ": 'hsts' is not a value of the header"};
  if (const json::object* rules = optional_object(*object, "rules")) {
    BERTH_ASSIGN(app.rules, with_context(rules_from(*rules), "app " + app.name));
  }
  app.sticky_key = optional_string(*object, "sticky_key").value_or("");
  app.trace = optional_bool(*object, "trace").value_or(false);
  app.log_percent = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(optional_int(*object, "log_percent").value_or(100), 0, 100));
  app.error_page = optional_string(*object, "error_page").value_or("");
  app.maintenance_page = optional_string(*object, "maintenance_page").value_or("");
  if (app.error_page.size() > max_page_size || app.maintenance_page.size() > max_page_size)
    return Error{ErrorKind::invalid, "app " + app.name + ": a page is larger than 64 KiB"};
  BERTH_ASSIGN(app.replicas, with_context(replicas_from(*object, "replicas"), "app " + app.name));
  BERTH_ASSIGN(app.canaries, with_context(replicas_from(*object, "canaries"), "app " + app.name));
  app.canary = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(optional_int(*object, "canary").value_or(0), 0, 100));
  return app;
}

json::object to_json(const App& app) {
  json::object object{{"name", app.name},
                      {"state", state_name(app.state)},
                      {"release", app.release},
                      {"log", app.log},
                      {"message", app.message},
                      {"first_byte_timeout_ms", app.first_byte_timeout.count()},
                      {"idle_timeout_ms", app.idle_timeout.count()},
                      {"hold_timeout_ms", app.hold_timeout.count()},
                      {"https_redirect", app.https_redirect},
                      {"hsts", app.hsts},
                      {"replicas", to_json(app.replicas)}};
  if (!app.canaries.empty()) object["canaries"] = to_json(app.canaries);
  if (app.canary > 0) object["canary"] = app.canary;
  if (app.rules) object["rules"] = to_json(*app.rules);
  if (!app.sticky_key.empty()) object["sticky_key"] = app.sticky_key;
  if (app.trace) object["trace"] = true;
  if (app.log_percent != 100) object["log_percent"] = app.log_percent;
  if (!app.error_page.empty()) object["error_page"] = app.error_page;
  if (!app.maintenance_page.empty()) object["maintenance_page"] = app.maintenance_page;
  return object;
}

Result<std::uint64_t> version_of(const json::object& object) {
  BERTH_ASSIGN(const std::int64_t version, require_int(object, "version"));
  if (version < 0) return Error{ErrorKind::invalid, "'version' is negative"};
  return static_cast<std::uint64_t>(version);
}

/// A host name, "*." before one, or an IP address in brackets; normalized.
Result<std::string> host_from(std::string_view text) {
  std::string host = normalized_host(text);
  const Error invalid{ErrorKind::invalid, "'" + std::string(text) + "' is not a host name"};
  if (host.starts_with('['))
    return host.find_first_not_of("[]0123456789abcdef:.") == std::string::npos
               ? Result<std::string>(host)
               : invalid;
  const std::string_view name = std::string_view(host).substr(host.starts_with("*.") ? 2 : 0);
  if (name.empty() || name.front() == '.' || name.back() == '.' || name.find("..") != name.npos ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") != name.npos)
    return invalid;
  return host;
}

/// What "shop.example/api" has behind the host: segments of a path, none of them empty or dots.
bool is_route_path(std::string_view path) {
  constexpr std::size_t longest = 255;
  constexpr std::size_t deepest = 16;
  if (path.size() > longest || path.ends_with('/')) return false;
  std::size_t segments = 0;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment.empty() || segment == "." || segment == ".." || ++segments > deepest) return false;
    for (const char c : segment)
      if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '?' || c == '#') return false;
    path.remove_prefix(segment.size());
  }
  return true;
}

/// A host name, "*." before one, or an IP address in brackets; and perhaps a path. Normalized.
Result<std::string> route_from(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  BERTH_ASSIGN(const std::string host, host_from(text.substr(0, slash)));
  const std::string_view path = text.substr(slash);
  if (!is_route_path(path))
    return Error{ErrorKind::invalid, "'" + std::string(text) + "' has no path of a route"};
  return host + std::string(path);
}

Result<std::string> host_of(const json::object& object) {
  BERTH_ASSIGN(const std::string host, require_string(object, "host"));
  return route_from(host);
}

Result<CertificatePem> pem_from(const json::object& object) {
  CertificatePem pem;
  BERTH_ASSIGN(pem.chain, require_string(object, "chain"));
  BERTH_ASSIGN(pem.key, require_string(object, "key"));
  return pem;
}

Result<Certificate> certificate_from(const json::value& value) {
  const json::object* object = value.if_object();
  if (!object) return Error{ErrorKind::invalid, "a certificate must be an object"};
  Certificate certificate;
  BERTH_ASSIGN(certificate.name, require_name(*object, "name"));
  BERTH_ASSIGN(certificate.pem, pem_from(*object));
  certificate.is_default = optional_bool(*object, "default").value_or(false);
  if (const json::array* hosts = optional_array(*object, "hosts")) {
    for (const json::value& host : *hosts) {
      if (!host.is_string()) return Error{ErrorKind::invalid, "'hosts' must be names"};
      BERTH_ASSIGN(std::string name, host_from(std::string_view(host.get_string())));
      certificate.hosts.push_back(std::move(name));
    }
  }
  return certificate;
}

json::object to_json(const Certificate& certificate) {
  return json::object{{"name", certificate.name},
                      {"hosts", json::array(certificate.hosts.begin(), certificate.hosts.end())},
                      {"default", certificate.is_default},
                      {"chain", certificate.pem.chain},
                      {"key", certificate.pem.key}};
}

Result<Message> read_change(const json::object& object, std::string_view type) {
  BERTH_ASSIGN(const std::uint64_t version, version_of(object));
  if (type == "put_certificate") {
    const json::value* certificate = object.if_contains("certificate");
    if (!certificate) return Error{ErrorKind::invalid, "'certificate' is required"};
    BERTH_ASSIGN(Certificate value, certificate_from(*certificate));
    return Message(PutCertificate{version, std::move(value)});
  }
  if (type == "put_challenge") {
    BERTH_ASSIGN(std::string token, require_name(object, "token"));
    BERTH_ASSIGN(std::string proof, require_string(object, "proof"));
    return Message(PutChallenge{version, std::move(token), std::move(proof)});
  }
  if (type == "remove_challenge") {
    BERTH_ASSIGN(std::string token, require_name(object, "token"));
    return Message(RemoveChallenge{version, std::move(token)});
  }
  if (type == "put_tls_challenge" || type == "remove_tls_challenge") {
    BERTH_ASSIGN(const std::string text, require_string(object, "host"));
    BERTH_ASSIGN(std::string host, host_from(text));
    if (type == "remove_tls_challenge")
      return Message(RemoveTlsChallenge{version, std::move(host)});
    BERTH_ASSIGN(CertificatePem pem, pem_from(object));
    return Message(PutTlsChallenge{version, std::move(host), std::move(pem)});
  }
  if (type == "remove_certificate") {
    BERTH_ASSIGN(std::string name, require_name(object, "name"));
    return Message(RemoveCertificate{version, std::move(name)});
  }
  if (type == "put_app") {
    const json::value* app = object.if_contains("app");
    if (!app) return Error{ErrorKind::invalid, "'app' is required"};
    BERTH_ASSIGN(App value, app_from(*app));
    return Message(PutApp{version, std::move(value)});
  }
  if (type == "remove_app") {
    BERTH_ASSIGN(std::string name, require_name(object, "name"));
    return Message(RemoveApp{version, std::move(name)});
  }
  BERTH_ASSIGN(std::string host, host_of(object));
  if (type == "remove_host") return Message(RemoveHost{version, std::move(host)});
  BERTH_ASSIGN(std::string app, require_name(object, "app"));
  return Message(PutHost{version, std::move(host), std::move(app)});
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

std::string normalized_host(std::string_view host) {
  if (!host.empty() && host.front() == '[') {
    host = host.substr(0, host.find(']') + 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string lower(host);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return lower;
}

Result<Table> table_from_json(const json::object& object) {
  Table table;
  BERTH_ASSIGN(table.version, version_of(object));
  if (const json::array* apps = optional_array(object, "apps")) {
    for (const json::value& item : *apps) {
      BERTH_ASSIGN(App app, app_from(item));
      std::string name = app.name;
      table.apps.insert_or_assign(std::move(name), std::move(app));
    }
  }
  if (const json::object* hosts = optional_object(object, "hosts")) {
    for (const auto& [host, app] : *hosts) {
      if (!app.is_string()) return Error{ErrorKind::invalid, "'hosts' must map names to apps"};
      BERTH_ASSIGN(std::string name, route_from(std::string_view(host.data(), host.size())));
      table.hosts.insert_or_assign(std::move(name), std::string(app.get_string()));
    }
  }
  if (const json::object* challenges = optional_object(object, "challenges"))
    for (const auto& [token, proof] : *challenges)
      if (proof.is_string()) table.challenges[token] = std::string(proof.get_string());
  if (const json::object* challenges = optional_object(object, "tls_challenges")) {
    for (const auto& [host, value] : *challenges) {
      const json::object* pem = value.if_object();
      if (!pem) return Error{ErrorKind::invalid, "'tls_challenges' must map names to objects"};
      BERTH_ASSIGN(std::string name, host_from(std::string_view(host.data(), host.size())));
      BERTH_ASSIGN(table.tls_challenges[std::move(name)], pem_from(*pem));
    }
  }
  if (const json::array* certificates = optional_array(object, "certificates")) {
    for (const json::value& item : *certificates) {
      BERTH_ASSIGN(Certificate certificate, certificate_from(item));
      std::string name = certificate.name;
      table.certificates.insert_or_assign(std::move(name), std::move(certificate));
    }
  }
  return table;
}

json::object to_json(const Table& table) {
  json::array apps;
  for (const auto& [name, app] : table.apps) apps.push_back(to_json(app));
  json::object hosts;
  for (const auto& [host, app] : table.hosts) hosts[host] = app;
  json::array certificates;
  for (const auto& [name, certificate] : table.certificates)
    certificates.push_back(to_json(certificate));
  json::object challenges;
  for (const auto& [token, proof] : table.challenges) challenges[token] = proof;
  json::object tls_challenges;
  for (const auto& [host, pem] : table.tls_challenges)
    tls_challenges[host] = json::object{{"chain", pem.chain}, {"key", pem.key}};
  return json::object{{"version", table.version},
                      {"apps", std::move(apps)},
                      {"hosts", std::move(hosts)},
                      {"certificates", std::move(certificates)},
                      {"challenges", std::move(challenges)},
                      {"tls_challenges", std::move(tls_challenges)}};
}

Result<Message> parse_message(std::string_view line) {
  BERTH_ASSIGN(const json::object object, parse_json_object(line));
  BERTH_ASSIGN(const std::string type, require_string(object, "type"));
  if (type == "snapshot") {
    BERTH_ASSIGN(Table table, with_context(table_from_json(object), type));
    return Message(std::move(table));
  }
  constexpr std::array<std::string_view, 10> changes{
      "put_app",           "remove_app",          "put_host",      "remove_host",
      "put_certificate",   "remove_certificate",  "put_challenge", "remove_challenge",
      "put_tls_challenge", "remove_tls_challenge"};
  if (std::find(changes.begin(), changes.end(), type) == changes.end())
    return Message(UnknownMessage{});
  return with_context(read_change(object, type), type);
}

void apply(Table& table, Message message) {
  std::visit(Overloaded{
                 [&](Table& next) { table = std::move(next); },
                 [&](PutApp& put) {
                   table.version = put.version;
                   std::string name = put.app.name;
                   table.apps.insert_or_assign(std::move(name), std::move(put.app));
                 },
                 [&](RemoveApp& remove) {
                   table.version = remove.version;
                   table.apps.erase(remove.name);
                 },
                 [&](PutHost& put) {
                   table.version = put.version;
                   table.hosts.insert_or_assign(std::move(put.host), std::move(put.app));
                 },
                 [&](RemoveHost& remove) {
                   table.version = remove.version;
                   table.hosts.erase(remove.host);
                 },
                 [&](PutCertificate& put) {
                   table.version = put.version;
                   std::string name = put.certificate.name;
                   table.certificates.insert_or_assign(std::move(name),
                                                       std::move(put.certificate));
                 },
                 [&](RemoveCertificate& remove) {
                   table.version = remove.version;
                   table.certificates.erase(remove.name);
                 },
                 [&](PutChallenge& put) {
                   table.version = put.version;
                   table.challenges.insert_or_assign(std::move(put.token), std::move(put.proof));
                 },
                 [&](RemoveChallenge& remove) {
                   table.version = remove.version;
                   table.challenges.erase(remove.token);
                 },
                 [&](PutTlsChallenge& put) {
                   table.version = put.version;
                   table.tls_challenges.insert_or_assign(std::move(put.host), std::move(put.pem));
                 },
                 [&](RemoveTlsChallenge& remove) {
                   table.version = remove.version;
                   table.tls_challenges.erase(remove.host);
                 },
                 [](UnknownMessage&) {},
             },
             message);
}

}  // namespace berth::router
