// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "platform/store.hpp"

namespace berth::platform {
namespace {

const Actor ada{"ada@example.com"};

const CertificateAuthority& authority() {
  static const CertificateAuthority made =
      CertificateAuthority::create("Test", "example.com").value();
  return made;
}

CertificatePem issue(std::string_view host) { return authority().issue(host).value(); }

struct Shop {
  Store store = Store::open_in_memory(SecretBox::ephemeral()).value();
  App app = store.create_app(*AppName::parse("shop"), ada).value();
  explicit Shop(std::initializer_list<const char*> hostnames) {
    for (const char* hostname : hostnames)
      REQUIRE(store.add_domain(app.id, hostname, ada).has_value());
  }
  Result<Certificate> add(const CertificatePem& pem, std::vector<std::string> domains = {}) {
    return store.add_certificate(app.id, pem, domains, ada);
  }
};

using Names = std::vector<std::string>;

TEST_CASE("a certificate serves the domain that it is added for, and its key is kept sealed") {
  Shop shop({"a.example.com", "b.example.com"});
  const CertificatePem pem = issue("*.example.com");
  const Certificate added = shop.add(pem, {"a.example.com"}).value();
  CHECK(added.domains == Names{"a.example.com"});
  CHECK(added.names == Names{"*.example.com"});
  CHECK(added.issuer == "CN = Test");
  CHECK(added.chain == pem.chain);
  CHECK(shop.store.certificate_pem(added.id) == pem);
  CHECK(shop.store.find_certificate(shop.app.id, "a.example.com").value() == added);
  CHECK(shop.store.find_certificate(shop.app.id, "b.example.com").has_error());
  const Event event = shop.store.events_before(INT64_MAX, 1).front();
  CHECK(event.message == "added a certificate for a.example.com, valid until " +
                             rfc3339(added.ends_at));
}

TEST_CASE("without domains a certificate serves all those of the app that it covers") {
  Shop shop({"a.example.com", "b.example.com", "example.com", "a.example.org"});
  CHECK(shop.add(issue("*.example.com")).value().domains ==
        Names{"a.example.com", "b.example.com"});
}

TEST_CASE("a certificate serves every path of its host") {
  Shop shop({"a.example.com", "a.example.com/api", "b.example.com/api"});
  const Certificate added = shop.add(issue("a.example.com"), {"a.example.com"}).value();
  CHECK(added.domains == Names{"a.example.com"});
  const auto domains = shop.store.domains(shop.app.id);
  REQUIRE(domains.size() == 3);
  CHECK(domains[0].certificate == added.id);
  CHECK(domains[1].route() == "a.example.com/api");
  CHECK(domains[1].certificate == added.id);
  CHECK_FALSE(domains[2].certificate.has_value());
  REQUIRE(shop.store.remove_domain(shop.app.id, "a.example.com", ada).has_value());
  CHECK(shop.store.find_certificate(shop.app.id, "a.example.com").has_value());
  CHECK(shop.store.remove_domain(shop.app.id, "a.example.com/api", ada)->path == "/api");
  CHECK(shop.store.certificates(shop.app.id).empty());
}

TEST_CASE("another certificate for a domain replaces the one before, which goes when idle") {
  Shop shop({"a.example.com", "b.example.com"});
  const Certificate both = shop.add(issue("*.example.com")).value();
  const Certificate one = shop.add(issue("a.example.com")).value();
  const auto certificates = shop.store.certificates(shop.app.id);
  REQUIRE(certificates.size() == 2);
  CHECK(certificates[0].domains == Names{"b.example.com"});
  CHECK(certificates[1].domains == Names{"a.example.com"});
  CHECK(shop.add(issue("b.example.com")).has_value());
  CHECK(shop.store.find_certificate(shop.app.id, both.id.value).has_error());
  REQUIRE(shop.store.remove_domain(shop.app.id, "a.example.com", ada).has_value());
  CHECK(shop.store.find_certificate(shop.app.id, one.id.value).has_error());
  CHECK(shop.store.certificates(shop.app.id).size() == 1);
  REQUIRE(shop.store.remove_certificate(shop.app.id, "b.example.com", ada).has_value());
  CHECK(shop.store.certificates(shop.app.id).empty());
  CHECK(shop.store.domains(shop.app.id).size() == 1);
}

TEST_CASE("a renewed certificate must serve the same domains") {
  Shop shop({"a.example.com", "b.example.com"});
  const Certificate before = shop.add(issue("*.example.com")).value();
  CHECK(shop.store.update_certificate(before.id, issue("a.example.com"), ada).error().message ==
        "the certificate is not for b.example.com. It names: a.example.com");
  const CertificatePem renewed = issue("*.example.com");
  const Certificate after = shop.store.update_certificate(before.id, renewed, ada).value();
  CHECK(after.domains == before.domains);
  CHECK(shop.store.certificate_pem(before.id) == renewed);
}

TEST_CASE("a certificate that would serve nobody is refused with the reason") {
  Shop shop({"a.example.com"});
  CHECK(shop.add(issue("b.example.com"), {"a.example.com"}).error().message ==
        "the certificate is not for a.example.com. It names: b.example.com");
  CHECK(shop.add(issue("b.example.com"), {"b.example.com"}).error().message ==
        "the app has no domain 'b.example.com'. Add it first: berth domains:add b.example.com");
  CHECK(shop.add(issue("b.example.com")).error().message ==
        "the certificate is for none of the app's domains. It names: b.example.com. "
        "`berth domains` lists the app's");
  CHECK(shop.add({.chain = issue("a.example.com").chain, .key = issue("a.example.com").key})
            .error()
            .message.starts_with("the private key does not belong to the certificate"));
  CHECK(shop.store.certificates(shop.app.id).empty());
}

TEST_CASE("a certificate of one app does not serve another's domain") {
  Shop shop({"a.example.com"});
  const App other = shop.store.create_app(*AppName::parse("other"), ada).value();
  CHECK(shop.store.add_certificate(other.id, issue("a.example.com"), {"a.example.com"}, ada)
            .has_error());
  CHECK(shop.store.add_certificate(other.id, issue("a.example.com"), {}, ada).has_error());
  const Certificate own = shop.add(issue("a.example.com")).value();
  CHECK(shop.store.remove_certificate(other.id, own.id.value, ada).has_error());
}

TEST_CASE("certificates that were brought automatically go when that is switched off") {
  Shop shop({"a.example.com", "b.example.com"});
  REQUIRE(shop.store.set_automatic_certificates(shop.app.id, true, ada)->automatic_certificates);
  const Certificate brought =
      shop.store
          .add_certificate(shop.app.id, issue("a.example.com"), {"a.example.com"}, ada, true)
          .value();
  CHECK(brought.automatic);
  CHECK_FALSE(shop.add(issue("b.example.com")).value().automatic);
  REQUIRE(shop.store.set_automatic_certificates(shop.app.id, false, ada).has_value());
  const auto left = shop.store.certificates(shop.app.id);
  REQUIRE(left.size() == 1);
  CHECK(left.front().domains == Names{"b.example.com"});
}

TEST_CASE("failures are counted until a certificate comes, and said once") {
  Shop shop({"a.example.com"});
  const Domain domain = shop.store.domains(shop.app.id).front();
  CHECK_FALSE(shop.store.certificate_failure(domain.id));
  for (int i = 1; i <= 3; ++i) {
    shop.store.certificate_failed(domain, "no such name");
    CHECK(shop.store.certificate_failure(domain.id)->count == i);
  }
  CHECK(shop.store.certificate_failure(domain.id)->reason == "no such name");
  std::size_t said = 0;
  for (const Event& event : shop.store.events(0, 100, shop.app.id))
    if (event.kind == "certificate.fail") ++said;
  CHECK(said == 1);
  REQUIRE(shop.add(issue("a.example.com")).has_value());
  CHECK_FALSE(shop.store.certificate_failure(domain.id));
  shop.store.certificate_failed(domain, "again");
  shop.store.forget_certificate_failures(shop.app.id);
  CHECK_FALSE(shop.store.certificate_failure(domain.id));
}

}  // namespace
}  // namespace berth::platform
