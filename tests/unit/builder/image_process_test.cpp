// SPDX-License-Identifier: Apache-2.0
#include "builder/image_process.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.hpp"

using namespace berth;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view passwd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken line\n"
    "node:x:1001:1002::/home/node:/bin/sh\n";
constexpr std::string_view group = "root:x:0:\nstaff:x:50:\nshort\n";

}  // namespace

TEST_CASE("a user of an image is a number or a line of its passwd") {
  CHECK(*find_image_user("", passwd, group) == ImageUser{0, 0, "/root"});
  CHECK(*find_image_user("node", passwd, group) == ImageUser{1001, 1002, "/home/node"});
  CHECK(*find_image_user("1001", passwd, group) == ImageUser{1001, 1002, "/home/node"});
  CHECK(*find_image_user("node:staff", passwd, group) == ImageUser{1001, 50, "/home/node"});
  CHECK(*find_image_user("65532:65532", "", "") == ImageUser{65532, 65532, "/"});
  CHECK(*find_image_user("7", passwd, group) == ImageUser{7, 0, "/"});
  CHECK(find_image_user("nobody", passwd, group).error().message ==
        "the image runs as the user 'nobody', and its /etc/passwd knows no such user");
  CHECK(find_image_user("node:nogroup", passwd, group).has_error());
}

TEST_CASE("the uppermost passwd counts, and no link leads out of the image") {
  const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  const fs::path top = directory.path() / "top";
  const fs::path base = directory.path() / "base";
  fs::create_directories(top / "etc");
  fs::create_directories(base / "etc");
  REQUIRE(write_file(base / "etc/passwd", "app:x:5:5::/app:/bin/sh\n").has_value());
  Image image;
  image.user = "app";
  CHECK(image_user(image, {top, base})->uid == 5);
  SUBCASE("replaced above") {
    REQUIRE(write_file(top / "etc/passwd", "app:x:6:6::/app:/bin/sh\n").has_value());
    CHECK(image_user(image, {top, base})->uid == 6);
  }
  SUBCASE("a link to the host's file is resolved inside") {
    fs::create_symlink("/etc/passwd", top / "etc/passwd");
    image.user = "root";
    CHECK(image_user(image, {top, base}).has_error());
  }
  SUBCASE("removed above") {
    if (::mknod((top / "etc/passwd").c_str(), S_IFCHR, makedev(0, 0)) != 0) {
      MESSAGE("SKIP: whiteouts need root");
      return;
    }
    CHECK(image_user(image, {top, base}).has_error());
  }
}

TEST_CASE("entrypoint and command together are the process type web") {
  Image image;
  CHECK(image_processes(image).empty());
  image.entrypoint = {"/entry.sh"};
  image.command = {"serve", "--fast"};
  CHECK(image_processes(image).at("web") ==
        std::vector<std::string>{"/entry.sh", "serve", "--fast"});
  image.labels[std::string(processes_label)] = R"({"worker":["/bin/sh","-c","work"],"bad":7})";
  CHECK(image_processes(image).size() == 2);
  CHECK(one_off_arguments(image, "ls") == std::vector<std::string>{"/bin/sh", "-c", "ls"});
  image.labels["io.buildpacks.build.metadata"] = "{}";
  CHECK(one_off_arguments(image, "ls").front() == "/cnb/lifecycle/launcher");
}

TEST_CASE("one exposed TCP port is the port; several or none leave the platform's") {
  Image image;
  CHECK(image_port(image, 5000) == 5000);
  image.exposed_ports = {"80/tcp", "53/udp"};
  CHECK(image_port(image, 5000) == 80);
  image.exposed_ports = {"80"};
  CHECK(image_port(image, 5000) == 80);
  image.exposed_ports = {"80/tcp", "443/tcp"};
  CHECK(image_port(image, 5000) == 5000);
  image.exposed_ports = {"99999/tcp", "x"};
  CHECK(image_port(image, 5000) == 5000);
}
