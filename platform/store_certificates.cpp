// SPDX-License-Identifier: Apache-2.0
//
// Certificates of apps: checked before they are stored, their keys sealed. And what apps want of
// HTTPS.
#include <algorithm>
#include <stdexcept>

#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

constexpr std::string_view certificate_columns =
    "SELECT id, app, chain, names, subject, issuer, self_signed, starts_at, ends_at, created_at, "
    "updated_at, automatic FROM certificates ";

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(between)) + word;
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

Result<ServerCertificate> parse_current(const CertificatePem& pem) {
  BERTH_ASSIGN(ServerCertificate parsed, ServerCertificate::parse(pem));
  BERTH_TRY(parsed.check_time(now()));
  return parsed;
}

Result<void> check_covers(const ServerCertificate& certificate, const std::string& hostname) {
  if (certificate.covers(hostname)) return {};
  return Error{ErrorKind::invalid, "the certificate is not for " + hostname + ". It names: " +
                                       joined(certificate.names(), ", ")};
}

/// Of the app's domains those that were asked for, or all that it covers.
Result<std::vector<Domain>> served_by(const ServerCertificate& certificate,
                                      const std::vector<Domain>& domains,
                                      const std::vector<std::string>& wanted) {
  std::vector<Domain> served;
  for (const std::string& hostname : wanted) {
    const std::size_t before = served.size();
    std::ranges::copy_if(domains, std::back_inserter(served), [&](const Domain& domain) {
      return domain.hostname == hostname;
    });
    if (served.size() == before)
      return Error{ErrorKind::not_found, "the app has no domain '" + hostname.substr(0, 80) +
                                             "'. Add it first: berth domains:add " +
                                             hostname.substr(0, 80)};
    BERTH_TRY(check_covers(certificate, hostname));
  }
  if (!wanted.empty()) return served;
  std::ranges::copy_if(domains, std::back_inserter(served), [&](const Domain& domain) {
    return certificate.covers(domain.hostname);
  });
  if (served.empty())
    return Error{ErrorKind::invalid,
                 "the certificate is for none of the app's domains. It names: " +
                     joined(certificate.names(), ", ") + ". `berth domains` lists the app's"};
  return served;
}

}  // namespace

Result<Certificate> Store::add_certificate(const AppId& app, const CertificatePem& pem,
                                           const std::vector<std::string>& hostnames,
                                           const Actor& actor, bool automatic) {
  BERTH_ASSIGN(const ServerCertificate parsed, parse_current(pem));
  BERTH_ASSIGN(const std::vector<Domain> served, served_by(parsed, domains(app), hostnames));
  Change change(*this);
  const std::string id = random_uuid();
  const Time at = now();
  database_
      .prepare("INSERT INTO certificates (id, app, chain, sealed_key, names, subject, issuer, "
               "self_signed, automatic, starts_at, ends_at, created_at, updated_at) "
               "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(id).bind(app.value).bind(pem.chain).bind_blob(secrets_.seal(pem.key))
      .bind(joined(parsed.names(), " ")).bind(parsed.subject()).bind(parsed.issuer())
      .bind(parsed.is_self_signed()).bind(automatic).bind(column(parsed.starts_at()))
      .bind(column(parsed.ends_at())).bind(column(at)).bind(column(at)).run();
  std::vector<std::string> names;
  for (const Domain& domain : served) {
    database_.prepare("UPDATE domains SET certificate = ? WHERE id = ?")
        .bind(id).bind(domain.id.value).run();
    database_.prepare("DELETE FROM certificate_failures WHERE domain = ?")
        .bind(domain.id.value).run();
    if (std::ranges::find(names, domain.hostname) == names.end()) names.push_back(domain.hostname);
  }
  remove_idle_certificates(app);
  change.event(app, actor.user, "certificate.create",
               "added a certificate for " + joined(names, ", ") + ", valid until " +
                   rfc3339(parsed.ends_at()));
  change.commit();
  return find_certificate(app, id);
}

Result<Certificate> Store::update_certificate(const CertificateId& certificate,
                                              const CertificatePem& pem, const Actor& actor) {
  Statement owner = database_.prepare("SELECT app FROM certificates WHERE id = ?");
  owner.bind(certificate.value);
  if (!owner.step()) return Error{ErrorKind::not_found, "the certificate is gone"};
  const AppId app(owner.text(0));
  BERTH_ASSIGN(const Certificate before, find_certificate(app, certificate.value));
  BERTH_ASSIGN(const ServerCertificate parsed, parse_current(pem));
  for (const std::string& hostname : before.domains) BERTH_TRY(check_covers(parsed, hostname));
  Change change(*this);
  database_
      .prepare("UPDATE certificates SET chain = ?, sealed_key = ?, names = ?, subject = ?, "
               "issuer = ?, self_signed = ?, starts_at = ?, ends_at = ?, updated_at = ? "
               "WHERE id = ?")
      .bind(pem.chain).bind_blob(secrets_.seal(pem.key)).bind(joined(parsed.names(), " "))
      .bind(parsed.subject()).bind(parsed.issuer()).bind(parsed.is_self_signed())
      .bind(column(parsed.starts_at())).bind(column(parsed.ends_at())).bind(column(now()))
      .bind(certificate.value).run();
  change.event(app, actor.user, "certificate.update",
               "renewed the certificate for " + joined(before.domains, ", ") + ", valid until " +
                   rfc3339(parsed.ends_at()));
  change.commit();
  return find_certificate(app, certificate.value);
}

std::vector<Certificate> Store::certificates(const AppId& app) {
  std::vector<Certificate> result;
  Statement rows =
      database_.prepare(std::string(certificate_columns) + "WHERE app = ? ORDER BY created_at, id");
  rows.bind(app.value);
  while (rows.step())
    result.push_back({.id = CertificateId(rows.text(0)),
                      .app = AppId(rows.text(1)),
                      .domains = {},
                      .chain = rows.text(2),
                      .names = split(rows.text(3)),
                      .subject = rows.text(4),
                      .issuer = rows.text(5),
                      .self_signed = rows.boolean(6),
                      .automatic = rows.boolean(11),
                      .starts_at = time_of(rows, 7),
                      .ends_at = time_of(rows, 8),
                      .created_at = time_of(rows, 9),
                      .updated_at = time_of(rows, 10)});
  if (result.empty()) return result;
  for (const Domain& domain : domains(app)) {
    if (!domain.certificate) continue;
    const auto found = std::ranges::find(result, *domain.certificate, &Certificate::id);
    if (found == result.end()) continue;
    // Several of its paths are one host.
    if (std::ranges::find(found->domains, domain.hostname) == found->domains.end())
      found->domains.push_back(domain.hostname);
  }
  return result;
}

Result<Certificate> Store::find_certificate(const AppId& app, std::string_view id_or_domain) {
  for (Certificate& certificate : certificates(app))
    if (certificate.id.value == id_or_domain ||
        std::ranges::find(certificate.domains, id_or_domain) != certificate.domains.end())
      return std::move(certificate);
  return Error{ErrorKind::not_found, "the app has no certificate for '" +
                                         std::string(id_or_domain.substr(0, 80)) +
                                         "'. `berth certs` lists them"};
}

Result<Certificate> Store::remove_certificate(const AppId& app, std::string_view id_or_domain,
                                              const Actor& actor) {
  BERTH_ASSIGN(const Certificate certificate, find_certificate(app, id_or_domain));
  Change change(*this);
  database_.prepare("DELETE FROM certificates WHERE id = ?").bind(certificate.id.value).run();
  change.event(app, actor.user, "certificate.destroy",
               "removed the certificate for " + joined(certificate.domains, ", "));
  change.commit();
  return certificate;
}

CertificatePem Store::certificate_pem(const CertificateId& certificate) {
  Statement row = database_.prepare("SELECT chain, sealed_key FROM certificates WHERE id = ?");
  row.bind(certificate.value);
  if (!row.step()) throw std::runtime_error("certificate " + certificate.value + " is not there");
  auto key = secrets_.unseal(row.text(1));
  if (key.has_error())
    throw std::runtime_error("certificate " + certificate.value + ": " + key.error().message);
  return {.chain = row.text(0), .key = std::move(*key)};
}

namespace {

constexpr std::int64_t year_s = 365 * 24 * 3600;

Result<void> check_hsts(const Hsts& hsts) {
  if (hsts.max_age_s < 0 || hsts.max_age_s > 10 * year_s)
    return Error{ErrorKind::invalid, "HSTS lasts from 0 seconds to 10 years"};
  if (hsts.preload && (!hsts.subdomains || hsts.max_age_s < year_s))
    return Error{ErrorKind::invalid,
                 "browsers take a name into their lists only with its subdomains and for a year at "
                 "least"};
  return {};
}

std::string describe(const HttpsSettings& https) {
  std::string text = https.redirect ? "redirects to HTTPS" : "does not redirect to HTTPS";
  if (!https.hsts) return text + ", no HSTS";
  text += ", HSTS for " + std::to_string(https.hsts->max_age_s) + " s";
  if (https.hsts->subdomains) text += " with subdomains";
  return https.hsts->preload ? text + ", for preload lists" : text;
}

}  // namespace

Result<App> Store::set_https(const AppId& app, const HttpsSettings& https, const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  if (before.https == https) return before;
  if (https.hsts) BERTH_TRY(check_hsts(*https.hsts));
  Change change(*this);
  const Hsts hsts = https.hsts.value_or(Hsts{});
  database_
      .prepare("UPDATE apps SET https_redirect = ?, hsts_max_age = ?, hsts_subdomains = ?, "
               "hsts_preload = ?, updated_at = ? WHERE id = ?")
      .bind(https.redirect)
      .bind(https.hsts ? std::optional(hsts.max_age_s) : std::nullopt)
      .bind(hsts.subdomains).bind(hsts.preload).bind(column(now())).bind(app.value).run();
  change.event(app, actor.user, "app.update", describe(https));
  change.commit();
  return find_app(app.value);
}

Result<App> Store::set_automatic_certificates(const AppId& app, bool on, const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  if (before.automatic_certificates == on) return before;
  Change change(*this);
  database_.prepare("UPDATE apps SET automatic_certificates = ?, updated_at = ? WHERE id = ?")
      .bind(on).bind(column(now())).bind(app.value).run();
  if (!on) {
    database_.prepare("DELETE FROM certificates WHERE app = ? AND automatic").bind(app.value).run();
    database_
        .prepare("DELETE FROM certificate_failures WHERE domain IN "
                 "(SELECT id FROM domains WHERE app = ?)")
        .bind(app.value).run();
  }
  change.event(app, actor.user, "app.update",
               std::string("automatic certificates ") + (on ? "on" : "off"));
  change.commit();
  return find_app(app.value);
}

void Store::certificate_failed(const Domain& domain, std::string_view reason) {
  const auto before = certificate_failure(domain.id);
  Change change(*this);
  database_
      .prepare("INSERT OR REPLACE INTO certificate_failures (domain, count, reason, at) "
               "VALUES (?,?,?,?)")
      .bind(domain.id.value).bind(before ? before->count + 1 : 1).bind(reason)
      .bind(column(now())).run();
  if (!before || before->reason != reason)
    change.event(domain.app, "berth", "certificate.fail",
                 "no certificate for " + domain.hostname + ": " + std::string(reason));
  change.commit();
}

std::optional<CertificateFailure> Store::certificate_failure(const DomainId& domain) {
  Statement row =
      database_.prepare("SELECT count, reason, at FROM certificate_failures WHERE domain = ?");
  row.bind(domain.value);
  if (!row.step()) return std::nullopt;
  return CertificateFailure{.count = static_cast<int>(row.integer(0)),
                            .reason = row.text(1),
                            .at = time_of(row, 2)};
}

void Store::forget_certificate_failures(const AppId& app) {
  database_
      .prepare("DELETE FROM certificate_failures WHERE domain IN "
               "(SELECT id FROM domains WHERE app = ?)")
      .bind(app.value).run();
}

void Store::remove_idle_certificates(const AppId& app) {
  database_
      .prepare("DELETE FROM certificates WHERE app = ?1 AND id NOT IN "
               "(SELECT certificate FROM domains WHERE app = ?1 AND certificate IS NOT NULL)")
      .bind(app.value).run();
}

}  // namespace berth::platform
