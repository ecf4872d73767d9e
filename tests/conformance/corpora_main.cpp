// SPDX-License-Identifier: Apache-2.0
//
// Payloads on standard input, one a line in hexadecimal, each to a router and a strict origin of
// its own with a plain request behind it; on standard output a line of JSON for each: the router's
// first status, the targets that the origin was sent for, and the dangers it saw. corpora.py drives
// it.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>
#include <iostream>
#include <optional>
#include <string>

#include "tests/conformance/strict_origin.hpp"

namespace berth::router::test {
namespace {

std::optional<std::string> from_hex(std::string_view text) {
  const auto value = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() % 2 != 0) return {};
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    if (value(text[i]) < 0 || value(text[i + 1]) < 0) return {};
    bytes += static_cast<char>(value(text[i]) * 16 + value(text[i + 1]));
  }
  return bytes;
}

json::object judge(const std::string& payload) {
  Verdict verdict;
  std::string answers;
  {
    Server origin(strict_origin(verdict));
    Bed bed(1);
    bed.put("running", {{"r-1", origin.port()}});
    Peer client = bed.client();
    client.send(payload + "GET /after HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    client.end_sending();
    answers = client.read_all();
  }  // what the origin was sent is read to its end
  json::array targets, dangers;
  for (const std::string& target : verdict.targets())
    targets.push_back(json::string(shown(target)));
  for (const std::string& danger : verdict.take()) dangers.push_back(json::string(shown(danger)));
  return {{"status", answers.starts_with("HTTP/1.") ? answers.substr(9, 3) : ""},
          {"targets", targets},
          {"dangers", dangers}};
}

}  // namespace
}  // namespace berth::router::test

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();  // those of the harness
  for (std::string line; std::getline(std::cin, line);) {
    const auto payload = berth::router::test::from_hex(line);
    if (!payload) {
      std::cerr << "corpora: a line is not hexadecimal: " << line << "\n";
      return 2;
    }
    std::cout << berth::to_text(berth::router::test::judge(*payload)) << std::endl;
  }
  return 0;
}
