// SPDX-License-Identifier: Apache-2.0
//
// Origins that answer, hang, break off, talk nonsense and die, under a table that changes all the
// time, and routers that take each other's place, by seed. Whatever happens: each request ends
// once, in its client's eyes and in the log the same; it fails only by what an origin did to it;
// and what may not be sent twice is not.
#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

enum class Deed { answer, late, close, half, nonsense, hang };

constexpr std::size_t origin_count = 3;
constexpr int client_count = 6;
constexpr int requests_each = 40;

struct Attempt {
  Deed deed;
  const std::atomic<bool>* killed;  ///< the origin: whatever it meant to do
};

/// What the origins did to each request, in order.
class Deeds final {
 public:
  void add(const std::string& request, Attempt attempt) {
    const std::lock_guard guard(mutex_);
    of_[request].push_back(attempt);
  }
  std::vector<Attempt> of(const std::string& request) {
    const std::lock_guard guard(mutex_);
    return of_[request];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Attempt>> of_;
};

class Origin final {
 public:
  Origin(Deeds& deeds, std::uint32_t seed)
      : deeds_(deeds), seed_(seed), server_([this](Peer& peer) { serve(peer); }) {}
  ~Origin() { kill(); }
  void kill() {
    killed_ = true;
    server_.kill();
  }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

 private:
  void serve(Peer& peer) {
    std::mt19937 random(seed_ + ++connections_);
    for (;;) {
      const auto request = peer.read_message();
      if (request.head.empty()) return;
      const std::string id = request.header("x-request-id");
      const Deed deed = random() % 4 != 0 ? Deed::answer : static_cast<Deed>(random() % 6);
      deeds_.add(id, {deed, &killed_});
      switch (deed) {
        case Deed::late: ::poll(nullptr, 0, static_cast<int>(random() % 30)); [[fallthrough]];
        case Deed::answer: peer.send(response(id)); break;
        case Deed::close: return;
        case Deed::half:
          peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
          return peer.reset();
        case Deed::nonsense: peer.send("what?\r\n\r\n"); return;
        case Deed::hang: (void)peer.read_all(); return;
      }
    }
  }

  Deeds& deeds_;
  const std::uint32_t seed_;
  std::atomic<std::uint32_t> connections_{0};
  std::atomic<bool> killed_{false};
  Server server_;
};

struct Outcome {
  std::string id;
  bool may_repeat = false;
  bool left = false;  ///< the client did not wait
  bool whole = false;
  int status = 0;
  std::string code;
  std::string body;
};

/// One client: requests one after the other, mostly on a kept connection.
std::vector<Outcome> ask(const Bed& bed, std::uint32_t seed, int client) {
  std::mt19937 random(seed * 100 + static_cast<std::uint32_t>(client));
  std::vector<Outcome> outcomes;
  Peer peer = bed.client();
  for (int i = 0; i < requests_each; ++i) {
    Outcome outcome{.id = "chaos-" + std::to_string(client) + "-" + std::to_string(i) +
                          std::string(12, 'x')};
    const char* methods[] = {"GET", "GET", "PUT", "POST"};
    const std::string method = methods[random() % 4];
    outcome.may_repeat = method != "POST";
    const std::string body(method == "GET" ? 0 : random() % 3000, 'b');
    std::string text = method + " / HTTP/1.1\r\nHost: hello.localhost\r\nX-Request-Id: " +
                       outcome.id + "\r\n";
    if (method != "GET") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    outcome.left = random() % 20 == 0;
    if (!peer.send(text + "\r\n" + body)) outcome.left = true;
    if (!outcome.left) {
      const auto answer = peer.read_message();
      outcome.status = answer.status();
      outcome.code = answer.header("x-berth-error");
      outcome.body = answer.body;
      const std::string length = answer.header("content-length");
      outcome.whole = outcome.status != 0 && std::to_string(answer.body.size()) == length;
      if (!outcome.whole || answer.header("connection") == "close") peer = bed.client();
    } else {
      peer = bed.client();
    }
    outcomes.push_back(std::move(outcome));
    if (random() % 10 == 0) peer = bed.client();
  }
  return outcomes;
}

bool answers(const Attempt& attempt) {
  return attempt.deed == Deed::answer || attempt.deed == Deed::late;
}

/// Whether the router may have seen the connection end and not one byte of an answer. A reset
/// overtakes what was sent before it.
bool shows_nothing(const Attempt& attempt) {
  return attempt.deed == Deed::close || attempt.deed == Deed::half || *attempt.killed;
}

/// Why the outcome cannot be, by what the origins did; or nothing. A thread of one that was killed
/// may tell of its deed late.
std::string contradiction(const Outcome& outcome, const std::vector<Attempt>& attempts) {
  if (!outcome.may_repeat && attempts.size() > 1) return "was sent twice";
  if (attempts.size() > 3) return "was sent too often";
  if (static_cast<std::size_t>(std::ranges::count_if(attempts, shows_nothing)) + 1 <
      attempts.size())
    return "was sent again after an answer had begun";
  if (outcome.left) return {};
  if (outcome.status == 200 && outcome.whole) {
    if (outcome.body != outcome.id) return "has another's answer";
    return std::ranges::any_of(attempts, answers) ? "" : "has an answer that nobody gave";
  }
  const bool nothing = attempts.empty() || std::ranges::any_of(attempts, shows_nothing);
  const bool nonsense = std::ranges::any_of(
      attempts, [](const Attempt& attempt) { return attempt.deed == Deed::nonsense; });
  // However fast an origin means to be, its machine may be slow.
  const bool expected = outcome.code == "H17"   ? nonsense
                        : outcome.code == "H12" ? !attempts.empty()
                        : outcome.code.empty()  ? outcome.status == 200 && nothing
                                                : nothing && (outcome.code == "H13" ||
                                                             outcome.code == "H19" ||
                                                             outcome.code == "H21");
  return expected ? "" : "failed for nothing that was done to it";
}

void run_chaos(std::uint32_t seed) {
  CAPTURE(seed);
  std::mt19937 random(seed);
  Deeds deeds;
  Bed bed(2);
  std::vector<std::unique_ptr<Origin>> origins;  // the dead ones too: their marks are looked at
  std::vector<ReplicaSpec> running(origin_count);
  const auto revive = [&](std::size_t place) {
    origins.push_back(std::make_unique<Origin>(deeds, static_cast<std::uint32_t>(random())));
    running[place] = {"r-" + std::to_string(origins.size()), origins.back()->port()};
  };
  for (std::size_t i = 0; i < origin_count; ++i) revive(i);
  const DeadPort dead;
  const auto put = [&] {
    std::vector<ReplicaSpec> some;
    for (const ReplicaSpec& each : running)
      if (random() % 4 != 0) some.push_back(each);
    if (!some.empty() && random() % 8 == 0) some.push_back({"r-dead", dead.port()});
    bed.put("running", some, {{"first_byte_timeout_ms", 300}, {"hold_timeout_ms", 9000}});
  };
  put();

  std::atomic<int> at_work{client_count};
  std::vector<std::vector<Outcome>> outcomes(client_count);
  std::vector<std::thread> clients;
  for (int i = 0; i < client_count; ++i)
    clients.emplace_back([&, i] {
      outcomes[static_cast<std::size_t>(i)] = ask(bed, seed, i);
      --at_work;
    });
  while (at_work > 0) {
    if (random() % 10 == 0) {
      const std::size_t place = random() % origin_count;
      const std::string id = running[place].id.substr(2);
      origins[std::stoul(id) - 1]->kill();
      revive(place);
    }
    if (random() % 30 == 0) bed.replace();
    put();
    ::poll(nullptr, 0, static_cast<int>(random() % 10));
  }
  for (std::thread& client : clients) client.join();

  std::map<std::string, std::vector<std::string>> lines;
  const std::size_t all = static_cast<std::size_t>(client_count * requests_each);
  for (const std::string& line : bed.log_lines(all)) {
    const auto begin = line.find("request_id=") + 11;
    lines[line.substr(begin, line.find(' ', begin) - begin)].push_back(line);
  }
  int whole = 0;
  for (const auto& of_client : outcomes)
    for (const Outcome& outcome : of_client) {
      CAPTURE(outcome.id);
      CAPTURE(outcome.status);
      CAPTURE(outcome.code);
      whole += outcome.whole && outcome.status == 200 ? 1 : 0;
      const auto attempts = deeds.of(outcome.id);
      std::string told;
      for (const Attempt& attempt : attempts)
        told += std::to_string(static_cast<int>(attempt.deed)) + (*attempt.killed ? "k " : " ");
      CAPTURE(told);
      CHECK(contradiction(outcome, attempts) == "");
      const auto& logged = lines[outcome.id];
      REQUIRE(logged.size() == 1);
      if (outcome.left) continue;
      CAPTURE(logged[0]);
      const bool broke_off = outcome.status == 200 && !outcome.whole;
      const std::string status = std::to_string(broke_off ? 503 : outcome.status);
      const std::string code = broke_off ? "H18" : outcome.code;
      CHECK(logged[0].find(" status=" + status + " ") != std::string::npos);
      if (!code.empty()) CHECK(logged[0].find("code=" + code + " ") != std::string::npos);
    }
  CHECK(whole > static_cast<int>(all) / 8);
}

}  // namespace

TEST_CASE("whatever origins do, each request ends once and for a reason") {
  const char* first = std::getenv("BERTH_CHAOS_SEED");
  const char* count = std::getenv("BERTH_CHAOS_SEEDS");
  const auto begin = static_cast<std::uint32_t>(first ? std::atoi(first) : 1);
  const auto seeds = static_cast<std::uint32_t>(count ? std::atoi(count) : 5);
  for (std::uint32_t seed = begin; seed < begin + seeds; ++seed) run_chaos(seed);
}

}  // namespace berth::router::test
