// SPDX-License-Identifier: Apache-2.0
#include "base/child_process.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "base/file.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

Command shell(std::string script) { return {.argv = {"sh", "-c", std::move(script)}}; }

std::string read_all(Fd& from) {
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = ::read(from.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

TEST_CASE("a program's outputs, status and input are kept apart") {
  const auto output = run_program(shell("cat; echo oops >&2; exit 3"), "hello");
  REQUIRE_MESSAGE(output.has_value(), output.error().message);
  CHECK(output->out == "hello");
  CHECK(output->err == "oops\n");
  CHECK(output->status == ExitStatus{.code = 3});
  CHECK(output->status.describe() == "exit status 3");
}

TEST_CASE("arguments pass as they are, without a shell") {
  const auto output = run_program({.argv = {"printf", "%s|", "a b", "$HOME", "*", "", "'\"\n"}});
  REQUIRE(output.has_value());
  CHECK(output->out == "a b|$HOME|*||'\"\n|");
}

TEST_CASE("large input and output pass at once without a deadlock") {
  const std::string large(8 << 20, 'x');
  const auto output = run_program({.argv = {"cat"}}, large);
  REQUIRE(output.has_value());
  CHECK(output->out == large);
}

TEST_CASE("output beyond the limit is read and dropped, and the program ends well") {
  const auto output = run_program(shell("head -c 1000000 /dev/zero; echo end >&2"), {}, 30s, 1000);
  REQUIRE(output.has_value());
  CHECK(output->out.size() == 1000);
  CHECK(output->err == "end\n");
  CHECK(output->status.success());
}

TEST_CASE("a program that reads nothing of a large input is no error") {
  const auto output = run_program({.argv = {"true"}}, std::string(4 << 20, 'x'));
  REQUIRE_MESSAGE(output.has_value(), output.error().message);
  CHECK(output->status.success());
}

TEST_CASE("past the deadline the program is killed and the error says so") {
  SUBCASE("while it is silent") {
    const auto output = run_program({.argv = {"sleep", "1000"}}, {}, 50ms);
    REQUIRE(output.has_error());
    CHECK(output.error().kind == ErrorKind::timeout);
    CHECK(output.error().message == "sleep did not end within 50 ms");
  }
  SUBCASE("while it floods us") {
    const auto output = run_program({.argv = {"yes"}}, {}, 50ms);
    REQUIRE(output.has_error());
    CHECK(output.error().kind == ErrorKind::timeout);
  }
  SUBCASE("when it closed its outputs and lives on") {
    const auto output = run_program(shell("exec >&- 2>&-; exec sleep 1000"), {}, 50ms);
    REQUIRE(output.has_error());
    CHECK(output.error().kind == ErrorKind::timeout);
  }
}

TEST_CASE("a program is killed soon after its flag is set, whatever it does, and not before") {
  std::atomic<bool> cancel = false;
  const auto all = run_program(shell("sleep 0.2; echo done"), {}, 1min, 100, &cancel);
  REQUIRE(all.has_value());
  CHECK(all->out == "done\n");
  for (const char* script : {"exec sleep 1000", "exec yes", "exec >&- 2>&-; exec sleep 1000"}) {
    cancel = false;
    std::thread canceller([&] { cancel = true; });
    const auto output = run_program(shell(script), {}, 1min, 100, &cancel);
    canceller.join();
    REQUIRE(output.has_error());
    CHECK(output.error().kind == ErrorKind::cancelled);
    CHECK(output.error().message == "sh was cancelled");
  }
}

TEST_CASE("a signal that ends a program is named") {
  const auto output = run_program(shell("kill -SEGV $$"));
  REQUIRE(output.has_value());
  CHECK(output->status == ExitStatus{.code = 0, .signal = SIGSEGV});
  CHECK(output->status.describe() == "killed by SIGSEGV");
  CHECK_FALSE(output->status.success());
}

TEST_CASE("a program that is not there, or cannot be executed, is named") {
  const auto missing = run_program({.argv = {"berth-no-such-program"}});
  REQUIRE(missing.has_error());
  CHECK(missing.error().message ==
        "the program 'berth-no-such-program' is not installed (not found on PATH)");
  const auto path = run_program({.argv = {"/nonexistent/program"}});
  REQUIRE(path.has_error());
  CHECK(path.error().message == "start /nonexistent/program: No such file or directory");
  const auto directory = run_program({.argv = {"/etc"}});
  REQUIRE(directory.has_error());
  CHECK(directory.error().kind == ErrorKind::forbidden);
  Command nowhere{.argv = {"true"}};
  nowhere.working_directory = "/nonexistent";
  CHECK(run_program(nowhere).has_error());
}

TEST_CASE("a directory of the same name on PATH is no program") {
  auto directory = TempDir::create("/tmp");
  REQUIRE(directory.has_value());
  REQUIRE_FALSE(make_directories(directory->path() / "true").has_error());
  const std::string before = ::getenv("PATH");
  ::setenv("PATH", (directory->path().string() + ":" + before).c_str(), 1);
  const auto output = run_program({.argv = {"true"}});
  ::setenv("PATH", before.c_str(), 1);
  REQUIRE_MESSAGE(output.has_value(), output.error().message);
  CHECK(output->status.success());
}

TEST_CASE("the environment is ours with additions, or exactly what is given") {
  ::setenv("BERTH_TEST_VARIABLE", "ours", 1);
  Command command = shell("echo $BERTH_TEST_VARIABLE $EXTRA");
  command.env = {{"EXTRA", "more"}};
  CHECK(run_program(command)->out == "ours more\n");
  command.env = {{"BERTH_TEST_VARIABLE", "theirs"}};
  CHECK(run_program(command)->out == "theirs\n");
  Command bare{.argv = {"/usr/bin/env"}, .env = {{"A", "1"}}, .clear_env = true};
  CHECK(run_program(bare)->out == "A=1\n");
  ::unsetenv("BERTH_TEST_VARIABLE");
}

TEST_CASE("the child runs in its working directory, with default signals") {
  Command command = shell("pwd; kill -PIPE $$");
  command.working_directory = "/usr";
  const auto output = run_program(command);
  REQUIRE(output.has_value());
  CHECK(output->out == "/usr\n");
  CHECK(output->status.signal == SIGPIPE);  // which the test's own process ignores
}

TEST_CASE("descriptors reach the child under their numbers, whatever their order") {
  auto first = make_pipe();
  auto second = make_pipe();
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  Command command = shell("echo three >&3; echo four >&4");
  SUBCASE("in order") {}
  SUBCASE("crossed: each source is the other's target") {
    const int one = first->write.get();
    const int other = second->write.get();
    command = {.argv = {"bash", "-c", "echo three >&$1; echo four >&$2", "bash",
                        std::to_string(other), std::to_string(one)}};
    command.extra_fds = {{one, other}, {other, one}};
  }
  if (command.extra_fds.empty())
    command.extra_fds = {{first->write.get(), 3}, {second->write.get(), 4}};
  auto child = ChildProcess::spawn(command);
  REQUIRE_MESSAGE(child.has_value(), child.error().message);
  first->write.reset();
  second->write.reset();
  CHECK(read_all(first->read) == "three\n");
  CHECK(read_all(second->read) == "four\n");
  CHECK(child->wait()->success());
}

TEST_CASE("a descriptor passed under its own number survives the exec") {
  auto pipe = make_pipe();
  REQUIRE(pipe.has_value());
  const int number = pipe->write.get();
  Command command{.argv = {"bash", "-c", "echo same >&$1", "bash", std::to_string(number)}};
  command.extra_fds = {{number, number}};
  auto child = ChildProcess::spawn(command);
  REQUIRE(child.has_value());
  pipe->write.reset();
  CHECK(read_all(pipe->read) == "same\n");
  CHECK(child->wait()->success());
}

TEST_CASE("the child gets no other descriptor of ours, nor one that we were left") {
  auto kept = open_file("/dev/null", O_RDWR);
  REQUIRE(kept.has_value());
  const Fd left(::dup(kept->get()));  // not close-on-exec
  const Fd high(::fcntl(kept->get(), F_DUPFD, 200));
  const auto output = run_program({.argv = {"ls", "/proc/self/fd"}});
  REQUIRE(output.has_value());
  CHECK(output->out == "0\n1\n2\n3\n");  // 3 is ls's own
}

TEST_CASE("waiting has a deadline, and may go on after it") {
  auto pipe = make_pipe();
  REQUIRE(pipe.has_value());
  Command command = shell("read line");
  command.stdin_fd = pipe->read.get();
  auto child = ChildProcess::spawn(command);
  REQUIRE(child.has_value());
  const auto early = child->wait_for(10ms);
  REQUIRE(early.has_value());
  CHECK_FALSE(early->has_value());
  REQUIRE_FALSE(write_all(pipe->write.get(), "go\n").has_error());
  const auto late = child->wait_for(30s);
  REQUIRE(late.has_value());
  REQUIRE(late->has_value());
  CHECK((*late)->success());
}

TEST_CASE("a child whose owner goes is killed and reaped") {
  pid_t pid = 0;
  {
    auto child = ChildProcess::spawn({.argv = {"sleep", "1000"}});
    REQUIRE(child.has_value());
    pid = child->pid();
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("a child that is moved over is killed too") {
  auto first = ChildProcess::spawn({.argv = {"sleep", "1000"}});
  auto second = ChildProcess::spawn({.argv = {"sleep", "1000"}});
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  const pid_t gone = first->pid();
  *first = std::move(*second);
  { ChildProcess last = std::move(*second); }
  CHECK(::kill(gone, 0) != 0);
  CHECK(::kill(first->pid(), 0) == 0);
}

TEST_CASE("a signal reaches the child; one to a child that ended is no error") {
  auto child = ChildProcess::spawn({.argv = {"sleep", "1000"}});
  REQUIRE(child.has_value());
  CHECK_FALSE(child->signal(SIGTERM).has_error());
  CHECK(child->wait()->signal == SIGTERM);
}

TEST_CASE("an orphan runs with the descriptors it was given, and nobody here has to reap it") {
  auto pipe = make_pipe();
  REQUIRE(pipe.has_value());
  Command command = shell("echo started");
  command.stdout_fd = pipe->write.get();
  CHECK_FALSE(ChildProcess::spawn_orphan(command).has_error());
  pipe->write.reset();
  char text[32] = {};
  CHECK(::read(pipe->read.get(), text, sizeof text) == 8);
  CHECK(std::string_view(text) == "started\n");
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // no child of ours
  CHECK(errno == ECHILD);
  const auto missing = ChildProcess::spawn_orphan({.argv = {"/does/not/exist"}});
  REQUIRE(missing.has_error());
  CHECK(missing.error().message == "start /does/not/exist: No such file or directory");
}

TEST_CASE("a handler of ours does not run in a child") {
  static volatile sig_atomic_t calls = 0;
  const auto before = ::signal(SIGUSR1, [](int) { calls = calls + 1; });
  const auto output = run_program(shell("kill -USR1 $$; echo survived"));
  ::signal(SIGUSR1, before);
  REQUIRE(output.has_value());
  CHECK(output->status.signal == SIGUSR1);
  CHECK(calls == 0);
}

TEST_CASE("a new session is the child's own") {
  Command command = shell("ps -o sid= -p $$ | tr -d ' '; echo $$");
  command.new_session = true;
  const auto output = run_program(command);
  REQUIRE(output.has_value());
  const auto newline = output->out.find('\n');
  CHECK(output->out.substr(0, newline) == output->out.substr(newline + 1, newline));
}

}  // namespace
}  // namespace berth
