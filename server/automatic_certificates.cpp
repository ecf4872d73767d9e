// SPDX-License-Identifier: Apache-2.0
#include "server/automatic_certificates.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <thread>

#include "base/file.hpp"
#include "base/http_client.hpp"
#include "base/log.hpp"
#include "server/offload.hpp"
#include "server/renewal.hpp"

namespace berth::server {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto look_every = 2s;
constexpr auto reach_within = 10s;  ///< the router must show the proof
constexpr auto reach_every = 100ms;

/// The same for a domain's whole life.
double jitter_of(const platform::Domain& domain) {
  return static_cast<double>(std::hash<std::string>{}(domain.id.value) % 1000) / 1000;
}

std::string unreachable(const AcmeChallenge& challenge, const std::string& why) {
  return "http://" + challenge.host + "/ does not lead to this platform's router (" + why +
         "). Let the domain's DNS entry point to this machine, and let port 80 be reached from "
         "outside";
}

}  // namespace

AutomaticCertificates::AutomaticCertificates(AutomaticCertificatesParts parts)
    : parts_(std::move(parts)), wakeup_(parts_.strand), tasks_(parts_.strand) {}

Result<void> AutomaticCertificates::start() {
  if (parts_.config.router.https.empty() || parts_.config.acme.directory.empty()) return {};
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
  if (domain.hostname.starts_with("*.")) {
    parts_.store.certificate_failed(
        domain, "an authority gives certificates for wildcards only by DNS. Add one with "
                "`berth certs:add`");
    co_return;
  }
  std::string token;
  auto obtained = co_await offload(parts_.pool, [this, host = domain.hostname, &token] {
    const AcmeAuthority authority{.directory = parts_.config.acme.directory,
                                  .contact = parts_.config.acme.contact,
                                  .trusted = parts_.config.acme.trusted};
    return obtain_certificate(
        authority, account_key_, host,
        [this, &token](const AcmeChallenge& challenge) {
          token = challenge.token;
          return present(challenge);
        },
        stopped_);
  });
  if (!token.empty()) parts_.router.remove_challenge(token);
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

/// On a thread of the pool. Reading the proof as the authority will shows that the router has it,
/// and that the domain leads here: an authority allows few failures.
Result<void> AutomaticCertificates::present(const AcmeChallenge& challenge) {
  asio::post(parts_.strand, [this, challenge] {
    parts_.router.put_challenge(challenge.token, challenge.proof);
  });
  std::string why;
  for (const auto end = std::chrono::steady_clock::now() + reach_within;
       std::chrono::steady_clock::now() < end && !stopped_;) {
    const auto response = http_request(
        {.url = {.scheme = "http",
                 .host = challenge.host,
                 .port = parts_.config.acme.port,
                 .target = "/.well-known/acme-challenge/" + challenge.token},
         .deadline = 5s});
    if (response.has_value() && response->body == challenge.proof) return {};
    why = response.has_error() ? response.error().message
                               : "it answers " + std::to_string(response->status) +
                                     " and not the proof";
    std::this_thread::sleep_for(reach_every);
  }
  return Error{ErrorKind::unavailable, unreachable(challenge, why)};
}

}  // namespace berth::server
