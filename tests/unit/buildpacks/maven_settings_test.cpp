// SPDX-License-Identifier: Apache-2.0
//
// Maven's settings for a build: it knows neither proxies nor a mirror from the environment.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>

#include "base/child_process.hpp"
#include "base/file.hpp"

namespace berth {
namespace {

std::string settings(std::map<std::string, std::string> environment) {
  const TempDir directory = *TempDir::create(std::filesystem::temp_directory_path(), "berth-test-");
  const auto file = directory.path() / "settings.xml";
  environment["PATH"] = "/usr/local/bin:/usr/bin:/bin";
  const auto made = run_program({.argv = {"python3", BERTH_SOURCE_DIR
                                          "/buildpacks/java/lib/settings.py", file.string()},
                                 .env = std::move(environment),
                                 .clear_env = true});
  REQUIRE(made.has_value());
  CHECK_MESSAGE(made->status.success(), made->err);
  return *read_file(file);
}

TEST_CASE("a mirror from the environment stands for every repository, its password apart") {
  const std::string text = settings({{"MAVEN_MIRROR_URL", "https://me:p%40ss@mirror.example/all"}});
  CHECK(text.find("<mirror><id>environment</id><mirrorOf>*</mirrorOf>"
                  "<url>https://mirror.example/all</url></mirror>") != std::string::npos);
  CHECK(text.find("<server><id>environment</id><username>me</username>"
                  "<password>p@ss</password></server>") != std::string::npos);
}

TEST_CASE("proxies from the environment become Maven's") {
  const std::string text = settings({{"https_proxy", "http://proxy.example:3128"},
                                     {"no_proxy", ".corp.example,localhost"}});
  CHECK(text.find("<protocol>https</protocol><host>proxy.example</host><port>3128</port>"
                  "<nonProxyHosts>*.corp.example|localhost</nonProxyHosts>") != std::string::npos);
}

TEST_CASE("without either there is neither") {
  const std::string text = settings({});
  CHECK(text.find("<id>environment</id>") == std::string::npos);
  CHECK(text.find("<id>https_proxy</id>") == std::string::npos);
}

}  // namespace
}  // namespace berth
