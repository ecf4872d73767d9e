// SPDX-License-Identifier: Apache-2.0
#include "server/certificates.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "base/log.hpp"

namespace berth::server {

namespace {

constexpr auto look_every = std::chrono::minutes(1);
constexpr auto renew_before = std::chrono::hours(30 * 24);
constexpr std::string_view operators_name = "platform";

std::string name_of(const std::string& host) {
  return "development-" + (host.starts_with("*.") ? "any" + host.substr(1) : host);
}

json::object offer(const CertificatePem& pem, const std::vector<std::string>& hosts,
                   bool is_default = false) {
  return {{"hosts", json::array(hosts.begin(), hosts.end())},
          {"default", is_default},
          {"chain", pem.chain},
          {"key", pem.key}};
}

}  // namespace

Certificates::Certificates(const platform::Config& config, platform::Store& store,
                           RouterLink& router)
    : config_(config), store_(store), router_(router) {}

Result<void> Certificates::start() {
  if (!on()) return {};
  BERTH_TRY(open_authority());
  if (!config_.router.certificate.empty()) {
    if (config_.router.certificate_key.empty())
      return Error{ErrorKind::invalid, "the configuration has router.certificate but no "
                                       "router.certificate_key"};
    BERTH_TRY(with_context(read_operators(), "router.certificate in the configuration"));
    return {};
  }
  for (const auto* name : {"", "api.", "git.", "dashboard."}) issue(name + config_.domain);
  return {};
}

/// Of another domain than before, or near its end, another one is made: it is trusted anew.
Result<void> Certificates::open_authority() {
  const auto directory = config_.data_dir / "keys";
  const auto chain_file = directory / "development-ca.pem";
  const auto key_file = directory / "development-ca.key";
  const auto chain = read_file(chain_file, 64 << 10);
  const auto key = read_file(key_file, 64 << 10);
  if (chain.has_value() && key.has_value()) {
    auto known = CertificateAuthority::parse({.chain = *chain, .key = *key});
    if (known.has_value() && known->covers(config_.domain) &&
        known->ends_at() > now() + renew_before) {
      authority_ = std::move(*known);
      return {};
    }
  }
  BERTH_ASSIGN(CertificateAuthority made,
               CertificateAuthority::create("Berth development (" + config_.domain + ")",
                                            config_.domain));
  BERTH_TRY(write_file_atomic(key_file, made.pem().key, 0600));
  BERTH_TRY(write_file_atomic(chain_file, made.certificate(), 0644));
  log_info("made a development authority for {}: berth certs:dev-ca prints its certificate",
           config_.domain);
  authority_ = std::move(made);
  return {};
}

Result<void> Certificates::read_operators() {
  CertificatePem pem;
  BERTH_ASSIGN(pem.chain, read_file(config_.router.certificate, 256 << 10));
  BERTH_ASSIGN(pem.key, read_file(config_.router.certificate_key, 256 << 10));
  if (operators_ == pem) return {};
  BERTH_ASSIGN(const ServerCertificate parsed, ServerCertificate::parse(pem));
  const std::string wildcard = "*." + config_.domain;
  if (!parsed.covers(wildcard))
    return Error{ErrorKind::invalid, "the certificate must name " + wildcard +
                                         ", since apps are served at <app>." + config_.domain};
  if (const auto valid = parsed.check_time(now()); valid.has_error())
    log_warning("router.certificate: {}", valid.error().message);
  std::vector<std::string> hosts = {wildcard};
  if (parsed.covers(config_.domain)) hosts.push_back(config_.domain);
  router_.put_certificate(std::string(operators_name), offer(pem, hosts, true));
  operators_ = std::move(pem);
  shown_operators_ = {.issuer = parsed.issuer(), .ends_at = parsed.ends_at()};
  return {};
}

std::string Certificates::own_host(const platform::App& app) const {
  return app.name + "." + config_.domain;
}

void Certificates::issue(const std::string& host) {
  const auto pem = authority_->issue(host);
  if (pem.has_error()) {
    log_error("a certificate for {}: {}", host, pem.error().message);
    return;
  }
  router_.put_certificate(name_of(host), offer(*pem, {host}, host == config_.domain));
  Issued& issued = issued_[host];
  issued.due = now() + std::chrono::hours(365 * 24);
  if (const auto parsed = ServerCertificate::parse(*pem); parsed.has_value())
    issued.shown = {
        .is_development = true, .issuer = parsed->issuer(), .ends_at = parsed->ends_at()};
}

void Certificates::withdraw(const std::string& host) {
  if (issued_.erase(host) > 0) router_.remove_certificate(name_of(host));
}

void Certificates::publish(const platform::App& app) {
  if (!on()) return;
  AppRecord& record = apps_[app.id];
  std::string host = own_host(app);
  if (record.own_host != host) {
    withdraw(record.own_host);
    if (!operators_) issue(host);
    record.own_host = std::move(host);
  }
  std::map<std::string, Published> wanted;
  for (const platform::Certificate& certificate : store_.certificates(app.id)) {
    Published entry{.updated_at = certificate.updated_at, .hosts = certificate.domains};
    const auto known = record.by_id.find(certificate.id.value);
    if (known == record.by_id.end() || known->second != entry)
      router_.put_certificate(certificate.id.value,
                              offer(store_.certificate_pem(certificate.id), entry.hosts));
    wanted.emplace(certificate.id.value, std::move(entry));
  }
  for (const auto& [id, entry] : record.by_id)
    if (!wanted.contains(id)) router_.remove_certificate(id);
  record.by_id = std::move(wanted);
}

void Certificates::app_destroyed(const platform::AppId& app) {
  const auto found = apps_.find(app);
  if (found == apps_.end()) return;
  withdraw(found->second.own_host);
  for (const auto& [id, entry] : found->second.by_id) router_.remove_certificate(id);
  apps_.erase(found);
}

void Certificates::renew(Time at) {
  if (!on() || at - looked_at_ < look_every) return;
  looked_at_ = at;
  for (const auto& [host, issued] : issued_)
    if (at >= issued.due) issue(host);
  if (!operators_) return;
  const auto read = read_operators();
  const std::string refused = read.has_error() ? read.error().message : "";
  // A renewal that is half written is read again in a minute; said once.
  if (!refused.empty() && refused != refused_)
    log_error("router.certificate is not taken over, the one before stays in use: {}", refused);
  refused_ = refused;
}

Result<std::string> Certificates::development_authority() const {
  if (!on())
    return Error{ErrorKind::not_found,
                 "HTTPS is off, so there is no authority. Set router.https in berth.yaml, such as "
                 "[0.0.0.0:8443], and restart the server and the router"};
  return authority_->certificate();
}

std::optional<api::PlatformCertificate> Certificates::shown_for(const platform::App& app) const {
  if (!on()) return std::nullopt;
  if (operators_) return shown_operators_;
  const auto issued = issued_.find(own_host(app));
  if (issued == issued_.end()) return std::nullopt;
  return issued->second.shown;
}

}  // namespace berth::server
