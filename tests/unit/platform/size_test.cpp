// SPDX-License-Identifier: Apache-2.0
#include "platform/size.hpp"

#include <doctest/doctest.h>

namespace berth::platform {
namespace {

const SizeClasses classes = {
    {"standard", {}},
    {"Large", {.memory_bytes = 2ULL << 30, .cpu_milli = 2000, .pids = 99, .disk_bytes = 1 << 30}}};

Size good(std::string_view text) {
  const auto size = parse_size(text, classes);
  REQUIRE_MESSAGE(size.has_value(), (size.has_error() ? size.error().message : ""));
  return *size;
}

std::string bad(std::string_view text) {
  const auto size = parse_size(text, classes);
  REQUIRE(size.has_error());
  return size.error().message;
}

TEST_CASE("a size is a class of the platform, in letters of either case") {
  CHECK(good("large") == Size{"Large", classes.at("Large")});
  CHECK(good("Standard") == Size{"standard", {}});
}

TEST_CASE("Heroku's names have Heroku's memory, unless the platform has a class of that name") {
  CHECK(good("Standard-2X").name == "standard-2x");
  CHECK(good("Standard-2X").limits.memory_bytes == 1ULL << 30);
  CHECK(good("performance-m").limits.cpu_milli == 2000);
  SizeClasses own = classes;
  own["standard-2x"].memory_bytes = 7ULL << 30;
  CHECK(parse_size("Standard-2X", own)->limits.memory_bytes == 7ULL << 30);
}

TEST_CASE("limits are said in parts, and what is not said is as in the class standard") {
  const Size size = good("0.5cpu/512MB");
  CHECK(size.name == "512m/0.5cpu");
  CHECK(size.limits == SizeClass{.memory_bytes = 512ULL << 20, .cpu_milli = 500});
  CHECK(good("2048m").name == "2g");
  CHECK(good("1.25cpu").name == "1.25cpu");
  CHECK(good("256m/100pids/3gdisk") ==
        Size{"256m/100pids/3gdisk",
             {.memory_bytes = 256ULL << 20, .pids = 100, .disk_bytes = 3ULL << 30}});
  CHECK(good("20MIO/10mnet") ==
        Size{"20mio/10mnet", {.disk_rate = 20ULL << 20, .network_rate = 10ULL << 20}});
  CHECK(bad("4gnet") == "the size '4gnet' has more than 3gnet");
  CHECK(good(good("0.25cpu/1500m/9pids/2gdisk").name) == good("0.25cpu/1500m/9pids/2gdisk"));
}

TEST_CASE("what is no size is refused with what there is") {
  CHECK(bad("huge") ==
        "there is no size 'huge'. There is: Large, standard; Heroku's names such as standard-2x; "
        "or limits such as 512m/0.5cpu");
  for (const char* wrong : {"", "/", "512", "m", "512m/", "512m/1g", "-1cpu", "0.5cpu/0.5cpu", "1x",
                            "99999999999t", "512m/0.5", "pids"})
    CHECK(bad(wrong).find("there is no size") == 0);
  CHECK(bad("8m") == "the size '8m' has less than 16m of memory");
  CHECK(bad("0.001cpu") == "the size '0.001cpu' has less than 0.01cpu");
  CHECK(bad("1pids") == "the size '1pids' must have 4pids to 4000000pids");
}

TEST_CASE("a stored size that means nothing any more is the class standard") {
  CHECK(size_of("gone", classes) == good("standard"));
  CHECK(size_of("large", classes).limits.pids == 99);
}

}  // namespace
}  // namespace berth::platform
