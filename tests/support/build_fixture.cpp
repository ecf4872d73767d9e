// SPDX-License-Identifier: Apache-2.0
#include "tests/support/build_fixture.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/child_process.hpp"
#include "builder/runtimes.hpp"
#include "builder/stack_import.hpp"

namespace berth::test {

namespace fs = std::filesystem;
using namespace berth::builder;

namespace {

void must(const Result<void>& result) {
  REQUIRE_MESSAGE(result.has_value(), (result.has_error() ? result.error().message : ""));
}

template <class T>
T must(Result<T> result) {
  REQUIRE_MESSAGE(result.has_value(), (result.has_error() ? result.error().message : ""));
  return std::move(*result);
}

/// One stack for all tests of a program: the root file system as a tar.
struct TinyStack {
  TempDir directory = must(TempDir::create(fs::temp_directory_path(), "berth-test-stack-"));
  TinyStack() {
    const fs::path root = directory.path() / "root";
    must(make_tiny_root(root));
    for (const char* part : {"run.tar", "build.tar"})
      must(run_program({.argv = {"tar", "-C", root.string(), "--owner=0", "--group=0", "-cf",
                                 (directory.path() / part).string(), "."}}));
    must(write_file(
        directory.path() / "stack.json",
        R"({"id":"berth-test","digest":"t1",)"
        R"("run":{"env":{"PATH":"/bin"},"labels":{"io.buildpacks.base.distro.name":"debian",)"
        R"("io.buildpacks.base.distro.version":"12"}},)"
        R"("build":{"env":["PATH=/bin","HOME=/tmp","SECRET_OF_IMAGE=no"]}})"));
  }
};

}  // namespace

BuildFixture::BuildFixture()
    : directory_(must(TempDir::create(fs::temp_directory_path(), "berth-test-"))),
      repository_(must(GitRepository::create(directory_.path() / "app.git"))),
      images(must(ImageStore::open(directory_.path() / "data"))),
      sandboxes(directory_.path()) {
  static const TinyStack stack;
  must(import_stack(images, stack.directory.path()));
  must(make_directories(directory_.path() / "buildpacks"));
  must(write_file(directory_.path() / "launcher", "#!/bin/sh\nexit 82\n", 0755));
  request.app = "hello";
  request.source.repository = repository_.path();
  request.cache_directory = directory_.path() / "data/cache/hello";
  request.runtimes_directory = directory_.path() / "data" / runtimes_folder;
  request.buildpacks_directory = directory_.path() / "buildpacks";
  request.launcher = directory_.path() / "launcher";
  request.timeout = std::chrono::seconds(60);
}

void BuildFixture::install(const MockBuildpack& buildpack) {
  std::string name = buildpack.id + "-" + buildpack.version;
  for (auto& c : name)
    if (c == '/') c = '_';
  const fs::path at = directory_.path() / "buildpacks" / name;
  must(make_directories(at / "bin"));
  must(write_file(at / "buildpack.toml", "api = \"" + buildpack.api + "\"\n[buildpack]\nid = \"" +
                                             buildpack.id + "\"\nversion = \"" + buildpack.version +
                                             "\"\n" + buildpack.buildpack_toml + "\n" +
                                             buildpack.toml));
  must(write_file(at / "bin/detect", "#!/bin/bash\nPLAN=$2\n" + buildpack.detect + "\n", 0755));
  must(write_file(at / "bin/build", "#!/bin/bash\nset -e\nL=$1\n" + buildpack.build + "\n", 0755));
  if (!buildpack.runtime.empty())
    must(write_file(at / "bin/runtime",
                    "#!/bin/bash\nset -e\nL=$CNB_LAYERS_DIR\n" + buildpack.runtime + "\n", 0755));
}

void BuildFixture::install_composite(const std::string& id, const std::string& groups) {
  const fs::path at = directory_.path() / "buildpacks" / id;
  must(make_directories(at));
  order(groups);
  const std::string text = must(read_file(directory_.path() / "buildpacks/order.toml"));
  must(write_file(at / "buildpack.toml", "api = \"0.10\"\n[buildpack]\nid = \"" + id +
                                             "\"\nversion = \"1.0.0\"\n" + text));
}

void BuildFixture::order(const std::string& groups) {
  std::string text = "[[order]]\n";
  std::string member;
  for (const char c : groups + ",") {
    if (c != ',' && c != ';') {
      member += c;
      continue;
    }
    const bool optional = member.ends_with('?');
    if (optional) member.pop_back();
    text +=
        "[[order.group]]\nid = \"" + member + "\"\noptional = " + (optional ? "true\n" : "false\n");
    if (c == ';') text += "[[order]]\n";
    member.clear();
  }
  must(write_file(directory_.path() / "buildpacks/order.toml", text));
}

void BuildFixture::push(const GitFiles& files) {
  request.source.commit = must(repository_.commit(files));
}

Result<BuiltImage> BuildFixture::build() {
  log.clear();
  request.build_id = "b" + std::to_string(++builds_);
  request.work_directory = directory_.path() / "data/work" / request.build_id;
  auto result = builder::build(
      request, images, *factory, [this](std::string_view text) { log += text; }, cancel);
  CHECK_FALSE(fs::exists(request.work_directory));
  return result;
}

Result<void> BuildFixture::make_runtime(const RuntimeName& name) {
  log.clear();
  request.build_id = "b" + std::to_string(++builds_);
  request.work_directory = directory_.path() / "data/work" / request.build_id;
  auto result = builder::make_runtime(
      request, name, images, *factory, [this](std::string_view text) { log += text; }, cancel);
  CHECK_FALSE(fs::exists(request.work_directory));
  return result;
}

BuiltImage BuildFixture::must_build() {
  auto result = build();
  REQUIRE_MESSAGE(result.has_value(), (result.has_error() ? result.error().message : ""), "\n",
                  log);
  return std::move(*result);
}

std::string BuildFixture::file(const Image& image, const std::string& path) const {
  const auto directories = must(images.directories(image));
  for (const auto& directory : directories) {
    const fs::path at = directory / fs::path(path).relative_path();
    if (fs::is_symlink(at)) return "-> " + fs::read_symlink(at).string();
    if (fs::is_directory(at)) return "(directory)";
    if (fs::exists(at)) return must(read_file(at));
  }
  return "(none)";
}

std::string BuildFixture::label(const Image& image, const std::string& name) const {
  const auto found = image.labels.find(name);
  return found == image.labels.end() ? "" : found->second;
}

}  // namespace berth::test
