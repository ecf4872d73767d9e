// SPDX-License-Identifier: Apache-2.0
//
// Automatic certificates, by Pebble: an ACME server that is as strict as the public ones and
// rejects some nonces on purpose. The platform's domain is another than localhost, so that names
// below localhost are domains of apps that everybody here finds.
#include <fcntl.h>
#include <fmt/format.h>

#include <csignal>

#include "base/certificate.hpp"
#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr int term_s = 24;  ///< of Pebble's certificates: renewals come soon

std::optional<fs::path> pebble_programs() {
  const char* where = std::getenv("BERTH_PEBBLE");
  if (!where || !fs::exists(fs::path(where) / "pebble")) return std::nullopt;
  return where;
}

/// Pebble and its DNS server, which says 127.0.0.1 for every name.
class Authority final {
 public:
  /// It looks for proofs at these ports; nobody listens at the default ones.
  Authority(const fs::path& programs, int http_port, int tls_port = 1)
      : directory_(TempDir::create("/tmp", "berth-test-acme-").value()) {
    const auto own = CertificateAuthority::create("Pebble", "localhost").value();
    const CertificatePem pem = own.issue("localhost").value();
    write("ca.pem", own.certificate());
    write("chain.pem", pem.chain);
    write("key.pem", pem.key);
    dns_port_ = free_port();
    records_port_ = free_port();
    port_ = free_port();
    management_port_ = free_port();
    write("pebble.json",
          to_text(json::object{
              {"pebble",
               {{"listenAddress", fmt::format("127.0.0.1:{}", port_)},
                {"managementListenAddress", fmt::format("127.0.0.1:{}", management_port_)},
                {"certificate", path("chain.pem").string()},
                {"privateKey", path("key.pem").string()},
                {"httpPort", http_port},
                {"tlsPort", tls_port},
                {"ocspResponderURL", ""},
                {"externalAccountBindingRequired", false},
                {"retryAfter", {{"authz", 1}, {"order", 1}}},
                {"keyAlgorithm", "ecdsa"},
                {"profiles",
                 {{"default", {{"description", "short"}, {"validityPeriod", term_s}}}}}}}}));
    log_ = open_file(path("log"), O_WRONLY | O_CREAT | O_APPEND, 0600).value();
    const std::string resolver = fmt::format("127.0.0.1:{}", dns_port_);
    dns_ = ChildProcess::spawn(
               {.argv = {(programs / "pebble-challtestsrv").string(), "-dnsserver", resolver,
                         "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-doh", "", "-http01", "",
                         "-https01", "", "-tlsalpn01", "", "-management",
                         fmt::format("127.0.0.1:{}", records_port_)},
                .stdout_fd = log_.get(),
                .stderr_fd = log_.get()})
               .value();
    pebble_ = ChildProcess::spawn({.argv = {"env", "PEBBLE_VA_NOSLEEP=1",
                                            (programs / "pebble").string(), "-strict", "-config",
                                            path("pebble.json").string(), "-dnsserver",
                                            resolver},
                                   .stdout_fd = log_.get(),
                                   .stderr_fd = log_.get()})
                  .value();
    REQUIRE(eventually([&] { return !root().empty(); }));
    write("root.pem", root());
  }
  ~Authority() {
    for (auto* process : {&dns_, &pebble_})
      if (*process) {
        (void)(*process)->signal(SIGKILL);
        (void)(*process)->wait();
      }
  }

  [[nodiscard]] fs::path path(std::string_view name) const { return directory_.path() / name; }
  /// `more`: lines of the section.
  [[nodiscard]] std::string config(std::string_view more) const {
    return fmt::format(
        "acme:\n  directory: https://localhost:{}/dir\n  contact: ops@example.com\n"
        "  trusted: {}\n{}",
        port_, path("ca.pem").string(), more);
  }
  [[nodiscard]] int dns_port() const { return dns_port_; }
  /// A program that sets records in the DNS server, notes its calls in a file, and knows no zone
  /// refused.example.test.
  [[nodiscard]] fs::path dns_hook() const {
    const std::string text = fmt::format(
        "#!/bin/sh\nset -eu\necho \"$1 $2 $3\" >> {}\n"
        "case $2 in refused.*) echo \"no such zone: $2\" >&2; exit 3;; esac\n"
        "case $1 in present) path=set-txt;; cleanup) path=clear-txt;; esac\n"
        "exec curl -fsS -d \"{{\\\"host\\\":\\\"$3.\\\",\\\"value\\\":\\\"$4\\\"}}\" "
        "http://127.0.0.1:{}/$path\n",
        path("calls").string(), records_port_);
    REQUIRE(write_file_atomic(path("hook"), text, 0755).has_value());
    return path("hook");
  }
  [[nodiscard]] std::string log() const { return read_file(path("log")).value(); }
  /// Whether it tried to read a proof there.
  [[nodiscard]] bool looked_at(std::string_view host) const {
    return log().find(fmt::format("http://{}:", host)) != std::string::npos;
  }

 private:
  void write(std::string_view name, std::string_view content) const {
    REQUIRE(write_file_atomic(path(name), content, 0600).has_value());
  }
  /// What certificates of this run are trusted by.
  [[nodiscard]] std::string root() const {
    const auto response = http_request({.url = {.scheme = "https",
                                                .host = "localhost",
                                                .port = management_port_,
                                                .target = "/roots/0"},
                                        .trusted = path("ca.pem")});
    return response.has_value() && response->status == 200 ? response->body : "";
  }

  TempDir directory_;
  Fd log_;
  int port_ = 0;
  int management_port_ = 0;
  int dns_port_ = 0;
  int records_port_ = 0;
  std::optional<ChildProcess> dns_;
  std::optional<ChildProcess> pebble_;
};

/// The serial number of the certificate that is shown for the host; "" if none that is trusted.
std::string serial(const Platform& berth, const fs::path& trusted, std::string_view host) {
  const auto shaken = run_program(
      {.argv = {"openssl", "s_client", "-connect", fmt::format("127.0.0.1:{}", berth.https_port()),
                "-servername", std::string(host), "-verify_hostname", std::string(host), "-CAfile",
                trusted.string(), "-verify_return_error"}});
  if (shaken->status.code != 0) return {};
  const auto shown = run_program({.argv = {"openssl", "x509", "-noout", "-serial"}}, shaken->out);
  return shown->out;
}

std::string status_of(Platform& berth, std::string_view hostname, std::string_view key) {
  const json::value domains = berth.json_of({"domains", "-a", "shop"});
  for (const json::value& domain : domains.as_array())
    if (domain.at("hostname").as_string() == hostname && domain.at(key).is_string())
      return std::string(domain.at(key).as_string());
  return {};
}

TEST_CASE("certificates are brought for an app's domains, renewed, and given up") {
  NEEDS_PLATFORM();
  const auto programs = pebble_programs();
  if (!programs) {
    MESSAGE("SKIP: no ACME server is built: tests/e2e/acme/make-pebble makes it");
    return;
  }
  Platform berth("domain: apps.test\n");
  Authority authority(*programs, berth.router_port());
  berth.must({"create", "shop"});
  const Output off = berth.cli({"certs:auto:enable", "-a", "shop"});
  CHECK(off.status.code != 0);
  CHECK(off.err.find("acme.directory in berth.yaml") != std::string::npos);

  berth.stop_server();
  berth.set_config(authority.config(fmt::format("  port: {}\n", berth.router_port())));
  berth.start_server();
  const fs::path root = authority.path("root.pem");
  berth.must({"domains:add", "shop.localhost", "-a", "shop"});
  // Even an app that sends everything to HTTPS can prove that it is there.
  berth.must({"https:redirect", "on", "-a", "shop"});
  berth.must({"certs:auto:enable", "-a", "shop"});
  std::string first;
  CHECK_MESSAGE(eventually([&] { return !(first = serial(berth, root, "shop.localhost")).empty(); },
                           60s),
                status_of(berth, "shop.localhost", "acm_status_reason") << authority.log());
  CHECK(status_of(berth, "shop.localhost", "acm_status") == "cert issued");
  CHECK(berth.must({"certs:auto", "-a", "shop"}).find("cert issued") != std::string::npos);
  CHECK(berth.must({"certs", "-a", "shop"}).find("Pebble") != std::string::npos);

  // One that leads elsewhere: said, and the authority is not asked.
  berth.must({"domains:add", "elsewhere.example.test", "-a", "shop"});
  CHECK(eventually(
      [&] { return status_of(berth, "elsewhere.example.test", "acm_status") == "failing"; }, 60s));
  CHECK(status_of(berth, "elsewhere.example.test", "acm_status_reason")
            .starts_with("http://elsewhere.example.test/ does not lead to this platform's router"));
  CHECK_MESSAGE(authority.looked_at("shop.localhost"), authority.log());
  CHECK_FALSE(authority.looked_at("elsewhere.example.test"));
  berth.must({"domains:remove", "elsewhere.example.test", "-a", "shop"});

  // The renewal, by a server that was killed meanwhile.
  berth.kill_server();
  berth.start_server();
  CHECK(eventually(
      [&] {
        const std::string now = serial(berth, root, "shop.localhost");
        return !now.empty() && now != first;
      },
      90s));

  berth.must({"certs:auto:disable", "-a", "shop"});
  CHECK(eventually([&] { return serial(berth, root, "shop.localhost").empty(); }));
  CHECK(berth.json_of({"certs", "-a", "shop"}).as_array().empty());
}

TEST_CASE("a domain whose port 80 is closed is proved by a TLS handshake") {
  NEEDS_PLATFORM();
  const auto programs = pebble_programs();
  if (!programs) {
    MESSAGE("SKIP: no ACME server is built: tests/e2e/acme/make-pebble makes it");
    return;
  }
  Platform berth("domain: apps.test\n");
  Authority authority(*programs, 1, berth.https_port());
  berth.stop_server();
  berth.set_config(authority.config(
      fmt::format("  challenge: tls-alpn-01\n  port: 1\n  tls_port: {}\n", berth.https_port())));
  berth.start_server();
  berth.must({"create", "shop"});
  berth.must({"domains:add", "elsewhere.example.test", "-a", "shop"});
  berth.must({"domains:add", "shop.localhost", "-a", "shop"});
  berth.must({"https:redirect", "on", "-a", "shop"});
  berth.must({"certs:auto:enable", "-a", "shop"});
  const fs::path root = authority.path("root.pem");
  std::string first;
  CHECK_MESSAGE(eventually([&] { return !(first = serial(berth, root, "shop.localhost")).empty(); },
                           60s),
                status_of(berth, "shop.localhost", "acm_status_reason") << authority.log());
  CHECK(status_of(berth, "elsewhere.example.test", "acm_status_reason")
            .starts_with("https://elsewhere.example.test/ does not lead to this platform's "
                         "router"));
  // The renewal, beside the certificate that is in use.
  CHECK(eventually(
      [&] {
        const std::string now = serial(berth, root, "shop.localhost");
        return !now.empty() && now != first;
      },
      90s));
}

TEST_CASE("wildcards and domains that do not lead here are proved by DNS") {
  NEEDS_PLATFORM();
  const auto programs = pebble_programs();
  if (!programs) {
    MESSAGE("SKIP: no ACME server is built: tests/e2e/acme/make-pebble makes it");
    return;
  }
  Platform berth("domain: apps.test\n");
  Authority authority(*programs, 1);
  const fs::path hook = authority.dns_hook();
  berth.stop_server();
  berth.set_config(authority.config(
      fmt::format("  challenge: dns-01\n  dns_hook: {}\n  dns_server: 127.0.0.1:{}\n",
                  hook.string(), authority.dns_port())));
  berth.start_server();
  berth.must({"create", "shop"});
  for (const char* domain : {"refused.example.test", "*.shop.example.test", "shop.example.test"})
    berth.must({"domains:add", domain, "-a", "shop"});
  berth.must({"certs:auto:enable", "-a", "shop"});
  const fs::path root = authority.path("root.pem");
  for (const char* host : {"any.shop.example.test", "shop.example.test"})
    CHECK_MESSAGE(eventually([&] { return !serial(berth, root, host).empty(); }, 60s),
                  host << status_of(berth, host, "acm_status_reason") << authority.log());
  CHECK(status_of(berth, "*.shop.example.test", "acm_status") == "cert issued");
  CHECK(status_of(berth, "refused.example.test", "acm_status_reason") ==
        hook.string() + " present refused.example.test: exit status 3: no such zone: "
                        "refused.example.test");
  const std::string calls = read_file(authority.path("calls")).value();
  for (const char* call : {"present shop.example.test _acme-challenge.shop.example.test\n",
                           "cleanup shop.example.test _acme-challenge.shop.example.test\n",
                           "cleanup refused.example.test _acme-challenge.refused.example.test\n"})
    CHECK_MESSAGE(calls.find(call) != std::string::npos, calls);
}

}  // namespace
}  // namespace berth::test
