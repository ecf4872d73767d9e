// SPDX-License-Identifier: Apache-2.0
#include "server/automatic_certificates.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "base/log.hpp"
#include "server/dns_hook.hpp"
#include "server/offload.hpp"
#include "server/renewal.hpp"

namespace berth::server {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto look_every = 2s;

/// The same for a domain's whole life.
double jitter_of(const platform::Domain& domain) {
  return static_cast<double>(std::hash<std::string>{}(domain.id.value) % 1000) / 1000;
}

}  // namespace

AutomaticCertificates::AutomaticCertificates(AutomaticCertificatesParts parts)
    : parts_(std::move(parts)),
      wakeup_(parts_.strand),
      tasks_(parts_.strand),
      proofs_(parts_.strand, parts_.config.acme, parts_.router, stopped_) {}

Result<void> AutomaticCertificates::start() {
  if (parts_.config.router.https.empty() || parts_.config.acme.directory.empty()) return {};
  if (parts_.config.acme.challenge == AcmeMethod::dns_01)
    BERTH_TRY(with_context(check_dns_hook(parts_.config.acme.dns_hook),
                           "acme.dns_hook in the configuration, which dns-01 needs"));
  const auto file = parts_.config.data_dir / "keys" / "acme-account.key";
  auto key = read_file(file, 64 << 10);
  if (key.has_error()) {
    if (key.error().kind != ErrorKind::not_found) return key.error();
    key = make_acme_key();
    BERTH_TRY(key);
    BERTH_TRY(write_file_atomic(file, *key, 0600));
  }
  account_key_ = std::move(*key);
  tasks_.spawn(run());
  return {};
}

asio::awaitable<void> AutomaticCertificates::stop() {
  stopped_ = true;
  wakeup_.notify();
  co_await tasks_.join();
}

asio::awaitable<void> AutomaticCertificates::run() {
  while (!stopped_) {
    const std::optional<platform::Domain> domain = due(now());
    if (domain)
      co_await order(*domain);
    else
      co_await wakeup_.wait(look_every);
  }
}

/// A domain whose turn it is: one without a certificate of its owner's.
std::optional<platform::Domain> AutomaticCertificates::due(Time at) {
  for (const platform::App& app : parts_.store.apps()) {
    if (!app.automatic_certificates) continue;
    const auto certificates = parts_.store.certificates(app.id);
    for (const platform::Domain& domain : parts_.store.domains(app.id)) {
      RenewalState state{.jitter = jitter_of(domain)};
      if (domain.certificate) {
        const auto used =
            std::ranges::find(certificates, *domain.certificate, &platform::Certificate::id);
        if (used == certificates.end() || !used->automatic) continue;
        state.term = CertificateTerm{.starts_at = used->starts_at, .ends_at = used->ends_at};
      }
      if (const auto failure = parts_.store.certificate_failure(domain.id)) {
        state.failures = failure->count;
        state.failed_at = failure->at;
      }
      if (at >= next_attempt(state)) return domain;
    }
  }
  return std::nullopt;
}

asio::awaitable<void> AutomaticCertificates::order(platform::Domain domain) {
  if (domain.hostname.starts_with("*.") &&
      parts_.config.acme.challenge != AcmeMethod::dns_01) {
    parts_.store.certificate_failed(
        domain, "an authority gives certificates for wildcards only by DNS (acme.challenge: dns-01 "
                "in berth.yaml). Add one with `berth certs:add`");
    co_return;
  }
  auto obtained = co_await offload(parts_.pool, [this, host = domain.hostname] {
    const AcmeAuthority authority{.directory = parts_.config.acme.directory,
                                  .contact = parts_.config.acme.contact,
                                  .trusted = parts_.config.acme.trusted};
    std::optional<AcmeChallenge> shown;
    auto result = obtain_certificate(
        authority, account_key_, host, parts_.config.acme.challenge,
        [&](const AcmeChallenge& challenge) {
          shown = challenge;
          return proofs_.show(challenge);
        },
        stopped_);
    if (shown) proofs_.withdraw(*shown);
    return result;
  });
  if (stopped_) co_return;
  // Meanwhile the domain may be gone, or its owner have changed their mind.
  const auto app = parts_.store.find_app(domain.app.value);
  if (app.has_error() || !app->automatic_certificates) co_return;
  if (obtained.has_value()) {
    const auto added = parts_.store.add_certificate(domain.app, *obtained, {domain.hostname},
                                                    {"berth"}, true);
    if (added.has_value()) {
      parts_.changed(domain.app);
      co_return;
    }
    obtained = added.error();
  }
  const auto domains = parts_.store.domains(domain.app);
  if (std::ranges::find(domains, domain.id, &platform::Domain::id) == domains.end()) co_return;
  log_warning("certificate for {}: {}", domain.hostname, obtained.error().message);
  parts_.store.certificate_failed(domain, obtained.error().message);
}

}  // namespace berth::server
