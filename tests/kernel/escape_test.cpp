// SPDX-License-Identifier: Apache-2.0
//
// A replica that tries to get out (docs/isolation.md lists the attempts): each is refused, to the
// app's user and to root of its image.
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <set>

#include "tests/support/attach_peer.hpp"
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// The attempts that succeeded, on something that is not gVisor's own.
std::set<std::string> allowed(const std::string& output) {
  std::set<std::string> result;
  for (auto at = output.find(" ALLOWED\n"); at != std::string::npos;
       at = output.find(" ALLOWED\n", at + 1)) {
    const auto begin = output.rfind('\n', at);
    result.insert(output.substr(begin == std::string::npos ? 0 : begin + 1,
                                at - (begin == std::string::npos ? 0 : begin + 1)));
  }
  if (in_gvisor())
    for (const char* own : {"/dev/fuse", "/dev/net/tun", "cgroup", "limit"}) result.erase(own);
  return result;
}

}  // namespace

TEST_CASE("escape: what reaches for other namespaces, the kernel or devices is refused") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const std::string output = run(bench, engine, "r-1", {"forbidden"});
  CHECK_MESSAGE(output.ends_with("done\n"), output);
  CHECK_MESSAGE(allowed(output).empty(), output);
  // A filter that refuses is not a kernel that lacks the call.
  for (const char* line :
       {"mount EPERM\n", "unshare-user EPERM\n", "clone EPERM\n", "clone3 ENOSYS\n",
        "ptrace EPERM\n", "keyctl EPERM\n", "bpf EPERM\n", "perf EPERM\n", "userfaultfd EPERM\n",
        "io_uring EPERM\n", "mknod-disk EPERM\n", "packet EAFNOSUPPORT\n", "raw EPERM\n"})
    CHECK_MESSAGE(output.find(line) != std::string::npos, line << " in " << output);
}

TEST_CASE("escape: root of an image is refused the same, but for its own files and its own name") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  const std::string output = run(bench, bench.open(), "r-1", {"forbidden"}, /*as_root=*/true);
  CHECK_MESSAGE(output.ends_with("done\n"), output);
  auto got = allowed(output);
  got.erase("init-fd");  // its own agent's, where that has a descriptor 3
  CHECK_MESSAGE((got == std::set<std::string>{"etc", "setuid"}), output);
}

TEST_CASE("escape: nothing below /proc and /sys can be written, not by root of an image either") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  for (const bool as_root : {false, true}) {
    const std::string output = run(bench, engine, as_root ? "root" : "user",
                                   {"writable", "/proc", "/sys", "/dev/mqueue"}, as_root);
    CHECK_MESSAGE(output == "done\n", output);
  }
}

TEST_CASE("escape: a setuid program of an image stays the user that runs it") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  const fs::path program = bench.path("root") / "bin/suid";
  fs::copy_file(bench.path("root") / "bin/payload", program);
  REQUIRE(::chmod(program.c_str(), 06755) == 0);
  auto& engine = bench.open();
  auto spec = bench.spec("r-1", {"who"});
  spec.argv.front() = "/bin/suid";
  spec.name = "r-1";
  REQUIRE(engine.start(spec).has_value());
  bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(bench.printed("r-1") == "effective 1000\n");
}

TEST_CASE("escape: the control plane's socket is not there") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const std::string path = "/tmp/berth-escape-" + std::to_string(::getpid()) + ".sock";
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  path.copy(at.sun_path, sizeof at.sun_path - 1);
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::listen(listener.get(), 8) == 0);
  REQUIRE(::chmod(path.c_str(), 0777) == 0);
  CHECK(run(bench, engine, "r-1", {"server", path}) == "unix ENOENT\n");
  ::unlink(path.c_str());
}

TEST_CASE("escape: signals reach nobody outside, and not the first process inside") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("other", {"wait-term"})).has_value());
  const std::string to_us = run(bench, engine, "r-1", {"signal", std::to_string(::getpid())}, true);
  CHECK(to_us == "signal ESRCH\n");
  // Everything that it can see is itself and the agent, which goes on to report its end.
  (void)run(bench, engine, "r-2", {"signal-all"}, true);
  CHECK(bench.events.wait_exit(ReplicaId("r-2")).reason == ExitReason::exited);
  CHECK(engine.stats(ReplicaId("other")).has_value());
}

TEST_CASE("escape: a key that is pushed into a terminal comes back to who pushed it, no further") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("r-1", {"push-key"});
  spec.terminal = true;
  REQUIRE(engine.start(spec).has_value());
  const Peer peer(*engine.attach(ReplicaId("r-1")));
  const int code = bench.events.wait_exit(ReplicaId("r-1")).exit_code;
  // Refused by the kernel (where its administrator says so, from 6.2 on), or read by the replica.
  CHECK_MESSAGE((code == 7 || code == 8), code);
}

TEST_CASE("escape: a crash leaves no core, inside or outside") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("r-1", {"crash"});
  spec.working_directory = "/app";
  REQUIRE(engine.start(spec).has_value());
  CHECK(bench.events.wait_exit(ReplicaId("r-1")).exit_signal == SIGABRT);
  for (const auto& entry : fs::recursive_directory_iterator(bench.path("data")))
    CHECK_MESSAGE(!entry.path().filename().string().starts_with("core"), entry.path().string());
}
