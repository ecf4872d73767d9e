// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "runtime/engine/local/listeners.hpp"

using namespace berth::runtime;
using namespace std::chrono_literals;
using Kind = ReadinessVerdict::Kind;

TEST_CASE("listening sockets are read from the kernel's table, connected ones are not") {
  CHECK(
      parse_listeners(
          "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
          "   0: 00000000:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000\n"
          "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000\n"
          "   2: 0200A8C0:1388 0100A8C0:D431 01 00000000:00000000 00:00000000 00000000  1000\n") ==
      std::vector<ListeningSocket>{{5000, false}, {8080, true}});
  CHECK(parse_listeners(
            "  sl  local_address                         remote_address                        st\n"
            "   0: 00000000000000000000000000000000:1388 00000000000000000000000000000000:0000 0A\n"
            "   1: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A\n"
            "   2: 0000000000000000FFFF00000100007F:0BB9 00000000000000000000000000000000:0000 "
            "0A\n") == std::vector<ListeningSocket>{
                          {5000, false, true}, {3000, true, true}, {3001, true, false}});
  CHECK(parse_listeners("").empty());
  CHECK(parse_listeners("nonsense\n").empty());
}

TEST_CASE("the wanted port is ready at once, whatever else listens") {
  Readiness readiness(5000, 60s);
  CHECK(readiness.look({}, 1ms).kind == Kind::wait);
  const auto verdict = readiness.look({{3000, false}, {5000, false}}, 5ms);
  CHECK(verdict.kind == Kind::ready);
  CHECK(verdict.port == 5000);
  CHECK(verdict.message.empty());
}

TEST_CASE("another port is taken only when it stays the only one for a second") {
  Readiness readiness(5000, 60s);
  CHECK(readiness.look({{3000, false}}, 100ms).kind == Kind::wait);
  CHECK(readiness.look({{3000, false}}, 1099ms).kind == Kind::wait);
  CHECK(readiness.look({}, 1100ms).kind == Kind::wait);  // gone: the second begins anew
  CHECK(readiness.look({{3000, false}}, 1200ms).kind == Kind::wait);
  const auto verdict = readiness.look({{3000, false}}, 2200ms);
  CHECK(verdict.kind == Kind::ready);
  CHECK(verdict.port == 3000);
  CHECK(verdict.message == "listens on port 3000 instead of $PORT (5000); requests are sent there");
}

TEST_CASE("loopback only is a verdict after two seconds without any other listener") {
  Readiness readiness(5000, 60s);
  CHECK(readiness.look({{5000, true}}, 0ms).kind == Kind::wait);
  CHECK(readiness.look({{5000, true}}, 1999ms).kind == Kind::wait);
  const auto verdict = readiness.look({{3001, true}, {5000, true}}, 2000ms);
  CHECK(verdict.kind == Kind::loopback_only);
  CHECK(verdict.port == 5000);
  CHECK(verdict.message.starts_with("listens on 127.0.0.1:5000 only, where no request"));
}

TEST_CASE("loopback of IPv6 is called what it is, unless it listens on the other, too") {
  Readiness readiness(5000, 60s);
  CHECK(readiness.look({{5000, true, true}}, 0ms).kind == Kind::wait);
  CHECK(readiness.look({{5000, true, true}}, 2000ms).message.starts_with(
      "listens on [::1]:5000 only"));
  CHECK(readiness.look({{5000, true, true}, {5000, true}}, 2001ms)
            .message.starts_with("listens on 127.0.0.1:5000 only"));
}

TEST_CASE("a helper on loopback does not hide a port that opens late") {
  Readiness readiness(5000, 60s);
  CHECK(readiness.look({{9229, true}}, 0ms).kind == Kind::wait);
  CHECK(readiness.look({{9229, true}, {5000, false}}, 1900ms).kind == Kind::ready);
}

TEST_CASE("the boot timeout names itself and the port") {
  Readiness readiness(5000, 3s);
  CHECK(readiness.look({}, 2999ms).kind == Kind::wait);
  const auto verdict = readiness.look({}, 3000ms);
  CHECK(verdict.kind == Kind::boot_timeout);
  CHECK(verdict.message ==
        "Error R10 (Boot timeout): nothing listened on $PORT (5000) within 3 seconds of the start");
}

TEST_CASE("sockets survive being told in a line, and what is no port is left out") {
  const std::vector<ListeningSocket> sockets = {{5000, false, true}, {8080, true}, {1, true, true}};
  CHECK(listeners_text(sockets) == "5000v 8080l 1lv");
  CHECK(listeners_of_text("5000v 8080l 1lv") == sockets);
  CHECK(listeners_text({}).empty());
  CHECK(listeners_of_text("").empty());
  CHECK(listeners_of_text("x 0 70000 -1  l 443") == std::vector<ListeningSocket>{{443, false}});
}
