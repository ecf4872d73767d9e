// SPDX-License-Identifier: Apache-2.0
//
// HTTPS of a whole platform, asked by the clients that people use: curl, openssl, Python.
#include <fmt/format.h>

#include "base/certificate.hpp"
#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::string_view domain = "www.example.test";

/// A deployed app that answers, and files to trust by.
struct Site {
  Platform& berth = platform();
  fs::path directory = berth.home() / "https";
  fs::path repository;
  fs::path development_ca = directory / "development-ca.pem";

  [[nodiscard]] static Site& get() {
    static Site site;
    return site;
  }
  [[nodiscard]] fs::path file(std::string_view name, std::string_view content) const {
    const fs::path path = directory / name;
    REQUIRE(write_file_atomic(path, content, 0600).has_value());
    return path;
  }
  /// What curl says of https://host/, trusting `ca` alone: "200 …" or the reason.
  [[nodiscard]] std::string curl(std::string_view host, const fs::path& ca,
                                 std::vector<std::string> more = {}) const {
    std::vector<std::string> argv = {
        "curl", "--silent", "--show-error", "--cacert", ca.string(), "--connect-to",
        fmt::format("::127.0.0.1:{}", berth.https_port()), "--write-out", "\n%{http_code}",
        "--max-time", "20", fmt::format("https://{}:{}/", host, berth.https_port())};
    argv.insert(argv.end(), more.begin(), more.end());
    const auto ran = run_program({.argv = argv});
    REQUIRE(ran.has_value());
    if (ran->status.code != 0) return ran->err;
    return ran->out.substr(ran->out.rfind('\n') + 1);
  }

 private:
  Site() {
    repository = berth.deploy("static-site", "site");
    REQUIRE(make_directories(directory).has_value());
    REQUIRE(write_file(development_ca, berth.must({"certs:dev-ca"})).has_value());
  }
};

#define NEEDS_SITE()  \
  NEEDS_PLATFORM();   \
  Site& site = Site::get()

TEST_CASE("an app is served by HTTPS from its first deploy, to clients that trust the authority") {
  NEEDS_SITE();
  for (const std::string version : {"1.2", "1.3"}) {
    CAPTURE(version);
    CHECK(site.curl("site.localhost", site.development_ca,
                    {"--tlsv" + version, "--tls-max", version}) == "200");
    CHECK(site.curl("site.localhost", site.development_ca,
                    {"--tlsv" + version, "--tls-max", version, "--write-out",
                     "\n%{http_version} %{http_code}"}) == "2 200");
  }
  CHECK(site.curl("dashboard.localhost", site.development_ca) == "200");
  // Others are not fooled.
  CHECK(site.curl("site.localhost", "/etc/ssl/certs/ca-certificates.crt")
            .starts_with("curl: (60)"));
  CHECK(site.curl("www.example.test", site.development_ca).find("unrecognized name") !=
        std::string::npos);

  const auto openssl = run_program(
      {.argv = {"openssl", "s_client", "-connect",
                fmt::format("127.0.0.1:{}", site.berth.https_port()), "-servername",
                "site.localhost", "-verify_hostname", "site.localhost", "-CAfile",
                site.development_ca.string(), "-verify_return_error", "-alpn", "http/1.1",
                "-ign_eof"}},
      "GET / HTTP/1.1\r\nHost: site.localhost\r\nConnection: close\r\n\r\n");
  REQUIRE(openssl.has_value());
  CHECK(openssl->out.find("Verify return code: 0 (ok)") != std::string::npos);
  CHECK(openssl->out.find("ALPN protocol: http/1.1") != std::string::npos);
  CHECK(openssl->out.find("HTTP/1.1 200 OK") != std::string::npos);

  const auto python = run_program(
      {.argv = {"python3", "-c",
                "import http.client, socket, ssl, sys\n"
                "context = ssl.create_default_context(cafile=sys.argv[1])\n"
                "plain = socket.create_connection(('127.0.0.1', int(sys.argv[2])))\n"
                "client = http.client.HTTPConnection('site.localhost')\n"
                "client.sock = context.wrap_socket(plain, server_hostname='site.localhost')\n"
                "for _ in range(3):\n"
                "    client.request('GET', '/')\n"
                "    answer = client.getresponse()\n"
                "    print(answer.status, len(answer.read()) > 0)\n",
                site.development_ca.string(), std::to_string(site.berth.https_port())}});
  REQUIRE(python.has_value());
  CHECK_MESSAGE(python->out == "200 True\n200 True\n200 True\n", python->err);
}

TEST_CASE("a certificate is added for a domain, replaced under load and removed") {
  NEEDS_SITE();
  const auto authority = CertificateAuthority::create("Test", "example.test").value();
  const fs::path ca = site.file("test-ca.pem", authority.certificate());
  site.berth.must({"domains:add", std::string(domain), "-a", "site"});
  const auto add = [&] {
    const CertificatePem pem = authority.issue(domain).value();
    return site.berth.cli({"certs:add", std::string(domain), "--cert",
                           site.file("chain.pem", pem.chain).string(), "--key",
                           site.file("key.pem", pem.key).string(), "-a", "site"});
  };
  const Output added = add();
  CHECK_MESSAGE(added.out.starts_with("Added a certificate for www.example.test, valid until "),
                added.err);
  CHECK(eventually([&] { return site.curl(domain, ca) == "200"; }));
  CHECK(site.berth.must({"certs", "-a", "site"}).find("CN = Test") != std::string::npos);
  {
    Load load(
        [&] {
          return HttpResponse{.status = std::atoi(site.curl(domain, ca).c_str()),
                              .headers = {},
                              .body = {}};
        },
        2);
    for (int i = 0; i < 5; ++i) CHECK(add().status.code == 0);
    CHECK(eventually([&] { return load.succeeded() >= 20; }));
    load.stop();
    CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  }
  // Another router has it from the first moment on.
  site.berth.kill_router();
  CHECK(eventually([&] { return site.curl(domain, ca) == "200"; }));

  const CertificatePem other = authority.issue("other.example.test").value();
  const Output refused = site.berth.cli(
      {"certs:add", std::string(domain), "--cert", site.file("other.pem", other.chain).string(),
       "--key", site.file("other.key", other.key).string(), "-a", "site"});
  CHECK(refused.status.code != 0);
  CHECK(refused.err.find("the certificate is not for www.example.test. It names: "
                         "other.example.test") != std::string::npos);

  site.berth.must({"certs:remove", std::string(domain), "-a", "site"});
  CHECK(eventually([&] {
    return site.curl(domain, ca).find("unrecognized name") != std::string::npos;
  }));
  site.berth.must({"domains:remove", std::string(domain), "-a", "site"});
}

TEST_CASE("a private key lies in no log and in no file that others read") {
  NEEDS_SITE();
  const auto authority = CertificateAuthority::create("Test", "example.test").value();
  site.berth.must({"domains:add", "key.example.test", "-a", "site"});
  const CertificatePem pem = authority.issue("key.example.test").value();
  site.berth.must({"certs:add", "--cert", site.file("chain.pem", pem.chain).string(), "--key",
                   site.file("key.pem", pem.key).string(), "-a", "site"});
  const std::string secret = pem.key.substr(pem.key.find('\n') + 1, 40);
  const fs::path table = site.berth.data() / "router-table.json";
  CHECK(eventually([&] { return read_file(table)->find(secret) != std::string::npos; }));
  CHECK((fs::status(table).permissions() & (fs::perms::group_all | fs::perms::others_all)) ==
        fs::perms::none);
  for (const auto* folder : {"logs", "git", "run"})
    for (const auto& entry : fs::recursive_directory_iterator(site.berth.data() / folder))
      if (entry.is_regular_file())
        CHECK_MESSAGE(read_file(entry.path())->find(secret) == std::string::npos, entry.path());
  for (const auto* file : {"berth.db", "berth.db-wal"})
    CHECK(read_file(site.berth.data() / file)->find(secret) == std::string::npos);
  site.berth.must({"domains:remove", "key.example.test", "-a", "site"});
  CHECK(site.berth.json_of({"certs", "-a", "site"}).as_array().empty());
}

TEST_CASE("an app may send plain requests to HTTPS and tell browsers to stay there") {
  NEEDS_SITE();
  site.berth.must({"https:redirect", "on", "-a", "site"});
  HttpResponse response;
  CHECK(eventually([&] {
    response = site.berth.get("site", "/about?x=1");
    return response.status == 308;
  }));
  CHECK(response.header("location") ==
        fmt::format("https://site.localhost:{}/about?x=1", site.berth.https_port()));
  // The address that people are given is the one they would be sent to.
  const std::string address = fmt::format("https://site.localhost:{}", site.berth.https_port());
  CHECK(site.berth.json_of({"info", "-a", "site"}).at("web_url").as_string() == address + "/");
  REQUIRE(write_file(site.repository / "more.txt", "more").has_value());
  site.berth.commit(site.repository, "more");
  const Output pushed = site.berth.push(site.repository);
  CHECK_MESSAGE(pushed.err.find(address) != std::string::npos, pushed.err);
  CHECK(site.berth.must({"https:hsts", "on", "--days", "30", "-a", "site"})
            .find("30 days") != std::string::npos);
  CHECK(eventually([&] {
    const auto ran = run_program(
        {.argv = {"curl", "--silent", "--head", "--cacert", site.development_ca.string(),
                  fmt::format("https://site.localhost:{}/", site.berth.https_port())}});
    return ran->out.starts_with("HTTP/2 200") &&
           ran->out.find("strict-transport-security: max-age=2592000\r\n") != std::string::npos;
  }));
  site.berth.must({"https:hsts", "off", "-a", "site"});
  site.berth.must({"https:redirect", "off", "-a", "site"});
  CHECK(eventually([&] { return site.berth.get("site").status == 200; }));
}

}  // namespace
}  // namespace berth::test
