// SPDX-License-Identifier: Apache-2.0
#include "base/crypto.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <set>

#include "base/file.hpp"

namespace berth {
namespace {

TEST_CASE("random ids are version 4 UUIDs, never the same") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random_uuid();
    REQUIRE(id.size() == 36);
    CHECK((id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-'));
    CHECK(id[14] == '4');
    CHECK(std::string_view("89ab").find(id[19]) != std::string_view::npos);
    CHECK(seen.insert(id).second);
  }
  CHECK(random_hex(32).size() == 64);
  CHECK(random_hex(8) != random_hex(8));
}

TEST_CASE("SHA-256 gives the standard's values, whole and in pieces") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 digest;
  digest.update("a");
  digest.update("");
  digest.update("bc");
  CHECK(digest.finish_hex() == sha256_hex("abc"));
}

TEST_CASE("hex and base64 give the known texts, and base64 comes back") {
  CHECK(hex(std::string_view("\x00\x7f\xff", 3)) == "007fff");
  for (const auto& [plain, encoded] :
       {std::pair{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}}) {
    CHECK(base64(plain) == encoded);
    CHECK(*base64_decode(encoded) == plain);
  }
  for (const auto* bad : {"Zg", "Zg=", "Z", "Zm9v!", "Zm 9v", "Zm9v\n", "Zm9v=", "-_=="})
    CHECK_MESSAGE(base64_decode(bad).has_error(), bad);
}

TEST_CASE("comparison in constant time is still a comparison") {
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "abcd"));
}

TEST_CASE("what is sealed is opened with the same key, and looks different each time") {
  const SecretBox box = SecretBox::ephemeral();
  const std::string secret("pass\0word", 9);
  const std::string sealed = box.seal(secret);
  CHECK(*box.unseal(sealed) == secret);
  CHECK(sealed.find("pass") == std::string::npos);
  CHECK(box.seal(secret) != sealed);
  CHECK(*box.unseal(box.seal("")) == "");
}

TEST_CASE("what was changed, cut or sealed with another key is refused") {
  const SecretBox box = SecretBox::ephemeral();
  const std::string sealed = box.seal("secret");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK(box.unseal(changed).has_error());
    CHECK(box.unseal(sealed.substr(0, i)).has_error());
  }
  CHECK(SecretBox::ephemeral().unseal(sealed).has_error());
}

TEST_CASE("the key file is made once, for its owner alone, and used again") {
  auto directory = TempDir::create(std::filesystem::temp_directory_path());
  REQUIRE(directory.has_value());
  const auto path = directory->path() / "secret.key";
  std::string sealed;
  {
    const auto box = SecretBox::open(path);
    REQUIRE(box.has_value());
    sealed = box->seal("kept");
  }
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  CHECK(*SecretBox::open(path)->unseal(sealed) == "kept");
}

TEST_CASE("a damaged key file is an error that says what it means, and is never replaced") {
  auto directory = TempDir::create(std::filesystem::temp_directory_path());
  REQUIRE(directory.has_value());
  const auto path = directory->path() / "secret.key";
  for (const std::size_t size : {0, 31, 33, 9000}) {
    const std::string content(size, 'x');
    REQUIRE_FALSE(write_file(path, content).has_error());
    const auto box = SecretBox::open(path);
    REQUIRE(box.has_error());
    CHECK(box.error().message.find(path.string()) != std::string::npos);
    CHECK(*read_file(path) == content);
  }
}

}  // namespace
}  // namespace berth
