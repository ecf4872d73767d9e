// SPDX-License-Identifier: Apache-2.0
#include "platform/units.hpp"

#include <doctest/doctest.h>

namespace berth::platform {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a duration is a whole number and a unit") {
  struct Row {
    const char* text;
    std::chrono::milliseconds value;
  };
  for (const auto& row : {Row{"0s", 0ms}, Row{"500ms", 500ms}, Row{"30s", 30s}, Row{"15m", 15min},
                          Row{"2h", 2h}, Row{"8784h", 8784h}}) {
    CAPTURE(row.text);
    REQUIRE(parse_duration(row.text).has_value());
    CHECK(*parse_duration(row.text) == row.value);
  }
  for (const auto* bad :
       {"", "30", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1d", "1h30m", "8785h",
        "99999999999999999999s", "18446744073709551615h", "0x1s"})
    CHECK_MESSAGE(parse_duration(bad).has_error(), bad);
}

TEST_CASE("a size is bytes, or a whole number and a binary unit") {
  CHECK(*parse_bytes("0") == 0);
  CHECK(*parse_bytes("1000") == 1000);
  CHECK(*parse_bytes("64KiB") == 64U << 10);
  CHECK(*parse_bytes("512MiB") == 512U << 20);
  CHECK(*parse_bytes("2GiB") == 2ULL << 30);
  CHECK(*parse_bytes("1TiB") == 1ULL << 40);
  CHECK(*parse_bytes("9223372036854775807") == INT64_MAX);
  for (const auto* bad : {"", "MiB", "-1", "1MB", "1M", "1mib", "1.5GiB", "1 MiB",
                          "9223372036854775808", "8388608TiB", "99999999999999999999"})
    CHECK_MESSAGE(parse_bytes(bad).has_error(), bad);
}

TEST_CASE("a share of CPU is cores with up to three decimals, or thousandths") {
  CHECK(*parse_milli_cpu("1") == 1000);
  CHECK(*parse_milli_cpu("0.5") == 500);
  CHECK(*parse_milli_cpu("0.25") == 250);
  CHECK(*parse_milli_cpu("2.125") == 2125);
  CHECK(*parse_milli_cpu("500m") == 500);
  CHECK(*parse_milli_cpu("1024") == 1'024'000);
  for (const auto* bad : {"", ".5", "1.", "0.1234", "-1", "1e3", "0,5", "500 m", "1025", "1024001m",
                          "0.5m", "0.a", "1.2.3", "1024.5"})
    CHECK_MESSAGE(parse_milli_cpu(bad).has_error(), bad);
}

TEST_CASE("a refused unit says what may be written") {
  CHECK(parse_duration("30").error().message ==
        "'30' is not a duration: write a whole number and a unit, such as 500ms, 30s, 15m or 2h");
  CHECK(parse_bytes("1GB").error().message ==
        "'1GB' is not a size: write a whole number of bytes, or one and a unit, such as 64KiB, "
        "512MiB or 2GiB");
  CHECK(
      parse_milli_cpu("half").error().message ==
      "'half' is not a share of CPU: write cores, such as 2 or 0.5, or thousandths, such as 500m");
}

}  // namespace
}  // namespace berth::platform
