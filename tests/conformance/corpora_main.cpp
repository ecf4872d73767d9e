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
#include <string>

#include "tests/conformance/strict_origin.hpp"
#include "tests/support/hex.hpp"

namespace berth::router::test {
namespace {

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
    const auto payload = berth::test::from_hex(line);
    if (!payload) {
      std::cerr << "corpora: a line is not hexadecimal: " << line << "\n";
      return 2;
    }
    std::cout << berth::to_text(berth::router::test::judge(*payload)) << std::endl;
  }
  return 0;
}
