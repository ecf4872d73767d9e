// SPDX-License-Identifier: Apache-2.0
#include "base/dns.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "base/fd.hpp"

namespace berth::test {

namespace {

using namespace std::string_literals;

std::string record(char type, std::string_view data) {
  return "\xc0\x0c\x00"s + type + "\x00\x01\x00\x00\x00\x3c\x00"s + static_cast<char>(data.size()) +
         std::string(data);
}

/// An answer to the question, with these records.
std::string answer_to(std::string question, const std::vector<std::string>& records,
                      char code = 0) {
  question[2] = '\x81';
  question[3] = static_cast<char>(0x80 | code);
  question[7] = static_cast<char>(records.size());
  for (std::size_t i = 8; i < 12; ++i) question[i] = 0;
  // What stands behind the question, as EDNS has it, is not said again.
  question.resize(12 + std::string_view(question).substr(12).find('\0') + 5);
  for (const std::string& one : records) question += one;
  return question;
}

const std::string question = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"s
                             "a\x07"s "example\x00\x00\x10\x00\x01"s;

/// A name server that answers one question.
class NameServer final {
 public:
  NameServer(std::vector<std::string> records, char code)
      : socket_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    where_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, records = std::move(records), code] {
      std::string asked(512, '\0');
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const auto count = ::recvfrom(socket_.get(), asked.data(), asked.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
      if (count < 12) return;
      asked.resize(static_cast<std::size_t>(count));
      const std::string answer = answer_to(asked, records, code);
      ::sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
               length);
    });
  }
  ~NameServer() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  Fd socket_;
  std::string where_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("TXT records are read out of an answer, their strings joined, others left out") {
  const std::string one = record(16, "\x03one");
  const std::string two = record(16, "\x02tw\x01o");
  const std::string address = record(1, "\x7f\x00\x00\x01"s);
  CHECK(txt_records_in(answer_to(question, {one, address, two})).value() ==
        std::vector<std::string>{"one", "two"});
  CHECK(txt_records_in(answer_to(question, {})).value().empty());
  // A length beyond the record's end.
  CHECK(txt_records_in(answer_to(question, {record(16, "\x09short")})).value() ==
        std::vector<std::string>{"short"});
  CHECK(txt_records_in(answer_to(question, {one}).substr(0, 30)).has_error());
  CHECK(txt_records_in("").has_error());
}

TEST_CASE("a name server that is named is asked, and not the system's") {
  const NameServer server({record(16, "\x05proof")}, 0);
  const auto texts = txt_records("_acme-challenge.a.example", server.where());
  REQUIRE_MESSAGE(texts.has_value(), texts.error().message);
  CHECK(*texts == std::vector<std::string>{"proof"});
}

TEST_CASE("a name that is not there has no records, and a server that fails is an error") {
  constexpr char no_such_name = 3;
  constexpr char refuses = 5;
  const NameServer without({}, no_such_name);
  CHECK(txt_records("_acme-challenge.a.example", without.where()).value().empty());
  const NameServer broken({}, refuses);
  const auto failed = txt_records("_acme-challenge.a.example", broken.where());
  REQUIRE(failed.has_error());
  CHECK(failed.error().message.starts_with("the name server does not answer ("));
}

TEST_CASE("a name server is given by its IPv4 address and perhaps a port") {
  CHECK(parse_dns_server("192.0.2.1").value().port == 53);
  CHECK(parse_dns_server("192.0.2.1:5353").value().port == 5353);
  for (const char* bad : {"", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:5x",
                          "ns.example.com", "2001:db8::1"})
    CHECK(parse_dns_server(bad).has_error());
}

}  // namespace berth::test
