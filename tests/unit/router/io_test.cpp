// SPDX-License-Identifier: Apache-2.0
//
// Which loop serves: as the setting says, and epoll where the host has no io_uring.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>

#include "router/loop/ring.hpp"
#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

std::size_t rings() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (target.string().find("[io_uring]") != std::string::npos) ++count;
  }
  return count;
}

/// From now on the thread, and those that it starts, may not have a ring.
bool deny_io_uring() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(filter), .filter = filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// What is written to standard error while it lives.
class StandardError final {
 public:
  explicit StandardError(const std::filesystem::path& file)
      : file_(file), before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    const Fd to(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ::dup2(to.get(), STDERR_FILENO);
  }
  ~StandardError() { ::dup2(before_.get(), STDERR_FILENO); }
  [[nodiscard]] std::string text() const { return read_file(file_).value(); }

 private:
  std::filesystem::path file_;
  Fd before_;
};

}  // namespace

TEST_CASE("each thread has a ring with io_uring, and none with epoll or auto") {
  Server server(answer_with("hello"));
  for (const Io io : {Io::automatic, Io::epoll, Io::io_uring}) {
    if (io == Io::io_uring && Ring::check().has_error()) {
      MESSAGE("SKIP: this host refuses io_uring");
      continue;
    }
    Bed bed(2, [io](Options& options) { options.io = io; });
    CHECK(rings() == (io == Io::io_uring ? 2 : 0));
    bed.put("running", {{"r-1", server.port()}});
    Peer client = bed.client();
    client.send(get("/"));
    CHECK(client.read_message().status() == 200);
  }
}

TEST_CASE("a router takes the place of one with the other loop") {
  Server server(answer_with("hello"));
  Bed bed(1, [](Options& options) { options.io = Io::epoll; });
  bed.put("running", {{"r-1", server.port()}});
  for (const Io io : {Io::io_uring, Io::epoll}) {
    Peer kept = bed.client();
    kept.send(get("/"));
    CHECK(kept.read_message().status() == 200);
    bed.options.io = io;
    bed.replace();
    kept.send(get("/"));
    CHECK(kept.read_message().status() == 200);
    Peer fresh = bed.client();
    fresh.send(get("/"));
    CHECK(fresh.read_message().status() == 200);
  }
}

TEST_CASE("where io_uring is refused epoll serves, and the log says why") {
  const TempDir directory =
      TempDir::create(std::filesystem::temp_directory_path(), "berth-test-").value();
  Server server(answer_with("hello"));
  aside([&] {
    REQUIRE(deny_io_uring());
    const StandardError log(directory.path() / "log");
    Bed bed(1, [](Options& options) { options.io = Io::io_uring; });
    CHECK(rings() == 0);
    bed.put("running", {{"r-1", server.port()}});
    Peer client = bed.client();
    client.send(get("/"));
    CHECK(client.read_message().status() == 200);
    CHECK(log.text().find("router.io is io_uring, which this host refuses (set up io_uring: "
                          "Operation not permitted): epoll serves instead") != std::string::npos);
  });
}

TEST_CASE("a thread whose ring cannot be made is served by epoll") {
  aside([] {
    REQUIRE(deny_io_uring());
    Deaf observer;
    Worker worker(0, {}, {.by_io_uring = true}, observer);
    REQUIRE(worker.open().has_value());
    CHECK(worker.loop().ring() == nullptr);
  });
}

}  // namespace berth::router::test
