// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <sys/xattr.h>

#include <set>
#include <thread>

#include "base/file.hpp"
#include "tests/support/container_bench.hpp"
#include "tests/support/outside.hpp"

using namespace berth;
using namespace berth::test;
using runtime::SandboxCommand;
using runtime::SandboxExit;
using runtime::SandboxSpec;

namespace {

struct Ran {
  SandboxExit exit;
  std::string output;
};

SandboxSpec spec_in(const ContainerBench& bench, const std::string& name) {
  SandboxSpec spec;
  spec.name = name;
  spec.root_layers = {bench.path("root")};
  spec.limits.memory_bytes = 256ULL << 20;
  spec.limits.pids = 64;
  return spec;
}

SandboxCommand command(std::vector<std::string> words) {
  SandboxCommand result;
  result.argv = {"/bin/payload"};
  for (auto& word : words) result.argv.push_back(std::move(word));
  result.env = {{"PATH", "/bin"}};
  result.timeout = std::chrono::minutes(2);  // ends what hangs, here and not at the end of it all
  return result;
}

Ran run(runtime::LocalSandbox& sandbox, const SandboxCommand& what) {
  Ran ran;
  auto result = sandbox.run(what, [&](std::string_view text) { ran.output += text; });
  REQUIRE_MESSAGE(result.has_value(), why(result));
  ran.exit = *result;
  return ran;
}

std::unique_ptr<runtime::LocalSandbox> open(runtime::LocalEngine& engine, const SandboxSpec& spec) {
  auto opened = engine.open_sandbox(spec);
  REQUIRE_MESSAGE(opened.has_value(), why(opened));
  return std::move(*opened);
}

}  // namespace

TEST_CASE(
    "a sandbox runs commands one after the other as the wanted user and streams their output") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto sandbox = open(engine, spec_in(bench, "b-1"));
  const Ran lines = run(*sandbox, command({"lines", "3"}));
  CHECK(lines.exit.status.success());
  CHECK(lines.output == "line 1\nline 2\nline 3\n");
  const Ran failed = run(*sandbox, command({"exit", "4"}));
  CHECK(failed.exit.status.code == 4);
  const Ran who = run(*sandbox, command({"identity"}));
  CHECK(who.output.find("uid 1000 gid 1000\n") != std::string::npos);
  CHECK(who.output.find("CapEff:\t0000000000000000\n") != std::string::npos);
  CHECK(who.output.find("CapBnd:\t0000000000000000\n") != std::string::npos);
  CHECK(who.output.find("NoNewPrivs:\t1\n") != std::string::npos);
}

TEST_CASE("sandboxes compute in a group of their own, with a tenth of the replicas' weight") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const std::string name = bench.options().cgroup;
  const auto replicas = *runtime::Cgroups::open(name);
  const auto builds =
      *runtime::Cgroups::open(name + "-builds", runtime::Cgroups::Share::background);
  {
    auto sandbox = open(engine, spec_in(bench, "b-1"));
    CHECK(replicas.list().empty());
    const runtime::Cgroup group = builds.of("sandbox.b-1");
    bool weighed = false;
    for (const auto& directory : group.directories) {
      CHECK_MESSAGE(!read_file(directory / "cgroup.procs")->empty(), directory.string());
      const auto weight =
          read_file(directory.parent_path() / (builds.v2() ? "cpu.weight" : "cpu.shares"));
      if (weight.has_error()) continue;
      CHECK(*weight == (builds.v2() ? "10\n" : "1024\n"));
      weighed = true;
    }
    CHECK(weighed);
  }
  CHECK(builds.list().empty());
}

TEST_CASE("a sandbox asks the host's resolvers, and the only one from three sockets") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto options = bench.options();
  options.network.dns = {"192.0.2.53"};
  auto sandbox = open(bench.open(options), spec_in(bench, "b-1"));
  CHECK(run(*sandbox, command({"print", "/etc/resolv.conf"})).output ==
        "nameserver 192.0.2.53\nnameserver 192.0.2.53\nnameserver 192.0.2.53\n"
        "options timeout:2 attempts:5\n");
}

TEST_CASE("a sandbox's program that does not exist is an error that names it") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto sandbox = open(bench.open(), spec_in(bench, "b-1"));
  SandboxCommand missing;
  missing.argv = {"npm", "ci"};
  const auto result = sandbox->run(missing, [](std::string_view) {});
  REQUIRE(result.has_error());
  CHECK(result.error().message == "the program 'npm' does not exist in the image");
  missing.argv = {"/bin/payload", "exit", "0"};
  missing.working_directory = "/nowhere";
  CHECK(why(sandbox->run(missing, [](std::string_view) {})) ==
        "enter the working directory '/nowhere': No such file or directory");
}

TEST_CASE("binds and overlays keep the users of files, and whiteouts are readable afterwards") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  SandboxSpec spec = spec_in(bench, "b-1");
  for (const char* name : {"cache", "upper", "work", "lower", "read"})
    fs::create_directories(bench.path(name));
  for (const char* name : {"cache", "upper"}) (void)!::chown(bench.path(name).c_str(), 1000, 1000);
  fs::create_directories(bench.path("lower") / "dir");
  (void)!::chown(bench.path("lower").c_str(), 1000, 1000);
  (void)!::chown((bench.path("lower") / "dir").c_str(), 1000, 1000);
  (void)write_file(bench.path("lower") / "old", "old");
  (void)write_file(bench.path("read") / "file", "from outside\n");
  spec.binds = {{bench.path("cache"), "/cache", true},
                {bench.path("read") / "file", "/etc/given", false},
                {bench.path("read"), "/workspace/inner", false}};
  spec.overlays = {{"/workspace", {bench.path("lower")}, bench.path("upper"), bench.path("work")}};
  {
    auto sandbox = open(engine, spec);
    CHECK(run(*sandbox, command({"touch", "/cache/made", "/workspace/new"})).output == "");
    CHECK(run(*sandbox, command({"remove", "/workspace/old", "/workspace/dir"})).output == "");
    CHECK(run(*sandbox, command({"print", "/etc/given", "/workspace/inner/file"})).output ==
          "from outside\nfrom outside\n");
    CHECK(run(*sandbox, command({"touch", "/workspace/inner/x"})).output ==
          "touch /workspace/inner/x: EROFS\n");
  }
  struct stat status{};
  REQUIRE(::stat((bench.path("cache") / "made").c_str(), &status) == 0);
  CHECK(status.st_uid == 1000);
  REQUIRE(::stat((bench.path("upper") / "new").c_str(), &status) == 0);
  CHECK(status.st_uid == 1000);
  REQUIRE(::stat((bench.path("upper") / "old").c_str(), &status) == 0);
  CHECK(S_ISCHR(status.st_mode));
  CHECK(status.st_rdev == 0);
}

TEST_CASE("a link of an image leads a mount no further than its own root") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  fs::create_directories(bench.path("given"));
  (void)write_file(bench.path("given") / "file", "given\n");
  fs::create_directory_symlink("/../../../..", bench.path("root") / "up");
  SandboxSpec spec = spec_in(bench, "b-1");
  spec.binds = {{bench.path("given"), "/up/berth-escape", false}};
  auto sandbox = open(engine, spec);
  CHECK(run(*sandbox, command({"print", "/berth-escape/file"})).output == "given\n");
  CHECK(!fs::exists("/berth-escape"));
}

TEST_CASE("a mount that has no place in the image fails the start with its path") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  fs::create_directories(bench.path("given"));
  SandboxSpec spec = spec_in(bench, "b-1");
  spec.binds = {{bench.path("given"), "/etc/passwd/given", false}};
  const auto opened = engine.open_sandbox(spec);
  REQUIRE(opened.has_error());
  CHECK_MESSAGE(opened.error().message.find("etc/passwd/given") != std::string::npos, why(opened));
}

TEST_CASE("a root whose changes are kept holds what the programs did, and nothing of the sandbox") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  SandboxSpec spec = spec_in(bench, "b-1");
  for (const char* name : {"upper", "work", "cache"}) fs::create_directories(bench.path(name));
  fs::permissions(bench.path("upper"), fs::perms(0755));
  fs::create_directories(bench.path("root") / "etc/dir");
  fs::permissions(bench.path("root") / "etc", fs::perms(0750));
  (void)write_file(bench.path("root") / "etc/gone", "x");
  (void)write_file(bench.path("given"), "lent\n");
  spec.root_upper = bench.path("upper");
  spec.root_work = bench.path("work");
  spec.binds = {{bench.path("given"), "/etc/given", false},
                {bench.path("given"), "/new/place/given", false},
                {bench.path("cache"), "/var/cache/kept", true}};
  {
    auto sandbox = open(engine, spec);
    const auto as_root = [](std::vector<std::string> words) {
      SandboxCommand result = command(std::move(words));
      result.uid = result.gid = 0;
      return result;
    };
    CHECK(run(*sandbox, as_root({"print", "/etc/given", "/new/place/given"})).output ==
          "lent\nlent\n");
    // A package may replace what it was lent, and /etc/hosts.
    CHECK(run(*sandbox, as_root({"remove", "/etc/given", "/etc/hosts", "/etc/gone"})).output == "");
    CHECK(run(*sandbox, as_root({"touch", "/etc/given", "/etc/new", "/var/cache/kept/x"})).output ==
          "");
  }
  std::set<std::string> kept;
  for (const auto& entry : fs::recursive_directory_iterator(bench.path("upper")))
    kept.insert(entry.path().lexically_relative(bench.path("upper")).string());
  CHECK(kept == std::set<std::string>{"etc", "etc/gone", "etc/new"});
  struct stat status{};
  REQUIRE(::lstat((bench.path("upper") / "etc/gone").c_str(), &status) == 0);
  CHECK(S_ISCHR(status.st_mode));
  REQUIRE(::lstat((bench.path("upper") / "etc").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0750);  // as the image has it
  CHECK(fs::exists(bench.path("cache") / "x"));
}

TEST_CASE("commands of one sandbox run side by side") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto sandbox = open(bench.open(), spec_in(bench, "b-1"));
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      std::string output;
      const auto result =
          sandbox->run(command({"lines", "200"}), [&](std::string_view text) { output += text; });
      if (result.has_value() && result->status.success() && output.ends_with("line 200\n")) ++good;
    });
  for (auto& thread : threads) thread.join();
  CHECK(good == 4);
}

TEST_CASE("a command that runs too long is killed with all that it started") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto sandbox = open(bench.open(), spec_in(bench, "b-1"));
  SandboxCommand slow = command({"sleep-tree"});
  slow.timeout = std::chrono::seconds(3);
  const Ran ran = run(*sandbox, slow);
  CHECK(ran.exit.timed_out);
  CHECK(ran.output == "waiting\n");
  // What comes next finds the place empty: the agent and itself.
  CHECK(run(*sandbox, command({"processes"})).output.find("process 1\n") == 0);
}

TEST_CASE("what a command leaves in the background is killed when it ends") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto sandbox = open(bench.open(), spec_in(bench, "b-1"));
  const auto begun = std::chrono::steady_clock::now();
  const Ran ran = run(*sandbox, command({"background"}));
  CHECK(ran.exit.status.success());
  CHECK(ran.output == "left\n");
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::minutes(1));
}

TEST_CASE("cancelling ends the running command and refuses the next") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto sandbox = open(bench.open(), spec_in(bench, "b-1"));
  std::thread canceller;
  const auto result = sandbox->run(command({"ignore-term"}), [&](std::string_view) {
    if (!canceller.joinable()) canceller = std::thread([&] { sandbox->cancel(); });
  });
  canceller.join();
  REQUIRE(result.has_value());
  CHECK(result->cancelled);
  CHECK(!result->status.success());
  const auto next = sandbox->run(command({"exit", "0"}), [](std::string_view) {});
  REQUIRE(next.has_value());
  CHECK(next->cancelled);
}

TEST_CASE("memory, process and disk limits of a sandbox are told apart") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  SandboxSpec spec = spec_in(bench, "b-1");
  spec.limits.disk_bytes = 16ULL << 20;
  auto sandbox = open(engine, spec);
  const Ran memory = run(*sandbox, command({"eat-memory", "1024"}));
  CHECK_MESSAGE(memory.exit.out_of_memory, memory.output << memory.exit.status.describe());
  CHECK(!memory.exit.out_of_pids);
  const Ran forks = run(*sandbox, command({"forks", "1000"}));
  CHECK(forks.exit.out_of_pids);
  CHECK(!forks.exit.out_of_memory);
  CHECK(run(*sandbox, command({"exit", "0"})).exit.status.success());
  const Ran disk = run(*sandbox, command({"write-disk", "/tmp/big", "200"}));
  CHECK_MESSAGE(disk.exit.out_of_disk, disk.output << disk.exit.status.describe());
}

TEST_CASE("a sandbox reaches no service of the host") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto sandbox = open(bench.open(), spec_in(bench, "b-1"));
  CHECK(run(*sandbox, command({"connect", bench.gateway(), "22"})).output == "connect ETIMEDOUT\n");
}

TEST_CASE("a sandbox reaches the outside by IPv6, and nothing is left of its address") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  Outside outside(bench.options().network.veth_prefix, true);
  auto& engine = bench.open();
  const auto neighbours = [&] {
    auto netlink = *runtime::Netlink::open();
    return netlink.neighbours(*netlink.index_of(bench.options().network.bridge))->size();
  };
  {
    auto sandbox = open(engine, spec_in(bench, "b-1"));
    CHECK(neighbours() == 2);  // by its IPv4 and its IPv6 address
    CHECK(run(*sandbox, command({"connect", "2001:db8:77::2", outside.port})).output ==
          "connect connected\n");
    CHECK(outside.accept_from() == "2001:db8:77::1");
  }
  CHECK(neighbours() == 0);
}
