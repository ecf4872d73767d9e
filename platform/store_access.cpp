// SPDX-License-Identifier: Apache-2.0
//
// Domains, buildpacks, tokens and events.
#include <algorithm>

#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

/// The column has the whole route, which is unique.
Domain read_domain(const Statement& row) {
  const std::string route = row.text(2);
  const std::size_t slash = std::min(route.find('/'), route.size());
  return {.id = DomainId(row.text(0)),
          .app = AppId(row.text(1)),
          .hostname = route.substr(0, slash),
          .path = route.substr(slash),
          .created_at = time_of(row, 3),
          .certificate = row.is_null(4) ? std::nullopt
                                        : std::optional(CertificateId(row.text(4)))};
}

constexpr std::string_view domain_columns =
    "SELECT id, app, hostname, created_at, certificate FROM domains ";

Token read_token(const Statement& row) {
  return {.id = TokenId(row.text(0)),
          .user = row.text(1),
          .description = row.text(2),
          .created_at = time_of(row, 3),
          .expires_at = optional_time_of(row, 4)};
}

}  // namespace

Result<Domain> Store::add_domain(const AppId& app, std::string_view route_text,
                                 const Actor& actor) {
  BERTH_ASSIGN(const RouteName route, parse_route(route_text));
  const std::string name = route.text();
  Statement taken = database_.prepare(
      "SELECT a.name FROM domains d JOIN apps a ON a.id = d.app WHERE d.hostname = ?");
  taken.bind(name);
  if (taken.step())
    return Error{ErrorKind::conflict,
                 "the domain " + name + " belongs to the app " + taken.text(0)};
  Change change(*this);
  const std::string id = random_uuid();
  database_.prepare("INSERT INTO domains (id, app, hostname, created_at) VALUES (?,?,?,?)")
      .bind(id).bind(app.value).bind(name).bind(column(now())).run();
  change.event(app, actor.user, "domain.create", "added domain " + name);
  change.commit();
  Statement row = database_.prepare(std::string(domain_columns) + "WHERE id = ?");
  row.bind(id);
  BERTH_ASSERT(row.step());
  return read_domain(row);
}

std::vector<Domain> Store::domains(const AppId& app) {
  std::vector<Domain> result;
  Statement rows =
      database_.prepare(std::string(domain_columns) + "WHERE app = ? ORDER BY hostname");
  rows.bind(app.value);
  while (rows.step()) result.push_back(read_domain(rows));
  return result;
}

Result<Domain> Store::remove_domain(const AppId& app, std::string_view route_or_id,
                                    const Actor& actor) {
  Statement row = database_.prepare(std::string(domain_columns) +
                                    "WHERE app = ?1 AND (id = ?2 OR hostname = ?2)");
  row.bind(app.value).bind(route_or_id);
  if (!row.step())
    return Error{ErrorKind::not_found, "the app has no domain '" +
                                           std::string(route_or_id.substr(0, 80)) +
                                           "'. `berth domains` lists them"};
  const Domain domain = read_domain(row);
  Change change(*this);
  database_.prepare("DELETE FROM domains WHERE id = ?").bind(domain.id.value).run();
  remove_idle_certificates(app);
  change.event(app, actor.user, "domain.destroy", "removed domain " + domain.route());
  change.commit();
  return domain;
}

std::vector<std::string> Store::buildpacks(const AppId& app) {
  std::vector<std::string> result;
  Statement rows =
      database_.prepare("SELECT source FROM buildpacks WHERE app = ? ORDER BY ordinal");
  rows.bind(app.value);
  while (rows.step()) result.push_back(rows.text(0));
  return result;
}

void Store::set_buildpacks(const AppId& app, const std::vector<std::string>& sources,
                           const Actor& actor) {
  if (sources == buildpacks(app)) return;
  Change change(*this);
  database_.prepare("DELETE FROM buildpacks WHERE app = ?").bind(app.value).run();
  std::int64_t ordinal = 0;
  for (const auto& source : sources)
    database_.prepare("INSERT INTO buildpacks (app, ordinal, source) VALUES (?,?,?)")
        .bind(app.value).bind(ordinal++).bind(source).run();
  // Their URLs may hold a password: the event counts them.
  change.event(app, actor.user, "buildpacks.update",
               sources.empty() ? std::string("buildpacks are detected")
                               : "chose " + std::to_string(sources.size()) +
                                     (sources.size() == 1 ? " buildpack" : " buildpacks"));
  change.commit();
}

Store::IssuedToken Store::create_token(std::string_view user, std::string_view description,
                                       std::optional<Time> expires_at, const Actor& actor) {
  IssuedToken issued{.token = {.id = TokenId(random_uuid()),
                               .user = std::string(user),
                               .description = std::string(description),
                               .created_at = now(),
                               .expires_at = expires_at},
                     .secret = "berth_" + random_hex(32)};
  Change change(*this);
  database_
      .prepare(
          "INSERT INTO tokens (id, secret_sha256, user, description, created_at, expires_at) "
          "VALUES (?,?,?,?,?,?)")
      .bind(issued.token.id.value)
      .bind(sha256_hex(issued.secret))
      .bind(user)
      .bind(description)
      .bind(column(issued.token.created_at))
      .bind(expires_at ? std::optional(column(*expires_at)) : std::nullopt)
      .run();
  change.event(std::nullopt, actor.user, "token.create",
               "token for " + std::string(user) + ": " + std::string(description));
  change.commit();
  return issued;
}

Result<Token> Store::authenticate(std::string_view secret) {
  // The look-up is by digest, so its timing tells nothing about the secret.
  Statement row = database_.prepare(
      "SELECT id, user, description, created_at, expires_at FROM tokens "
      "WHERE secret_sha256 = ? AND (expires_at IS NULL OR expires_at > ?)");
  row.bind(sha256_hex(secret)).bind(column(now()));
  if (row.step()) return read_token(row);
  return Error{ErrorKind::unauthorized, "the token is not valid. Log in again: berth login"};
}

std::vector<Token> Store::tokens() {
  std::vector<Token> result;
  Statement rows = database_.prepare(
      "SELECT id, user, description, created_at, expires_at FROM tokens ORDER BY created_at, id");
  while (rows.step()) result.push_back(read_token(rows));
  return result;
}

Result<Token> Store::revoke_token(std::string_view id, const Actor& actor) {
  Statement row = database_.prepare(
      "SELECT id, user, description, created_at, expires_at FROM tokens WHERE id = ?");
  row.bind(id);
  if (!row.step())
    return Error{ErrorKind::not_found, "no token has this id. `berth tokens` lists them"};
  const Token token = read_token(row);
  Change change(*this);
  database_.prepare("DELETE FROM tokens WHERE id = ?").bind(id).run();
  change.event(std::nullopt, actor.user, "token.revoke",
               "revoked the token of " + token.user + ": " + token.description);
  change.commit();
  return token;
}

namespace {

std::vector<Event> read_events(Statement rows, std::int64_t bound, std::size_t limit,
                               const std::optional<AppId>& app) {
  std::vector<Event> result;
  rows.bind(bound)
      .bind(app ? std::optional<std::string_view>(app->value) : std::nullopt)
      .bind(static_cast<std::int64_t>(limit));
  while (rows.step()) {
    Event event{.sequence = rows.integer(0),
                .at = time_of(rows, 1),
                .app = std::nullopt,
                .user = rows.text(3),
                .kind = rows.text(4),
                .message = rows.text(5)};
    if (!rows.is_null(2)) event.app = AppId(rows.text(2));
    result.push_back(std::move(event));
  }
  return result;
}

}  // namespace

std::vector<Event> Store::events(std::int64_t after, std::size_t limit,
                                 const std::optional<AppId>& app) {
  return read_events(
      database_.prepare("SELECT sequence, at, app, user, kind, message FROM events "
                        "WHERE sequence > ?1 AND (?2 IS NULL OR app = ?2) "
                        "ORDER BY sequence LIMIT ?3"),
      after, limit, app);
}

std::vector<Event> Store::events_before(std::int64_t sequence, std::size_t limit,
                                        const std::optional<AppId>& app) {
  return read_events(
      database_.prepare("SELECT sequence, at, app, user, kind, message FROM events "
                        "WHERE sequence < ?1 AND (?2 IS NULL OR app = ?2) "
                        "ORDER BY sequence DESC LIMIT ?3"),
      sequence, limit, app);
}

void Store::record(const std::optional<AppId>& app, std::string_view kind,
                   std::string_view message) {
  Change change(*this);
  change.event(app, "berth", kind, std::string(message));
  change.commit();
}

}  // namespace berth::platform
