// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// A listener on every address of the host.
struct HostListener {
  Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string port;
  HostListener() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    socklen_t length = sizeof at;
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(socket.get(), 8) == 0);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &length);
    port = std::to_string(ntohs(at.sin_port));
  }
};

}  // namespace

TEST_CASE("a replica is an unprivileged user without capabilities and not root of the host") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const std::string output = run(bench, engine, "r-1", {"identity"});
  for (const char* line : {"uid 1000 gid 1000\n", "CapEff:\t0000000000000000\n",
                           "CapPrm:\t0000000000000000\n", "CapBnd:\t0000000000000000\n",
                           "Seccomp:\t2\n"})
    CHECK_MESSAGE(output.find(line) != std::string::npos, line << " in " << output);
  if (in_gvisor()) return;  // it does not tell, and has no users but its own
  for (const char* line : {"NoNewPrivs:\t1\n", "536870912      65536\n"})
    CHECK_MESSAGE(output.find(line) != std::string::npos, line << " in " << output);
}

TEST_CASE("root of an image has what such images need over their own files and users, no more") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto root = bench.spec("r-1", {"identity"});
  root.uid = 0;
  root.gid = 0;
  root.name = "r-1";
  REQUIRE(engine.start(root).has_value());
  bench.events.wait_exit(ReplicaId("r-1"));
  // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE, in its own user
  // namespace: 0, 1, 3 to 7 and 10 of capabilities(7).
  std::vector<const char*> lines = {"CapBnd:\t00000000000004fb\n",
                                    "CapEff:\t00000000000004fb\n", "Seccomp:\t2\n"};
  if (!in_gvisor()) lines.insert(lines.end(), {"NoNewPrivs:\t1\n", "536870912      65536\n"});
  for (const char* line : lines)
    CHECK_MESSAGE(bench.log().find(line) != std::string::npos, line << " in " << bench.log());
}

TEST_CASE("a replica sees its own control group as the whole tree, with its limit") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  // gVisor shows its own, of version 1.
  const bool v2 = runtime::Cgroups::open(bench.options().cgroup)->v2() && !in_gvisor();
  // Where language runtimes look for the memory that they may use: v2, v1.
  CHECK(run(bench, engine, "r-1", {"print", "/sys/fs/cgroup/memory.max"}) +
            run(bench, engine, "r-2",
                {"print", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) ==
        (v2 ? "134217728\nopen /sys/fs/cgroup/memory/memory.limit_in_bytes: ENOENT\n"
            : "open /sys/fs/cgroup/memory.max: ENOENT\n134217728\n"));
  if (in_gvisor()) return;  // named after the replica
  const std::string groups = run(bench, engine, "r-3", {"print", "/proc/self/cgroup"});
  CHECK_MESSAGE(groups.find(":/\n") != std::string::npos, groups);
  CHECK_MESSAGE(groups.find("r-3") == std::string::npos, groups);
}

TEST_CASE("the server's umask, which a service has tight, is not that of a replica's places") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  const mode_t before = ::umask(0077);
  const std::string output =
      run(bench, bench.open(), "r-1", {"print", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"});
  ::umask(before);
  CHECK_MESSAGE(output.starts_with("r-1\n"), output);
  CHECK_MESSAGE(output.find("EACCES") == std::string::npos, output);
}

TEST_CASE("a replica does not reach another app's") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto other = bench.web("server");
  other.app_id = "app-2";
  other.uid_base += 0x10000;
  REQUIRE(engine.start(other).has_value());
  const auto ready = bench.events.wait_ready(ReplicaId("server"));
  CHECK(run(bench, engine, "r-1", {"connect", ready.endpoint.address, "5000"}) !=
        "connect connected\n");
}

TEST_CASE("a replica does not reach the host's ports, on any of its addresses") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const HostListener listener;
  CHECK(run(bench, engine, "r-1", {"connect", bench.gateway(), listener.port}) ==
        "connect ETIMEDOUT\n");
  CHECK(run(bench, engine, "r-2", {"connect", "127.0.0.1", listener.port}) ==
        "connect ECONNREFUSED\n");
  const std::string own = [] {
    // The address that the host would use to leave.
    const Fd socket(::socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(0xC0000263);
    socklen_t length = sizeof to;
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      return std::string();
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&to), &length);
    return runtime::ipv4_text(ntohl(to.sin_addr.s_addr));
  }();
  if (!own.empty())
    CHECK(run(bench, engine, "r-3", {"connect", own, listener.port}) == "connect ETIMEDOUT\n");
}

TEST_CASE("link-local addresses, where clouds keep their metadata, are out of reach") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  CHECK(run(bench, engine, "r-1", {"connect", "169.254.169.254", "80"}) == "connect ETIMEDOUT\n");
}

TEST_CASE("a replica sees neither processes nor abstract sockets of others") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  const std::string name = "berth-test-abstract";
  std::memcpy(at.sun_path + 1, name.data(), name.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())) == 0);
  REQUIRE(::listen(socket.get(), 8) == 0);
  REQUIRE(engine.start(bench.spec("other", {"wait-term"})).has_value());
  CHECK(run(bench, engine, "r-1", {"abstract", name}) == "abstract ECONNREFUSED\n");
  const std::string processes = run(bench, engine, "r-2", {"processes"});
  CHECK(processes.starts_with("process 1\nprocess "));
  CHECK(std::count(processes.begin(), processes.end(), '\n') == 3);
}

TEST_CASE("replicas of one image do not see each other's files") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  CHECK(run(bench, engine, "r-1", {"touch", "/app/secret"}) == "");
  CHECK(run(bench, engine, "r-2", {"print", "/app/secret"}) == "open /app/secret: ENOENT\n");
  CHECK(!fs::exists(bench.path("root") / "app/secret"));
}

TEST_CASE("the image's files belong to the same users inside as on disk") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  CHECK(run(bench, engine, "r-1", {"touch", "/bin/new"}) == "touch /bin/new: EACCES\n");
  CHECK(run(bench, engine, "r-2", {"touch", "/app/new"}) == "");
}

TEST_CASE("secrets of the environment are nowhere on disk") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("r-1", {"wait-term"});
  spec.env["API_KEY"] = "top-secret-value";
  REQUIRE(engine.start(spec).has_value());
  for (const auto& entry : fs::directory_iterator(bench.path("data") / "replicas" / "r-1"))
    if (entry.is_regular_file())
      CHECK(read_file(entry.path())->find("top-secret-value") == std::string::npos);
}

TEST_CASE("the host's device files keep their owner") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  run(bench, engine, "r-1", {"exit", "0"});
  for (const char* path :
       {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}) {
    struct stat status{};
    REQUIRE(::stat(path, &status) == 0);
    CHECK_MESSAGE(status.st_uid == 0, path);
  }
}
