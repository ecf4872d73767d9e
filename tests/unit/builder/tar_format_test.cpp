// SPDX-License-Identifier: Apache-2.0
#include "builder/tar_format.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace berth::builder;

TEST_CASE("a short path takes one block with the constant time and no names") {
  const std::string block =
      tar_header({.path = "app/a.txt", .mode = 0644, .uid = 1000, .gid = 1000, .size_bytes = 5});
  REQUIRE(block.size() == 512);
  CHECK(block.substr(0, 9) == "app/a.txt");
  CHECK(block.substr(136, 11) == "02263523001");  // 315532801 in octal
  CHECK(block.substr(257, 8) == std::string("ustar\00000", 8));
  CHECK(block.substr(265, 64) == std::string(64, '\0'));
}

TEST_CASE("the checksum counts its own field as spaces") {
  const std::string block = tar_header({.path = "x", .type = TarType::directory, .mode = 0755});
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i)
    sum += (i >= 148 && i < 156) ? ' ' : static_cast<unsigned char>(block[i]);
  CHECK(std::stoul(block.substr(148, 6), nullptr, 8) == sum);
}

TEST_CASE("a path of up to 255 bytes is split into prefix and name without a PAX record") {
  const std::string path = std::string(120, 'd') + "/" + std::string(90, 'f');
  const std::string block = tar_header({.path = path, .mode = 0644});
  REQUIRE(block.size() == 512);
  CHECK(block.substr(0, 90) == std::string(90, 'f'));
  CHECK(block.substr(345, 120) == std::string(120, 'd'));
}

TEST_CASE("a name that ustar cannot hold gets a PAX record whose length counts itself") {
  const std::string path(150, 'n');
  const std::string block = tar_header({.path = path, .mode = 0644});
  REQUIRE(block.size() == 3 * 512);
  CHECK(block[156] == 'x');
  CHECK(block.substr(512, 160) == "160 path=" + path + "\n");
  CHECK(block[1024 + 156] == '0');
}

TEST_CASE("a PAX length at the edge of two and three digits is exact") {
  // " path=" and "\n" are 7 bytes: 90 bytes of path make 99, one more needs a third digit.
  for (const std::size_t length : {101U, 102U, 980U, 990U, 991U, 992U}) {
    const std::string block = tar_header({.path = std::string(length, 'n')});
    const std::size_t stated = std::stoul(block.substr(512, 5));
    CHECK(block[512 + stated - 1] == '\n');
    CHECK(block[512 + stated] == '\0');
  }
}

TEST_CASE("a long link target gets a PAX linkpath") {
  const std::string target(101, 't');
  const std::string block =
      tar_header({.path = "l", .type = TarType::symlink, .link_target = target});
  REQUIRE(block.size() == 3 * 512);
  CHECK(block.substr(512, 115) == "115 linkpath=" + target + "\n");
}

TEST_CASE("a file of more than 8 GiB states its size in a PAX record") {
  const std::string block = tar_header({.path = "big", .size_bytes = 9ULL << 30});
  REQUIRE(block.size() == 3 * 512);
  CHECK(block.substr(512, 19) == "19 size=9663676416\n");
}

TEST_CASE("content is padded to whole blocks") {
  CHECK(tar_padding(0) == 0);
  CHECK(tar_padding(1) == 511);
  CHECK(tar_padding(512) == 0);
  CHECK(tar_end() == std::string(1024, '\0'));
}
