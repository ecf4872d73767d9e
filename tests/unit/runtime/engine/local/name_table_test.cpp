// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/name_table.hpp"

#include <doctest/doctest.h>

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
  const auto answer = names.answer(asked, us);
  REQUIRE(answer.has_value());
  CHECK(*answer == std::string("\x12\x34\x85\0\0\1\0\1\0\0\0\0", 12) + asked.substr(12) +
                       std::string("\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc6\x12\0\6", 16));
  CHECK(code(names.answer(query("API.INTERNAL"), us)) == 0);
}

TEST_CASE("who is of another app, or of none, learns nothing") {
  NameTable names = table();
  CHECK(code(names.answer(query("api.internal"), stranger)) == 3);
  CHECK(code(names.answer(query("api.internal"), 0x01020304)) == 5);
}

TEST_CASE("what is not ready has no name, and what is none of ours is refused") {
  NameTable names = table();
  CHECK(code(names.answer(query("web.internal"), us)) == 3);
  names.set_serving(other, false);
  CHECK(code(names.answer(query("api.internal"), us)) == 3);
  names.leave(other);
  names.set_serving(other, true);
  CHECK(code(names.answer(query("api.internal"), us)) == 3);
  for (const char* name : {"example.com", "internal.example.com", "apiinternal", "com"})
    CHECK_MESSAGE(code(names.answer(query(name), us)) == 5, name);
  CHECK(code(names.answer(query("internal"), us)) == 3);
}

TEST_CASE("an address of another kind is answered with none, so that nobody asks elsewhere") {
  NameTable names = table();
  const auto answer = names.answer(query("api.internal", 28), us);
  CHECK(code(answer) == 0);
  CHECK(answer->substr(6, 2) == std::string("\0\0", 2));
}

TEST_CASE("every replica comes first in its turn, and an answer never outgrows a packet") {
  NameTable names = table();
  for (std::uint32_t i = 0; i < 100; ++i) {
    names.join(0xC6130000 + i, 7, "api");
    names.set_serving(0xC6130000 + i, true);
  }
  const auto first = names.answer(query("api.internal"), us);
  const auto second = names.answer(query("api.internal"), us);
  CHECK(first->size() <= 512);
  CHECK(first != second);
}

TEST_CASE("packets that are no question are dropped, or refused without a word more") {
  NameTable names = table();
  CHECK(code(names.answer("", us)) == -1);
  CHECK(code(names.answer(std::string(11, '\0'), us)) == -1);
  std::string answer = query("api.internal");
  answer[2] = '\x81';
  CHECK(code(names.answer(answer, us)) == -1);
  std::string status = query("api.internal");
  status[2] = '\x10';
  CHECK(code(names.answer(status, us)) == 4);
  std::string two = query("api.internal");
  two[5] = 2;
  CHECK(code(names.answer(two, us)) == 1);
  const std::string whole = query("api.internal");
  for (std::size_t length = 12; length < whole.size(); ++length)
    CHECK(code(names.answer(whole.substr(0, length), us)) == 1);
  CHECK(code(names.answer(whole.substr(0, 12) + "\xc0\x0c" + std::string("\0\1\0\1", 4), us)) ==
        1);
}
