// SPDX-License-Identifier: Apache-2.0
//
// What happens to a request before its app's state is asked: whether it may pass at all (Rules), by
// the address that it comes from, how often it comes, how large it is and who sends it. And which
// replica it is for.
#include <algorithm>
#include <charconv>

#include "router/exchange.hpp"
#include "router/handles.hpp"
#include "router/http/characters.hpp"
#include "router/worker.hpp"

namespace berth::router {

namespace {

constexpr std::int64_t check_timeout_us = 10'000'000;
constexpr std::int64_t ns_per_us = 1000;
/// Wrong passwords that an address may try: ten at once, then one in six seconds.
constexpr auto password_limit = RateTable::Limit::of(10, 60, 10);
constexpr std::size_t most_known_passwords = 64;

const http::Field* find_field(const http::Fields& fields, std::string_view lower_case_name) {
  for (const http::Field& field : fields.all())
    if (http::equals_ignoring_case(field.name(), lower_case_name)) return &field;
  return nullptr;
}

std::string retry_after(std::int64_t wait_ns) {
  return "Retry-After: " + std::to_string(wait_ns / 1'000'000'000 + 1) + "\r\n";
}

/// The address that the nearest proxies which are trusted pass on: from the right, the first that
/// is not one of theirs. Empty if there is none, or something else.
std::string_view forwarded_address(const http::Fields& fields,
                                   const std::vector<IpNetwork>& trusted) {
  std::string_view found;
  for (std::size_t i = fields.count; i > 0; --i) {
    const http::Field& field = fields.items[i - 1];
    if (field.known != http::FieldName::x_forwarded_for) continue;
    std::string_view list = field.value();
    while (!list.empty()) {
      const std::size_t comma = list.rfind(',');
      std::string_view item = list.substr(comma == std::string_view::npos ? 0 : comma + 1);
      list = list.substr(0, comma == std::string_view::npos ? 0 : comma);
      while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
      while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
      const auto address = IpAddress::parse(item);
      if (!address) return found;
      found = item;
      if (!contains(trusted, *address)) return found;
    }
  }
  return found;
}

/// Of "a=1; berth_affinity=0123456789abcdef" the number; 0: none.
std::uint64_t sticky_token_of(const http::Fields& fields) {
  for (const http::Field& field : fields.all()) {
    if (!http::equals_ignoring_case(field.name(), "cookie")) continue;
    const std::string_view value = field.value();
    for (std::size_t at = 0; (at = value.find(sticky_cookie, at)) != std::string_view::npos; ++at) {
      const std::size_t begin = at + sticky_cookie.size();
      if (at > 0 && value[at - 1] != ' ' && value[at - 1] != ';') continue;
      std::uint64_t token = 0;
      const char* const end = value.data() + value.size();
      const auto [stop, failure] = std::from_chars(value.data() + begin, end, token, 16);
      if (failure == std::errc() && (stop == end || *stop == ';')) return token;
    }
  }
  return 0;
}

}  // namespace

std::string_view Exchange::begun_trace(const http::RequestHead& head, std::array<char, 55>& to) {
  return find_field(head.fields, "traceparent") ? std::string_view() : worker_.make_trace(to);
}

/// Of those that succeeded, as many as the app's owner wants to see.
bool Exchange::is_logged(ErrorCode error) {
  if (!app_->log.enabled()) return false;
  if (error != ErrorCode::none || status_ >= 500 || !app_->app) return true;
  return app_->app->log_percent >= 100 || worker_.random().below(100) < app_->app->log_percent;
}

/// A proxy of ours stands before us: what it says of the client is taken for true.
void Exchange::believe_proxy(const http::RequestHead& head, http::RequestContext& context) {
  context.origin_ip = forwarded_address(head.fields, worker_.limits().trusted_proxies);
  for (const http::Field& field : head.fields.all()) {
    const std::string_view value = field.value();
    if (field.known == http::FieldName::x_forwarded_proto &&
        (value == "https" || value == "http")) {
      secure_ = value == "https";
    } else if (field.known == http::FieldName::x_forwarded_port && !value.empty() &&
               value.size() <= 5 && std::ranges::all_of(value, http::is_digit)) {
      context.port = value;
    }
  }
}

void Exchange::admit(const http::RequestHead& head, std::string_view client,
                     std::size_t body_begun) {
  if (const std::string* proof = worker_.table().proof_at(head.target)) {
    answer(render_text(*proof, !keep_alive_), 200, ErrorCode::none,
           keep_alive_ && request_body_.complete());
    return;
  }
  if (app_ && app_->app) {
    const App& app = *app_->app;
    if (app.rules && !is_allowed(*app.rules, client)) {
      fail(ErrorCode::forbidden);
      return;
    }
    if (app.https_redirect && !secure_ && !worker_.https_port().empty()) {
      redirect();
      return;
    }
    if (app.rules && !obeys(*app.rules, head, client, body_begun)) return;
    if (!app.sticky_key.empty()) sticky_token_ = sticky_token_of(head.fields);
  }
  dispatch();
}

void Exchange::redirect() {
  const bool keep = keep_alive_ && request_body_.complete() && !worker_.draining();
  const Redirect redirect{.host = part(parts_.host), .https_port = worker_.https_port(),
                          .target = part(parts_.target), .request_id = part(parts_.request_id),
                          .close = !keep, .http_1_0 = http_1_0_};
  answer(render(redirect), 308, ErrorCode::none, keep);
}

bool Exchange::is_allowed(const Rules& rules, std::string_view client) {
  if (rules.allow_from.empty()) return true;
  const auto address = IpAddress::parse(client);
  return address && contains(rules.allow_from, *address);
}

/// False: it is refused, or waits for its password to be checked.
bool Exchange::obeys(const Rules& rules, const http::RequestHead& head, std::string_view client,
                     std::size_t body_begun) {
  if (rules.rate_limit.requests && !is_in_time(rules.rate_limit, head, client)) return false;
  if (rules.max_head && head.size > rules.max_head) {
    fail(ErrorCode::head_too_large);
    return false;
  }
  if (rules.max_body) {
    if (body_begun > rules.max_body || head.framing.length > rules.max_body) {
      fail(ErrorCode::body_too_large);
      return false;
    }
    body_left_ = rules.max_body - body_begun;
  }
  if (rules.max_in_flight && app_->runtime.in_flight() > rules.max_in_flight) {
    admitted_ = true;  // more replicas would take it
    fail(ErrorCode::H22, {}, 0, "Retry-After: 1\r\n");
    return false;
  }
  return rules.users.empty() || is_known(rules, head, client);
}

bool Exchange::is_in_time(const RateLimit& limit, const http::RequestHead& head,
                          std::string_view client) {
  RateTable& table = *app_->runtime.requests_of_clients;
  const http::Field* named =
      limit.header.empty() ? nullptr : find_field(head.fields, limit.header);
  const std::uint64_t key = named ? table.key_of(named->value()) : table.key_of_address(client);
  const std::int64_t wait_ns =
      table.take(key, RateTable::Limit::of(limit.requests, limit.per_s, limit.burst),
                 worker_.loop().now_us() * ns_per_us);
  if (wait_ns == 0) return true;
  fail(ErrorCode::rate_limited, {}, 0, retry_after(wait_ns));
  return false;
}

// ---- Passwords ----------------------------------------------------------------------------------

void Exchange::challenge() {
  const std::string realm = app_->app && app_->app->rules ? app_->app->rules->realm : "";
  fail(ErrorCode::unauthorized, {}, 0,
       "WWW-Authenticate: Basic realm=\"" + realm + "\", charset=\"UTF-8\"\r\n");
}

bool Exchange::is_known(const Rules& rules, const http::RequestHead& head,
                        std::string_view client) {
  const http::Field* field = find_field(head.fields, "authorization");
  if (!field) {
    challenge();
    return false;
  }
  const std::uint64_t hash = worker_.password_hash().of(field->value());
  auto& known = app_->known_passwords;
  if (std::ranges::find(known, hash) != known.end()) return true;
  PasswordCheck check{.authorization = hash};
  BasicCredentials credentials;
  if (!read_basic(field->value(), credentials)) {
    challenge();
    return false;
  }
  RateTable& table = *app_->runtime.passwords_of_clients;
  check.client = table.key_of_address(client);
  const std::int64_t wait_ns =
      table.take(check.client, password_limit, worker_.loop().now_us() * ns_per_us);
  if (wait_ns > 0) {
    fail(ErrorCode::rate_limited, "Too many passwords were wrong. Wait.", 0, retry_after(wait_ns));
    return false;
  }
  // An unknown user takes as long as a wrong password: nobody learns who there is.
  const auto user = rules.users.find(credentials.user);
  check.user = std::move(credentials.user);
  check.hash = user == rules.users.end() ? rules.users.begin()->second : user->second;
  phase_ = Phase::checking;
  check_ = worker_.check_password(*this, std::move(check), std::move(credentials.password));
  if (check_ == 0) {
    fail(ErrorCode::rate_limited, "Too many passwords are being checked. Try again.", 0,
         "Retry-After: 1\r\n");
    return false;
  }
  set_deadline(check_timeout_us);
  return false;
}

void Exchange::on_password_checked(const PasswordCheck& check, bool matches) {
  check_ = 0;
  const Rules* rules = app_->app && app_->app->rules ? &*app_->app->rules : nullptr;
  // The table may have changed meanwhile: what was right must be so now.
  const bool still_asked = rules && !rules->users.empty();
  const auto user = still_asked ? rules->users.find(check.user) : decltype(rules->users.end()){};
  const bool right =
      matches && still_asked && user != rules->users.end() && user->second == check.hash;
  if (matches)
    app_->runtime.passwords_of_clients->give_back(check.client, password_limit,
                                                  worker_.loop().now_us() * ns_per_us);
  if (still_asked && !right) {
    challenge();
    return;
  }
  if (right) {
    auto& known = app_->known_passwords;
    if (known.size() >= most_known_passwords) known.pop_back();
    known.insert(known.begin(), check.authorization);
  }
  dispatch();
}

// ---- Its replica --------------------------------------------------------------------------------

ReplicaHandle& Exchange::choose() {
  if (ReplicaHandle* const sticky = sticky_replica()) return *sticky;
  const auto& replicas = app_->replicas;
  const std::int64_t now = worker_.loop().now_us();
  // Where a canary has failed, those who are no canaries are asked.
  const Group among = choose_group(app_->regulars(), replicas.size(),
                                   attempts_ == 0 ? app_->app->canary : 0, worker_.random());
  const std::size_t index = choose_replica(among.count, worker_.random(), [&](std::size_t i) {
    const ReplicaHandle& replica = *replicas[among.begin + i];
    const bool tried = std::find(tried_.begin(), tried_.end(), &replica) != tried_.end();
    return replica.standing.load(replica.in_flight, now) + (tried ? avoided : 0);
  });
  return *replicas[among.begin + index];
}

/// The replica that the client's cookie names, if it is here and can be asked; else null.
ReplicaHandle* Exchange::sticky_replica() const {
  if (sticky_token_ == 0) return nullptr;
  for (const auto& replica : app_->replicas) {
    const bool tried = std::ranges::find(tried_, replica.get()) != tried_.end();
    if (replica->sticky_token == sticky_token_ && !tried &&
        !replica->standing.is_aside(worker_.loop().now_us()))
      return replica.get();
  }
  return nullptr;
}

/// Set-Cookie for a client that is not this replica's yet; empty: none is due.
std::string_view Exchange::sticky_cookie_for(std::array<char, http::max_cookie_size>& to) const {
  if (!app_->app || app_->app->sticky_key.empty() || !replica_ ||
      replica_->sticky_token == sticky_token_ || replica_->sticky_token == 0)
    return {};
  char* at = std::ranges::copy(sticky_cookie, to.data()).out;
  constexpr int digits = 16;
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
    *at++ = "0123456789abcdef"[(replica_->sticky_token >> shift) & 15];
  at = std::ranges::copy(std::string_view("; Path=/; HttpOnly; SameSite=Lax"), at).out;
  if (secure_) at = std::ranges::copy(std::string_view("; Secure"), at).out;
  return {to.data(), static_cast<std::size_t>(at - to.data())};
}

}  // namespace berth::router
