// SPDX-License-Identifier: Apache-2.0
#include "server/proofs.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/certificate.hpp"
#include "base/dns.hpp"
#include "base/http_client.hpp"
#include "base/log.hpp"
#include "base/shown_certificate.hpp"
#include "server/dns_hook.hpp"

namespace berth::server {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr auto reach_within = 10s;  ///< the router must show the proof
constexpr auto reach_every = 100ms;
constexpr auto reach_deadline = 5s;  ///< of one look

constexpr auto ask_every = 1s;       ///< a name server
constexpr std::chrono::milliseconds hook_at_stop = 5s;

DnsRecord record_of(const AcmeChallenge& challenge) {
  return {.domain = challenge.host,
          .name = "_acme-challenge." + challenge.host,
          .value = dns_value_of(challenge)};
}

}  // namespace

Proofs::Proofs(asio::any_io_executor strand, const platform::Config::Acme& config,
               RouterLink& router, const std::atomic<bool>& stopped)
    : strand_(std::move(strand)), config_(config), router_(router), stopped_(stopped) {}

Result<void> Proofs::show(const AcmeChallenge& challenge) const {
  switch (challenge.method) {
    case AcmeMethod::http_01: return show_by_http(challenge);
    case AcmeMethod::tls_alpn_01: return show_by_tls(challenge);
    case AcmeMethod::dns_01: return show_by_dns(challenge);
  }
  return {};
}

void Proofs::withdraw(const AcmeChallenge& challenge) const {
  if (challenge.method == AcmeMethod::dns_01) {
    const auto time = stopped_ ? std::min(config_.dns_timeout, hook_at_stop) : config_.dns_timeout;
    if (const auto done =
            run_dns_hook(config_.dns_hook, "cleanup", record_of(challenge), time);
        done.has_error())
      log_warning("a record stays in the DNS: {}", done.error().message);
    return;
  }
  asio::post(strand_, [&router = router_, challenge] {
    if (challenge.method == AcmeMethod::http_01) router.remove_challenge(challenge.token);
    if (challenge.method == AcmeMethod::tls_alpn_01) router.remove_tls_challenge(challenge.host);
  });
}

std::string Proofs::look(steady_clock::time_point end, std::chrono::milliseconds every,
                         const std::function<std::string()>& why_not) const {
  std::string why = "the server stops";
  while (!stopped_) {
    why = why_not();
    if (why.empty() || steady_clock::now() >= end) break;
    std::this_thread::sleep_for(every);
  }
  return why;
}

Result<void> Proofs::show_by_http(const AcmeChallenge& challenge) const {
  asio::post(strand_, [&router = router_, challenge] {
    router.put_challenge(challenge.token, challenge.proof);
  });
  const auto end = steady_clock::now() + reach_within;
  const std::string why = look(end, reach_every, [&]() -> std::string {
    const auto response =
        http_request({.url = {.scheme = "http",
                              .host = challenge.host,
                              .port = config_.port,
                              .target = "/.well-known/acme-challenge/" + challenge.token},
                      .deadline = reach_deadline});
    if (response.has_error()) return response.error().message;
    if (response->body == challenge.proof) return {};
    return "it answers " + std::to_string(response->status) + " and not the proof";
  });
  if (why.empty()) return {};
  return Error{ErrorKind::unavailable,
               "http://" + challenge.host + "/ does not lead to this platform's router (" + why +
                   "). Let the domain's DNS entry point to this machine, and let port 80 be "
                   "reached from outside"};
}

Result<void> Proofs::show_by_tls(const AcmeChallenge& challenge) const {
  BERTH_ASSIGN(const CertificatePem proof,
               make_proof_certificate(challenge.host, challenge.proof));
  asio::post(strand_, [&router = router_, host = challenge.host, proof] {
    router.put_tls_challenge(host, proof);
  });
  const auto end = steady_clock::now() + reach_within;
  const std::string why = look(end, reach_every, [&]() -> std::string {
    const auto shown =
        shown_certificate(challenge.host, config_.tls_port, "acme-tls/1", reach_deadline);
    if (shown.has_error()) return shown.error().message;
    return *shown == proof.chain ? "" : "it shows another certificate";
  });
  if (why.empty()) return {};
  return Error{ErrorKind::unavailable,
               "https://" + challenge.host + "/ does not lead to this platform's router (" + why +
                   "). Let the domain's DNS entry point to this machine, and let port 443 be "
                   "reached from outside, with nothing before it that ends TLS"};
}

Result<void> Proofs::show_by_dns(const AcmeChallenge& challenge) const {
  const auto end = steady_clock::now() + config_.dns_timeout;
  const DnsRecord record = record_of(challenge);
  BERTH_TRY(run_dns_hook(config_.dns_hook, "present", record, config_.dns_timeout, &stopped_));
  const std::string why = look(end, ask_every, [&]() -> std::string {
    const auto texts = txt_records(record.name, config_.dns_server);
    if (texts.has_error()) return texts.error().message;
    if (std::ranges::find(*texts, record.value) != texts->end()) return {};
    return texts->empty() ? "there is none" : "there are others";
  });
  if (why.empty()) return {};
  return Error{ErrorKind::unavailable,
               "the TXT record " + record.name + " that " + config_.dns_hook.string() +
                   " has set is not seen within acme.dns_timeout (" + why +
                   "). Does the program set it where the domain's name servers look? If they take "
                   "longer to tell it, raise acme.dns_timeout"};
}

}  // namespace berth::server
