// SPDX-License-Identifier: Apache-2.0
#include "base/acme.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

#include "base/acme_key.hpp"
#include "base/crypto.hpp"
#include "base/http_client.hpp"

namespace berth {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = std::chrono::minutes(3);  ///< for an authority that is at work
constexpr auto deadline = std::chrono::seconds(15); ///< of one request
constexpr int tries = 4;                            ///< a nonce may be too old
constexpr std::array<std::string_view, 3> methods{"http-01", "tls-alpn-01", "dns-01"};

/// One conversation with an authority.
class Conversation final {
 public:
  using Present = std::function<Result<void>(const AcmeChallenge&)>;
  Conversation(const AcmeAuthority& authority, AcmeKey key, std::string host, AcmeMethod method,
               const Present& present, const std::atomic<bool>& cancel)
      : authority_(authority),
        key_(std::move(key)),
        host_(std::move(host)),
        method_(method),
        present_(present),
        cancel_(cancel) {}

  Result<void> open();
  Result<CertificatePem> obtain();

 private:
  struct Answer {
    json::object body;
    std::string text;
    std::string location;
    std::chrono::milliseconds retry_after{0};
  };
  Result<HttpResponse> request(const std::string& method, const std::string& url,
                               std::string body = {});
  Result<Answer> post(const std::string& url, std::string_view payload);
  Result<void> fresh_nonce();
  Result<void> prove(const std::string& authorization);
  /// Asks until `status` is none of `waits`.
  Result<Answer> await(const std::string& url, std::initializer_list<std::string_view> waits);
  Result<void> pause(std::chrono::milliseconds time) const;

  const AcmeAuthority& authority_;
  const AcmeKey key_;
  const std::string host_;
  const AcmeMethod method_;
  const Present& present_;
  const std::atomic<bool>& cancel_;
  std::string new_nonce_;
  std::string new_account_;
  std::string new_order_;
  std::string account_;
  std::string nonce_;
};

std::string text_of(const json::object& object, std::string_view key) {
  return optional_string(object, key).value_or("");
}

/// A problem document (RFC 7807), for people.
Error refusal(const HttpResponse& response) {
  const auto problem = parse_json_object(response.body);
  std::string detail = problem.has_value() ? text_of(*problem, "detail") : "";
  if (detail.empty()) detail = "status " + std::to_string(response.status);
  const bool limited = response.status == 429 ||
                       (problem.has_value() && text_of(*problem, "type").ends_with("rateLimited"));
  return {limited ? ErrorKind::limit : ErrorKind::invalid,
          "the certificate authority says: " + detail.substr(0, 500)};
}

std::chrono::milliseconds retry_after(const HttpResponse& response) {
  const std::string text = response.header("retry-after");
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(std::clamp(seconds, 0, 30));
}

Result<void> Conversation::pause(std::chrono::milliseconds time) const {
  for (const auto end = std::chrono::steady_clock::now() + time;
       std::chrono::steady_clock::now() < end;) {
    if (cancel_) break;
    std::this_thread::sleep_for(std::min(time, 100ms));
  }
  if (cancel_) return Error{ErrorKind::cancelled, "the server stops"};
  return {};
}

Result<HttpResponse> Conversation::request(const std::string& method, const std::string& url,
                                           std::string body) {
  if (cancel_) return Error{ErrorKind::cancelled, "the server stops"};
  HttpRequest request{.method = method, .body = std::move(body), .deadline = deadline};
  BERTH_ASSIGN(request.url, Url::parse(url));
  if (request.url.scheme != "https")
    return Error{ErrorKind::invalid, "an authority's address must begin with https://"};
  if (method == "POST") request.headers["Content-Type"] = "application/jose+json";
  request.trusted = authority_.trusted;
  BERTH_ASSIGN(HttpResponse response, http_request(request));
  if (const std::string nonce = response.header("replay-nonce"); !nonce.empty()) nonce_ = nonce;
  return response;
}

Result<void> Conversation::fresh_nonce() {
  if (!nonce_.empty()) return {};
  BERTH_ASSIGN(const HttpResponse response, request("HEAD", new_nonce_));
  if (nonce_.empty()) return refusal(response);
  return {};
}

/// Without a payload: a read (RFC 8555, section 6.3).
Result<Conversation::Answer> Conversation::post(const std::string& url, std::string_view payload) {
  for (int attempt = 1;; ++attempt) {
    BERTH_TRY(fresh_nonce());
    json::object header{{"alg", "ES256"}, {"nonce", std::exchange(nonce_, {})}, {"url", url}};
    if (account_.empty())
      header["jwk"] = key_.jwk();
    else
      header["kid"] = account_;
    BERTH_ASSIGN(std::string body, key_.sign(header, payload));
    BERTH_ASSIGN(const HttpResponse response, request("POST", url, std::move(body)));
    if (response.status / 100 == 2) {
      Answer answer{.body = {},
                    .text = response.body,
                    .location = response.header("location"),
                    .retry_after = retry_after(response)};
      if (auto object = parse_json_object(response.body); object.has_value())
        answer.body = std::move(*object);
      return answer;
    }
    const bool stale = response.body.find("badNonce") != std::string::npos;
    if (!stale || attempt == tries) return refusal(response);
  }
}

Result<void> Conversation::open() {
  BERTH_ASSIGN(const HttpResponse response, request("GET", authority_.directory));
  if (response.status != 200) return refusal(response);
  BERTH_ASSIGN(const json::object directory,
               with_context(parse_json_object(response.body), "the authority's directory"));
  BERTH_ASSIGN(new_nonce_, require_string(directory, "newNonce"));
  BERTH_ASSIGN(new_account_, require_string(directory, "newAccount"));
  BERTH_ASSIGN(new_order_, require_string(directory, "newOrder"));
  json::object account{{"termsOfServiceAgreed", true}};
  if (!authority_.contact.empty())
    account["contact"] = json::array{"mailto:" + authority_.contact};
  BERTH_ASSIGN(Answer answer, post(new_account_, to_text(account)));
  account_ = std::move(answer.location);
  if (account_.empty())
    return Error{ErrorKind::invalid, "the certificate authority gave the account no address"};
  return {};
}

Result<Conversation::Answer> Conversation::await(const std::string& url,
                                                 std::initializer_list<std::string_view> waits) {
  for (const auto end = std::chrono::steady_clock::now() + patience;;) {
    BERTH_ASSIGN(Answer answer, post(url, ""));
    const std::string status = text_of(answer.body, "status");
    if (std::ranges::find(waits, status) == waits.end()) return answer;
    if (std::chrono::steady_clock::now() >= end)
      return Error{ErrorKind::timeout, "the certificate authority took too long"};
    BERTH_TRY(pause(std::max<std::chrono::milliseconds>(answer.retry_after, 500ms)));
  }
}

Result<void> Conversation::prove(const std::string& url) {
  BERTH_ASSIGN(const Answer authorization, post(url, ""));
  if (text_of(authorization.body, "status") == "valid") return {};
  // Of a wildcard it is the domain below which it is for (RFC 8555, section 7.1.4).
  const json::object* identifier = optional_object(authorization.body, "identifier");
  const std::string host = host_.substr(host_.starts_with("*.") ? 2 : 0);
  if (!identifier || text_of(*identifier, "value") != host)
    return Error{ErrorKind::invalid, "the certificate authority asks about another host"};
  const json::array* challenges = optional_array(authorization.body, "challenges");
  const json::object* wanted = nullptr;
  if (challenges)
    for (const json::value& challenge : *challenges)
      if (const auto* object = challenge.if_object();
          object && text_of(*object, "type") == to_string(method_))
        wanted = object;
  if (!wanted)
    return Error{ErrorKind::invalid, "the certificate authority offers no " +
                                         std::string(to_string(method_)) + " challenge for " +
                                         host_};
  BERTH_ASSIGN(const std::string token, require_string(*wanted, "token"));
  BERTH_ASSIGN(const std::string answer_url, require_string(*wanted, "url"));
  if (token.empty() || token.size() > 200 ||
      token.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
          std::string::npos)
    return Error{ErrorKind::invalid, "the certificate authority's token is not one"};
  BERTH_TRY(present_(
      {.method = method_, .host = host, .token = token, .proof = key_.proof_of(token)}));
  BERTH_TRY(post(answer_url, "{}"));
  BERTH_ASSIGN(const Answer after, await(url, {"pending", "processing"}));
  if (text_of(after.body, "status") == "valid") return {};
  std::string why = "the proof was not accepted";
  if (const auto* all = optional_array(after.body, "challenges"))
    for (const json::value& challenge : *all)
      if (const auto* object = challenge.if_object())
        if (const auto* problem = optional_object(*object, "error"))
          why = text_of(*problem, "detail").substr(0, 500);
  return Error{ErrorKind::invalid, "the certificate authority says: " + why};
}

Result<CertificatePem> Conversation::obtain() {
  const json::object wanted{
      {"identifiers", json::array{json::object{{"type", "dns"}, {"value", host_}}}}};
  BERTH_ASSIGN(const Answer order, post(new_order_, to_text(wanted)));
  if (order.location.empty())
    return Error{ErrorKind::invalid, "the certificate authority gave the order no address"};
  if (const json::array* authorizations = optional_array(order.body, "authorizations"))
    for (const json::value& url : *authorizations)
      if (url.is_string()) BERTH_TRY(prove(std::string(url.get_string())));
  BERTH_ASSIGN(const CertificateRequest request, make_certificate_request(host_));
  BERTH_ASSIGN(const std::string finalize, require_string(order.body, "finalize"));
  BERTH_TRY(post(finalize, to_text(json::object{{"csr", request.request}})));
  BERTH_ASSIGN(const Answer done, await(order.location, {"pending", "ready", "processing"}));
  if (text_of(done.body, "status") != "valid")
    return Error{ErrorKind::invalid, "the certificate authority did not sign the certificate"};
  BERTH_ASSIGN(const std::string url, require_string(done.body, "certificate"));
  BERTH_ASSIGN(Answer chain, post(url, ""));
  return CertificatePem{.chain = std::move(chain.text), .key = request.key};
}

}  // namespace

std::string_view to_string(AcmeMethod method) {
  return methods[static_cast<std::size_t>(method)];
}

Result<AcmeMethod> acme_method_of(std::string_view text) {
  for (std::size_t i = 0; i < methods.size(); ++i)
    if (methods[i] == text) return static_cast<AcmeMethod>(i);
  return Error{ErrorKind::invalid, "must be http-01, tls-alpn-01 or dns-01, not '" +
                                       std::string(text.substr(0, 60)) + "'"};
}

std::string dns_value_of(const AcmeChallenge& challenge) {
  return base64url(sha256(challenge.proof));
}

Result<CertificatePem> obtain_certificate(
    const AcmeAuthority& authority, const std::string& account_key, const std::string& host,
    AcmeMethod method, const std::function<Result<void>(const AcmeChallenge&)>& present,
    const std::atomic<bool>& cancel) {
  BERTH_ASSIGN(AcmeKey key, AcmeKey::parse(account_key));
  Conversation conversation(authority, std::move(key), host, method, present, cancel);
  BERTH_TRY(conversation.open());
  return conversation.obtain();
}

}  // namespace berth
