// SPDX-License-Identifier: Apache-2.0
// berth-launcher as a process (specs/cnb.md 1.10): its environment and what it becomes.
#include <doctest/doctest.h>

#include <filesystem>

#include "base/child_process.hpp"
#include "base/file.hpp"

using namespace berth;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  fs::path layers = directory.path() / "layers";
  fs::path app = directory.path() / "app";
  std::map<std::string, std::string> env;

  Fixture() {
    fs::create_directories(layers / "config");
    fs::create_directories(app);
    env = {{"PATH", "/cnb/process:/cnb/lifecycle:/usr/bin:/bin"},
           {"CNB_LAYERS_DIR", layers.string()},
           {"CNB_APP_DIR", app.string()}};
  }
  void metadata(const std::string& processes, const std::string& head = "") {
    write("layers/config/metadata.toml",
          head +
              "[[buildpacks]]\nid = \"x/one\"\napi = \"0.10\"\n[[buildpacks]]\nid = \"two\"\napi = "
              "\"0.8\"\n" +
              processes);
  }
  void write(const std::string& path, const std::string& text, unsigned mode = 0644) {
    const fs::path at = directory.path() / path;
    fs::create_directories(at.parent_path());
    REQUIRE(write_file(at, text, mode).has_value());
  }
  Output run(const std::string& name, std::vector<std::string> words = {}) {
    const fs::path link = directory.path() / "bin" / name;
    fs::create_directories(link.parent_path());
    fs::remove(link);
    fs::create_symlink(fs::path(BERTH_BINARY_DIR) / "berth-launcher", link);
    Command command{
        .argv = {link.string()}, .env = env, .clear_env = true, .working_directory = "/"};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    auto result = run_program(std::move(command));
    REQUIRE_MESSAGE(result.has_value(), (result.has_error() ? result.error().message : ""));
    return *result;
  }
  std::string out(const std::string& name, std::vector<std::string> words = {}) {
    const Output output = run(name, std::move(words));
    CHECK_MESSAGE(output.status.success(), output.err);
    return output.out;
  }
  void fails(const Output& output, const std::string& reason) {
    CHECK(output.status.code == 82);
    CHECK_MESSAGE(output.err.find(reason) != std::string::npos, output.err);
  }
};

std::string process(const std::string& type, const std::string& rest) {
  return "[[processes]]\ntype = \"" + type + "\"\n" + rest + "\n";
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "1.10: its own name chooses the process, which replaces it") {
  metadata(process("web", "command = [\"sh\", \"-c\", \"echo web $$\"]\nargs = []\ndirect = true") +
           process("worker", "command = [\"echo\", \"worker\"]\ndirect = true"));
  CHECK(out("worker") == "worker\n");
  CHECK(out("web").starts_with("web "));
}

TEST_CASE_FIXTURE(Fixture, "1.10: the process's own exit status is the launcher's") {
  metadata(process("web", "command = [\"sh\", \"-c\", \"exit 7\"]\ndirect = true"));
  CHECK(run("web").status.code == 7);
}

TEST_CASE_FIXTURE(Fixture,
                  "1.10: since API 0.9 the user's arguments replace args, the command stays") {
  metadata(process("web",
                   "command = [\"echo\", \"always\"]\nargs = [\"default\"]\ndirect = "
                   "true\nbuildpack-id = \"x/one\""));
  CHECK(out("web") == "always default\n");
  CHECK(out("web", {"mine", "too"}) == "always mine too\n");
}

TEST_CASE_FIXTURE(Fixture, "1.10: before API 0.9 the user's arguments are appended") {
  metadata(process(
      "web", "command = [\"echo\"]\nargs = [\"default\"]\ndirect = true\nbuildpack-id = \"two\""));
  CHECK(out("web", {"mine"}) == "default mine\n");
}

TEST_CASE_FIXTURE(
    Fixture, "1.10: a command of several words keeps them and gives up args, whatever its API") {
  metadata(process("web",
                   "command = [\"echo\", \"always\"]\nargs = [\"default\"]\ndirect = "
                   "true\nbuildpack-id = \"two\""));
  CHECK(out("web", {"mine"}) == "always mine\n");
}

TEST_CASE_FIXTURE(Fixture, "1.10: CNB_PROCESS_TYPE is obsolete: a warning, and no choice") {
  metadata(process("web", "command = [\"echo\", \"web\"]\ndirect = true") +
           process("worker", "command = [\"echo\", \"worker\"]\ndirect = true"));
  env["CNB_PROCESS_TYPE"] = "worker";
  const Output output = run("web");
  CHECK(output.out == "web\n");
  CHECK(output.err.find("CNB_PROCESS_TYPE is obsolete") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "1.10: after -- a command is run directly, without it through a shell") {
  metadata("");
  env["X"] = "expanded";
  CHECK(out("launcher", {"--", "echo", "$X"}) == "$X\n");
  CHECK(out("launcher", {"echo", "$X"}) == "expanded\n");
  CHECK(out("launcher", {"echo one; echo $X"}) == "one\nexpanded\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "1.10: no command runs the default process, and without one is an error") {
  metadata(process("web", "command = [\"echo\", \"default\"]\ndirect = true"),
           "buildpack-default-process-type = \"web\"\n");
  CHECK(out("launcher") == "default\n");
  metadata("");
  fails(run("launcher"), "there is no default process: a command is needed");
  fails(run("launcher", {"--"}), "a command is needed");
}

TEST_CASE_FIXTURE(Fixture, "1.10: a process must be for the execution environment") {
  metadata(process("web", "command = [\"echo\", \"test\"]\ndirect = true\nexec-env = [\"test\"]") +
           process("any", "command = [\"echo\", \"any\"]\ndirect = true\nexec-env = [\"*\"]"));
  fails(run("web"), "no process of type 'web' is for the environment 'production'");
  CHECK(out("any") == "any\n");
  env["CNB_EXEC_ENV"] = "test";
  CHECK(out("web") == "test\n");
}

TEST_CASE_FIXTURE(
    Fixture, "1.10: the launcher's variables and path entries are gone, layer roots are there") {
  metadata(process("web", "command = [\"env\"]\ndirect = true"));
  for (const char* path : {"layers/x_one/b/bin/f", "layers/x_one/a/bin/f", "layers/x_one/a/lib/f",
                           "layers/two/c/bin/f", "layers/x_one/a/include/f"})
    write(path, "");
  env["CNB_DEPRECATION_MODE"] = "quiet";
  const std::string l = layers.string();
  const std::string text = out("web");
  CHECK(text.find("CNB_") == std::string::npos);
  CHECK(text.find("PATH=" + l + "/two/c/bin:" + l + "/x_one/b/bin:" + l +
                  "/x_one/a/bin:/usr/bin:/bin\n") != std::string::npos);
  CHECK(text.find("LD_LIBRARY_PATH=" + l + "/x_one/a/lib\n") != std::string::npos);
  CHECK(text.find("CPATH") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "1.10: env, env.launch and env.launch/<type> apply in this order") {
  metadata(process("web", "command = [\"sh\", \"-c\", \"echo $V $W\"]\ndirect = true") +
           process("worker", "command = [\"sh\", \"-c\", \"echo $V $W\"]\ndirect = true"));
  write("layers/x_one/a/env/V", "env");
  write("layers/x_one/a/env.launch/V.append", "+launch");
  write("layers/x_one/a/env.launch/web/V.append", "+web");
  write("layers/x_one/a/env.build/V.append", "+build");
  write("layers/two/b/env/V.append", "+two");
  write("layers/two/b/env/W.default", "default");
  env["W"] = "container";
  CHECK(out("web") == "env+launch+web+two container\n");
  CHECK(out("worker") == "env+launch+two container\n");
}

TEST_CASE_FIXTURE(
    Fixture, "1.10: exec.d programs see the environment so far and set more through descriptor 3") {
  metadata(process("web", "command = [\"sh\", \"-c\", \"echo $A $B $PWD\"]\ndirect = true"));
  write("layers/x_one/a/env/SEEN", "seen");
  write("layers/x_one/a/exec.d/1", "#!/bin/sh\necho \"A = \\\"$SEEN\\\"\" >&3\necho shown\npwd",
        0755);
  write("layers/x_one/a/exec.d/web/2", "#!/bin/sh\nprintf 'B = \"after %s\"\\n' $A >&3", 0755);
  write("layers/x_one/a/exec.d/worker/3", "#!/bin/sh\nexit 1", 0755);
  const std::string at = app.string();
  CHECK(out("web") == "shown\n" + at + "\nseen after seen " + at + "\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "1.10: an exec.d program that fails or speaks nonsense stops the launch") {
  metadata(process("web", "command = [\"echo\", \"no\"]\ndirect = true"));
  write("layers/x_one/a/exec.d/1", "#!/bin/sh\nexit 3", 0755);
  fails(run("web"), "exec.d/1: exit status 3");
  write("layers/x_one/a/exec.d/1", "#!/bin/sh\necho 'A = 1' >&3", 0755);
  fails(run("web"), "'A' is not a string");
  write("layers/x_one/a/exec.d/1", "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x >&3", 0755);
  fails(run("web"), "its output on descriptor 3");
}

TEST_CASE_FIXTURE(Fixture, "1.10: the working directory is the app's, or the process's own") {
  fs::create_directories(app / "sub");
  metadata(process("web", "command = [\"pwd\"]\ndirect = true") +
           process("sub", "command = [\"pwd\"]\ndirect = true\nworking-dir = \"" +
                              (app / "sub").string() + "\"") +
           process("none", "command = [\"pwd\"]\ndirect = true\nworking-dir = \"/no/where\"") +
           process("shell", "command = \"pwd\"\ndirect = false\nworking-dir = \"" +
                                (app / "sub").string() + "\""));
  CHECK(out("web") == app.string() + "\n");
  CHECK(out("sub") == (app / "sub").string() + "\n");
  CHECK(out("shell") == (app / "sub").string() + "\n");
  fails(run("none"), "change to /no/where");
}

TEST_CASE_FIXTURE(Fixture, "1.10: a shell process sources profiles in order, then .profile") {
  metadata(process("web", "command = \"echo $T\"\ndirect = false"));
  write("layers/x_one/a/profile.d/b.sh", "export T=\"$T b\"");
  write("layers/x_one/a/profile.d/a it's.sh", "export T=a");
  write("layers/x_one/a/profile.d/web/c.sh", "export T=\"$T web\"");
  write("layers/x_one/a/profile.d/worker/c.sh", "export T=\"$T worker\"");
  write("layers/two/z/profile.d/d.sh", "export T=\"$T two\"");
  write("app/.profile", "export T=\"$T app\"");
  CHECK(out("web") == "a b web two app\n");
}

TEST_CASE_FIXTURE(Fixture, "1.10: a shell process with arguments expands every word once") {
  metadata(process(
      "web",
      "command = \"printf\"\nargs = [\"[%s] \", \"$V\", \"'$V'\", \"a b\"]\ndirect = false"));
  env["V"] = "$HOME";
  CHECK(out("web") == "[$HOME] ['$HOME'] [a b] ");
}

TEST_CASE_FIXTURE(Fixture, "1.10: a direct process is not a shell's business") {
  metadata(process("web", "command = [\"echo\", \"$HOME; rm -rf x\"]\ndirect = true"));
  write("app/.profile", "echo profile");
  CHECK(out("web") == "$HOME; rm -rf x\n");
}

TEST_CASE_FIXTURE(Fixture, "1.10: what cannot be launched ends with 82 and its reason") {
  fails(run("web"), "metadata.toml: No such file");
  write("layers/config/metadata.toml", "nonsense");
  fails(run("web"), "metadata.toml: line 1");
  metadata(process("web", "command = [\"no-such-program\"]\ndirect = true"));
  fails(run("web"), "'no-such-program' was not found on PATH");
  write("app/plain", "x", 0644);
  metadata(process("web", "command = [\"./plain\"]\ndirect = true"));
  fails(run("web"), "start ./plain: Permission denied");
}

TEST_CASE_FIXTURE(Fixture, "a command on a layer's path is found there first") {
  metadata(process("web", "command = [\"env\"]\ndirect = true"));
  write("layers/x_one/a/bin/env", "#!/bin/sh\necho the layer", 0755);
  CHECK(out("web") == "the layer\n");
}
