// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_copy.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "base/child_process.hpp"
#include "base/file.hpp"

using namespace berth;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

using Names = std::set<std::string>;

/// Source and image as directories; each copy makes a layer of its own.
class Copying final {
 public:
  Copying() : directory_(*TempDir::create(fs::temp_directory_path(), "berth-test-")) {
    for (const char* name : {"source", "image", "scratch"})
      fs::create_directories(directory_.path() / name);
  }
  void file(const std::string& path, std::string_view content = "x") const {
    fs::create_directories((directory_.path() / path).parent_path());
    REQUIRE(write_file(directory_.path() / path, content).has_value());
  }
  void link(const std::string& target, const std::string& path) const {
    fs::create_directories((directory_.path() / path).parent_path());
    fs::create_symlink(target, directory_.path() / path);
  }
  CopyOrigin origin(std::string_view ignore = "", bool shared = false) const {
    return {.root = RootView({directory_.path() / "source"}),
            .ignore = DockerIgnore::parse(ignore),
            .what = "the pushed directory",
            .shared = shared};
  }
  Result<Names> copy(const std::vector<std::string>& patterns, const std::string& target,
                     const CopyOrigin& from, bool unpack = false) {
    layer_ = directory_.path() / ("layer-" + std::to_string(layers_++));
    fs::create_directories(layer_);
    BERTH_ASSIGN(const auto sources, find_copy_sources(from, patterns));
    const RootView image({directory_.path() / "image"});
    CopyOptions options{.owner = {}, .mode = {}, .unpack = unpack};
    // Without root nothing can be given away.
    if (!from.shared) options.owner = std::pair(::getuid(), ::getgid());
    BERTH_TRY(LayerWriter(layer_, image, directory_.path() / "scratch", options)
                  .copy(from, sources, target));
    Names names;
    for (const auto& entry : fs::recursive_directory_iterator(layer_))
      if (!entry.is_directory() || entry.is_symlink())
        names.insert(entry.path().lexically_relative(layer_).string());
    return names;
  }
  Names made(const std::vector<std::string>& patterns, const std::string& target,
             std::string_view ignore = "") {
    auto result = copy(patterns, target, origin(ignore));
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    return *result;
  }
  std::string refused(const std::vector<std::string>& patterns, const std::string& target,
                      std::string_view ignore = "") {
    const auto result = copy(patterns, target, origin(ignore));
    REQUIRE(result.has_error());
    return result.error().message;
  }
  const fs::path& path() const { return directory_.path(); }
  const fs::path& layer() const { return layer_; }

 private:
  TempDir directory_;
  fs::path layer_;
  int layers_ = 0;
};

bool holds(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("a file goes to a name or into a directory, a directory's content into one") {
  Copying one;
  one.file("source/a.txt");
  one.file("source/src/b/c.txt");
  one.file("source/src/d.txt");
  fs::create_directories(one.path() / "image/there");
  CHECK(one.made({"a.txt"}, "/x") == Names{"x"});
  CHECK(one.made({"a.txt"}, "/new/") == Names{"new/a.txt"});
  CHECK(one.made({"a.txt"}, "/there") == Names{"there/a.txt"});
  CHECK(one.made({"src"}, "/app") == Names{"app/b/c.txt", "app/d.txt"});
  CHECK(one.made({"src/b", "a.txt"}, "/app/") == Names{"app/c.txt", "app/a.txt"});
  CHECK(one.made({"."}, "/") == Names{"a.txt", "src/b/c.txt", "src/d.txt"});
  CHECK(holds(one.refused({"a.txt", "src/d.txt"}, "/x"), "write a slash at its end"));
  CHECK(holds(one.refused({"b.txt"}, "/x"), "there is no 'b.txt' in the pushed directory"));
}

TEST_CASE("stars match within a name") {
  Copying one;
  one.file("source/package.json");
  one.file("source/package-lock.json");
  one.file("source/web/package.json");
  CHECK(one.made({"package*.json"}, "/app/") == Names{"app/package.json", "app/package-lock.json"});
  CHECK(one.made({"*/pack?ge.json"}, "/app/") == Names{"app/package.json"});
  CHECK(holds(one.refused({"*.toml"}, "/app/"), "there is no '*.toml'"));
}

TEST_CASE("what .dockerignore names is not there") {
  Copying one;
  one.file("source/keep/a");
  one.file("source/node_modules/x/y");
  one.file("source/node_modules/keep");
  CHECK(one.made({"."}, "/", "node_modules") == Names{"keep/a"});
  CHECK(one.made({"."}, "/", "node_modules\n!node_modules/keep") ==
        Names{"keep/a", "node_modules/keep"});
  CHECK(holds(one.refused({"node_modules"}, "/x/", "node_modules"), ".dockerignore leaves it out"));
  const std::map<std::string, std::string> ids = {
      {"keep/a", "f 1"}, {"node_modules/x/y", "f 2"}, {"keeper", "f 3"}};
  const CopyOrigin origin = one.origin("node_modules");
  const auto sources = find_copy_sources(origin, {"keep"});
  CHECK(copy_fingerprint(origin, *sources, ids, "") ==
        std::string("> keep\n/a\0f 1\n", 14));
}

TEST_CASE("no link leads out, neither of the source nor of the image") {
  Copying one;
  one.file("outside/secret", "secret");
  one.file("source/real/a");
  one.link((one.path() / "outside").string(), "source/out");
  one.link("../../outside/secret", "source/up");
  one.link("real", "source/alias");
  one.link("/usr/bin", "image/bin");
  fs::create_directories(one.path() / "image/usr/bin");
  one.link((one.path() / "outside").string(), "image/away");
  CHECK(holds(one.refused({"out/secret"}, "/x"), "there is no"));
  CHECK(holds(one.refused({"up"}, "/x"), "there is no"));
  CHECK(holds(one.refused({"../outside/secret"}, "/x"), "lies outside"));
  CHECK(one.made({"alias"}, "/x/") == Names{"x/a"});
  CHECK(one.made({"real/a"}, "/bin/") == Names{"usr/bin/a"});
  const Names away = one.made({"real/a"}, "/away/a");
  CHECK(away.size() == 1);
  CHECK(fs::exists(one.layer() / *away.begin()));
  CHECK_FALSE(fs::exists(one.path() / "outside/a"));
  // As links they are copied, whatever they say.
  CHECK(one.made({"."}, "/y").contains("y/out"));
}

TEST_CASE("a directory goes through the image's link, and never over a file") {
  Copying one;
  one.file("source/root/bin/tool");
  one.link("usr/bin", "image/bin");
  fs::create_directories(one.path() / "image/usr/bin");
  CHECK(one.made({"root"}, "/") == Names{"usr/bin/tool"});
  one.file("source/file");
  one.file("image/taken");
  CHECK(holds(one.refused({"root"}, "/taken"), "is a file"));
  CHECK(holds(one.refused({"file"}, "/taken/"), "is a file, and no directory"));
  fs::create_directories(one.path() / "image/place/file");
  CHECK(holds(one.refused({"file"}, "/place/"), "is a directory, and a file is copied there"));
}

TEST_CASE("files of another stage are not copied a second time") {
  Copying one;
  one.file("source/bin/tool");
  const auto names = one.copy({"bin/tool"}, "/usr/bin/", one.origin("", true));
  if (names.has_error() && ::geteuid() != 0) {
    MESSAGE("SKIP: owners need root");
    return;
  }
  REQUIRE(names.has_value());
  CHECK(fs::hard_link_count(one.layer() / "usr/bin/tool") == 2);
}

TEST_CASE("ADD unpacks an archive, through the image's links, and copies what is none") {
  if (::geteuid() != 0) {
    MESSAGE("SKIP: owners need root");
    return;
  }
  Copying one;
  one.file("packed/bin/tool");
  one.link("usr/bin", "image/bin");
  fs::create_directories(one.path() / "image/usr/bin");
  const auto tar = run_program({.argv = {"tar", "-czf", (one.path() / "source/a.tgz").string(),
                                         "-C", (one.path() / "packed").string(), "."}});
  REQUIRE(tar->status.success());
  one.file("source/plain.gz", "no archive");
  CHECK(*one.copy({"a.tgz"}, "/", one.origin(), true) == Names{"usr/bin/tool"});
  CHECK(*one.copy({"plain.gz"}, "/x/", one.origin(), true) == Names{"x/plain.gz"});
  CHECK(one.made({"a.tgz"}, "/x/") == Names{"x/a.tgz"});
}
