// SPDX-License-Identifier: Apache-2.0
//
// How long starts and stops take, beside plain `crun run` of the same configuration in the same
// run: a line "RESULT name milliseconds" each, for runtime.py. A doctest program, because the bench
// of the engine's tests is one.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "base/child_process.hpp"
#include "base/http_client.hpp"
#include "runtime/engine/local/oci_config.hpp"
#include "runtime/engine/local/seccomp.hpp"
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

std::int64_t monotonic_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

double median_ms(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : static_cast<double>(values[values.size() / 2]) / 1000;
}

void tell(const char* name, double ms) { std::printf("RESULT %s\t%.3f\n", name, ms); }

std::int64_t clock_in(const std::string& text) {
  const auto at = text.rfind("clock ");
  return at == std::string::npos ? 0 : std::strtoll(text.c_str() + at + 6, nullptr, 10);
}

/// `crun run` with the same namespaces, mounts and filter, on a plain directory and without a
/// network: less than what a replica has. In a mount namespace that the test does not share.
std::int64_t crun_run(const fs::path& bundle) {
  int out[2];
  REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
  const std::int64_t begun = monotonic_us();
  const pid_t child = ::fork();
  if (child == 0) {
    // Not the test's own: crun changes the owner of what it gets as 0, 1 and 2.
    for (const int target : {0, 1, 2}) ::dup2(out[1], target);
    ::execl("/usr/bin/crun", "crun", "--cgroup-manager=disabled", "run", "--bundle", bundle.c_str(),
            "berth-test-speed", nullptr);
    ::_exit(127);
  }
  ::close(out[1]);
  std::string text(256, 0);
  const ssize_t count = ::read(out[0], text.data(), text.size());
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  ::close(out[0]);
  ::waitpid(child, nullptr, 0);
  return clock_in(text) - begun;
}

fs::path make_bundle(ContainerBench& bench) {
  const fs::path bundle = bench.path("bundle");
  fs::create_directories(bundle);
  // crun needs to reach the root as the mapped user; a replica's root lies on the shim's stage.
  fs::permissions(bench.path(""), fs::perms(0755));
  fs::copy(bench.path("root"), bundle / "rootfs", fs::copy_options::recursive);
  for (const char* name : {"proc", "dev", "sys", "tmp"})
    fs::create_directories(bundle / "rootfs" / name);
  std::string config = runtime::oci_config({.root = (bundle / "rootfs").string(),
                                            .init = (bench.path("root") / "bin/payload").string(),
                                            .hostname = "x",
                                            .uid = 1000,
                                            .gid = 1000,
                                            .uid_base = 0x20000000,
                                            .capabilities = {},
                                            .open_files = 16'000,
                                            .tmp_bytes = 1 << 20,
                                            .mounts = {},
                                            .seccomp_filter = *runtime::compile_seccomp_filter()});
  const std::string agent = R"("agent")";
  config.replace(config.find(agent), agent.size(), R"("clock")");
  (void)write_file(bundle / "config.json", config);
  return bundle;
}

/// Runs crun when it is asked to, in a mount namespace without the hybrid cgroup2 mount.
class CrunRunner {
 public:
  explicit CrunRunner(const fs::path& bundle) {
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair_) == 0);
    child_ = ::fork();
    if (child_ != 0) {
      ::close(pair_[1]);
      return;
    }
    ::close(pair_[0]);
    ::unshare(CLONE_NEWNS);
    ::mount("", "/", nullptr, MS_PRIVATE | MS_REC, nullptr);
    ::umount2("/sys/fs/cgroup/unified", MNT_DETACH);
    char byte;
    while (::recv(pair_[1], &byte, 1, 0) == 1) {
      const std::int64_t us = crun_run(bundle);
      (void)!::send(pair_[1], &us, sizeof us, 0);
    }
    ::_exit(0);
  }
  ~CrunRunner() {
    ::close(pair_[0]);
    ::waitpid(child_, nullptr, 0);
  }
  std::int64_t run() {
    std::int64_t us = 0;
    REQUIRE(::send(pair_[0], "r", 1, 0) == 1);
    REQUIRE(::recv(pair_[0], &us, sizeof us, 0) == sizeof us);
    REQUIRE(us > 0);
    return us;
  }

 private:
  int pair_[2];
  pid_t child_ = 0;
};

/// Whether the kernel says that every process of the replica is frozen.
bool stands_still(const ContainerBench& bench, const std::string& id) {
  const std::filesystem::path root = "/sys/fs/cgroup";
  const auto v1 = read_file(root / "freezer" / bench.options().cgroup / id / "freezer.state");
  if (v1.has_value()) return v1->starts_with("FROZEN");
  const auto v2 = read_file(root / bench.options().cgroup / id / "cgroup.events");
  return v2.has_value() && v2->find("frozen 1") != std::string::npos;
}

}  // namespace

TEST_CASE("starts and stops, in milliseconds") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  constexpr int rounds = 40;
  std::vector<std::int64_t> plain, first, ready, thawed, stopped;
  CrunRunner crun(make_bundle(bench));
  // In turn, so that what else the machine does is the same to both.
  for (int i = 0; i < rounds; ++i) {
    plain.push_back(crun.run());
    const std::string id = "clock-" + std::to_string(i);
    auto spec = bench.spec(id, {"clock"});
    spec.name = id;
    const std::int64_t begun = monotonic_us();
    REQUIRE(engine.start(spec).has_value());
    bench.events.wait_exit(ReplicaId(id));
    first.push_back(clock_in(bench.log()) - begun);
    engine.remove(ReplicaId(id));
  }
  for (int i = 0; i < rounds; ++i) {
    const ReplicaId id("web-" + std::to_string(i));
    std::int64_t begun = monotonic_us();
    REQUIRE(engine.start(bench.web(id.value)).has_value());
    bench.events.wait_ready(id);
    ready.push_back(monotonic_us() - begun);
    const runtime::Endpoint endpoint = engine.list().front().endpoint;
    REQUIRE(engine.freeze(id).has_value());
    REQUIRE(eventually([&] { return stands_still(bench, id.value); }));
    begun = monotonic_us();
    REQUIRE(engine.thaw(id).has_value());
    REQUIRE(http_request({.url = {.scheme = "http",
                                  .host = endpoint.address,
                                  .port = endpoint.port,
                                  .target = "/"}})
                .has_value());
    thawed.push_back(monotonic_us() - begun);
    begun = monotonic_us();
    REQUIRE(engine.stop(id, std::chrono::seconds(10)).has_value());
    bench.events.wait_exit(id);
    stopped.push_back(monotonic_us() - begun);
    engine.remove(id);
  }
  tell("crun run", median_ms(plain));
  tell("first instruction", median_ms(first));
  tell("ready", median_ms(ready));
  tell("thawed", median_ms(thawed));
  tell("stopped", median_ms(stopped));
}

TEST_CASE("fifty at once") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  constexpr int count = 50;
  constexpr int threads = 8;  // as the server has
  const std::int64_t begun = monotonic_us();
  {
    std::vector<std::jthread> starters;
    for (int t = 0; t < threads; ++t)
      starters.emplace_back([&, t] {
        for (int i = t; i < count; i += threads)
          (void)engine.start(bench.web("many-" + std::to_string(i)));
      });
  }
  for (int i = 0; i < count; ++i) bench.events.wait_ready(ReplicaId("many-" + std::to_string(i)));
  tell("fifty ready", static_cast<double>(monotonic_us() - begun) / 1000);
}
