// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/name_table.hpp"

#include <doctest/doctest.h>

using berth::IpAddress;
using berth::runtime::NameTable;

namespace {

constexpr std::uint32_t us = 0xC6120005;     // 198.18.0.5
constexpr std::uint32_t other = 0xC6120006;  // of the same app
constexpr std::uint32_t stranger = 0xC6120007;

std::string query(const std::string& name, char type = 1) {
  std::string packet("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
  for (std::string rest = name + "."; !rest.empty(); rest.erase(0, rest.find('.') + 1)) {
    const std::string label = rest.substr(0, rest.find('.'));
    packet += static_cast<char>(label.size()) + label;
  }
  return packet + std::string("\0\0", 2) + type + std::string("\0\1", 2);
}

/// Of replicas that do not listen there.
std::optional<IpAddress> no_ipv6(std::uint32_t) { return std::nullopt; }

int code(const std::optional<std::string>& answer) { return answer ? (*answer)[3] & 15 : -1; }

NameTable table() {
  NameTable names;
  names.join(us, 7, "web");
  names.join(other, 7, "Api");
  names.set_serving(other, true);
  names.join(stranger, 8, "web");
  return names;
}

}  // namespace

TEST_CASE("a question of an app's own is answered with its address, for a second") {
  NameTable names = table();
  const std::string asked = query("api.internal");
  const auto answer = names.answer(asked, us, no_ipv6);
  REQUIRE(answer.has_value());
  CHECK(*answer == std::string("\x12\x34\x85\0\0\1\0\1\0\0\0\0", 12) + asked.substr(12) +
                       std::string("\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc6\x12\0\6", 16));
  CHECK(code(names.answer(query("API.INTERNAL"), us, no_ipv6)) == 0);
}

TEST_CASE("who is of another app, or of none, learns nothing") {
  NameTable names = table();
  CHECK(code(names.answer(query("api.internal"), stranger, no_ipv6)) == 3);
  CHECK(code(names.answer(query("api.internal"), 0x01020304, no_ipv6)) == 5);
}

TEST_CASE("what is not ready has no name, and what is none of ours is refused") {
  NameTable names = table();
  CHECK(code(names.answer(query("web.internal"), us, no_ipv6)) == 3);
  names.set_serving(other, false);
  CHECK(code(names.answer(query("api.internal"), us, no_ipv6)) == 3);
  names.leave(other);
  names.set_serving(other, true);
  CHECK(code(names.answer(query("api.internal"), us, no_ipv6)) == 3);
  for (const char* name : {"example.com", "internal.example.com", "apiinternal", "com"})
    CHECK_MESSAGE(code(names.answer(query(name), us, no_ipv6)) == 5, name);
  CHECK(code(names.answer(query("internal"), us, no_ipv6)) == 3);
}

TEST_CASE("an address of another kind is answered with none, so that nobody asks elsewhere") {
  NameTable names = table();
  const auto answer = names.answer(query("api.internal", 28), us, no_ipv6);
  CHECK(code(answer) == 0);
  CHECK(answer->substr(6, 2) == std::string("\0\0", 2));
}

TEST_CASE("a replica's IPv6 address is named if it listens there, and IPv4 is asked for apart") {
  NameTable names = table();
  const auto address = *IpAddress::parse("fd00::6");
  const auto ipv6_of = [&](std::uint32_t of) {
    return of == other ? std::optional(address) : std::nullopt;
  };
  const std::string asked = query("api.internal", 28);
  const auto answer = names.answer(asked, us, ipv6_of);
  REQUIRE(answer.has_value());
  CHECK(*answer == std::string("\x12\x34\x85\0\0\1\0\1\0\0\0\0", 12) + asked.substr(12) +
                       std::string("\xc0\x0c\0\x1c\0\1\0\0\0\1\0\x10", 12) +
                       std::string(address.bytes().begin(), address.bytes().end()));
  CHECK(code(names.answer(asked, stranger, ipv6_of)) == 3);
  // Whoever asks for both each time still gets each replica first in its turn.
  names.join(us, 7, "api");
  names.set_serving(us, true);
  const auto first = names.answer(query("api.internal"), us, ipv6_of);
  (void)names.answer(asked, us, ipv6_of);
  CHECK(names.answer(query("api.internal"), us, ipv6_of) != first);
}

TEST_CASE("every replica comes first in its turn, and an answer never outgrows a packet") {
  NameTable names = table();
  for (std::uint32_t i = 0; i < 100; ++i) {
    names.join(0xC6130000 + i, 7, "api");
    names.set_serving(0xC6130000 + i, true);
  }
  const auto first = names.answer(query("api.internal"), us, no_ipv6);
  const auto second = names.answer(query("api.internal"), us, no_ipv6);
  CHECK(first->size() <= 512);
  const auto with_ipv6 = names.answer(query("api.internal", 28), us, [](std::uint32_t) {
    return std::optional(*IpAddress::parse("fd00::6"));
  });
  CHECK(with_ipv6->size() <= 512);
  CHECK((*with_ipv6)[7] == 11);
  CHECK(first != second);
}

TEST_CASE("packets that are no question are dropped, or refused without a word more") {
  NameTable names = table();
  CHECK(code(names.answer("", us, no_ipv6)) == -1);
  CHECK(code(names.answer(std::string(11, '\0'), us, no_ipv6)) == -1);
  std::string answer = query("api.internal");
  answer[2] = '\x81';
  CHECK(code(names.answer(answer, us, no_ipv6)) == -1);
  std::string status = query("api.internal");
  status[2] = '\x10';
  CHECK(code(names.answer(status, us, no_ipv6)) == 4);
  std::string two = query("api.internal");
  two[5] = 2;
  CHECK(code(names.answer(two, us, no_ipv6)) == 1);
  const std::string whole = query("api.internal");
  for (std::size_t length = 12; length < whole.size(); ++length)
    CHECK(code(names.answer(whole.substr(0, length), us, no_ipv6)) == 1);
  const std::string pointer = whole.substr(0, 12) + "\xc0\x0c" + std::string("\0\1\0\1", 4);
  CHECK(code(names.answer(pointer, us, no_ipv6)) == 1);
}
