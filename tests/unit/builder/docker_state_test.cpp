// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_state.hpp"

#include <doctest/doctest.h>

#include "builder/docker_mount.hpp"
#include "builder/oci.hpp"

using namespace berth;
using namespace berth::builder;

namespace {

/// The settings after the last stage's instructions; the file and arguments live as long as it.
struct Applied {
  explicit Applied(std::string_view text, DockerArguments given = {}, Image base = {})
      : file(*parse_dockerfile(text, "Dockerfile")),
        arguments(std::move(given)),
        state(file, arguments, std::move(base)) {
    for (const auto& instruction : file.stages.back().instructions)
      if (!error.has_error()) error = state.apply(instruction);
  }
  Dockerfile file;
  DockerArguments arguments;
  DockerState state;
  Result<void> error;
};

std::string wrong(std::string_view text) {
  const Applied applied(text);
  return applied.error.has_error() ? applied.error.error().message : "";
}

}  // namespace

TEST_CASE("ENV changes for the lines below, and wins over ARG") {
  const Applied done(
      "FROM x\nENV A=1 B=$A\nENV A=2\\ 3 C=\"$A and ${B:-none}\"\nARG A=arg\nENV D $A rest\n");
  REQUIRE_MESSAGE(done.error.has_value(), done.error.error().message);
  CHECK(done.state.image.env ==
        std::vector<std::string>{"A=2 3", "B=", "C=1 and none", "D=2 3 rest"});
  CHECK(done.state.environment().at("A") == "2 3");
}

TEST_CASE("ARG takes what is given, its default, or the global one") {
  const DockerArguments given{.given = {{"G", "given"}}, .global = {{"T", "top"}, {"U", "up"}}};
  const Applied done("FROM x\nARG G=default T U=own N D=d$G\n", given);
  REQUIRE(done.error.has_value());
  const auto seen = done.state.environment();
  CHECK(seen.at("G") == "given");
  CHECK(seen.at("T") == "top");
  CHECK(seen.at("U") == "own");
  CHECK(seen.at("D") == "dgiven");
  CHECK_FALSE(seen.contains("N"));
  CHECK(done.state.image.env.empty());
  const auto file = parse_dockerfile("ARG V=1\nARG W=$V-$TARGETARCH\nFROM x\n", "Dockerfile");
  CHECK(global_arguments(*file, {{"V", "2"}})->at("W") == "2-" + std::string(oci_architecture()));
}

TEST_CASE("what an image is told stands in its settings") {
  const Applied done(
      "FROM x\nLABEL a=b \"c d\"='e f'\nEXPOSE 8080 53/UDP 90-91 8080\nVOLUME /data \"/more\"\n"
      "STOPSIGNAL SIGQUIT\nUSER app:staff\nWORKDIR /srv\nWORKDIR www/../html\n"
      "HEALTHCHECK --interval=1m30s --retries=2 CMD curl -f x\nMAINTAINER Ada\n");
  REQUIRE_MESSAGE(done.error.has_value(), done.error.error().message);
  const Image& image = done.state.image;
  CHECK(image.labels.at("a") == "b");
  CHECK(image.labels.at("c d") == "e f");
  CHECK(image.labels.at("maintainer") == "Ada");
  CHECK(image.exposed_ports ==
        std::vector<std::string>{"53/udp", "8080/tcp", "90/tcp", "91/tcp"});
  CHECK(image.user == "app:staff");
  CHECK(image.working_directory == "/srv/html");
  CHECK(image.further.at("StopSignal") == "SIGQUIT");
  CHECK(image.further.at("Volumes").as_object().contains("/more"));
  CHECK(image.further.at("Healthcheck").at("Interval") == 90'000'000'000);
  CHECK(image.further.at("Healthcheck").at("Test") == json::array{"CMD-SHELL", "curl -f x"});
  // And comes through the config that is written and read.
  const auto read = parse_image_config(image_config_json(image));
  REQUIRE(read.has_value());
  CHECK(read->image == image);
}

TEST_CASE("a shell form goes to the stage's shell, and ENTRYPOINT drops the base's CMD") {
  Image base;
  base.command = {"base"};
  CHECK(Applied("FROM x\nENTRYPOINT [\"a\"]\n", {}, base).state.image.command.empty());
  const Applied done("FROM x\nSHELL [\"/bin/bash\", \"-e\"]\nCMD run $X\nENTRYPOINT [\"a\"]\n", {},
                     base);
  CHECK(done.state.image.command == std::vector<std::string>{"/bin/bash", "-e", "run $X"});
  const Applied run("FROM x\nRUN cat <<A - <<-'B'\none\nA\n\ttwo\nB\n");
  CHECK(run.state.command_of(run.file.stages[0].instructions[0]) ==
        std::vector<std::string>{"/bin/sh", "-c", "cat <<A - <<-'B'\none\nA\ntwo\nB\n"});
  const Applied script("FROM x\nRUN <<A\nset -e\nls\nA\n");
  CHECK(script.state.command_of(script.file.stages[0].instructions[0]).back() == "set -e\nls\n");
}

TEST_CASE("paths are absolute, and never above the root") {
  const Applied done("FROM x\nWORKDIR /srv/app\n");
  CHECK(done.state.absolute("x") == "/srv/app/x");
  CHECK(done.state.absolute("./") == "/srv/app/");
  CHECK(done.state.absolute(".") == "/srv/app/");
  CHECK(done.state.absolute("../../../../etc/x") == "/etc/x");
  CHECK(done.state.absolute("/") == "/");
}

TEST_CASE("triggers of the base run in its child alone") {
  Image base;
  base.further["OnBuild"] = json::array{"RUN make"};
  const Applied done("FROM x\nONBUILD COPY . /app\n", {}, base);
  CHECK(done.state.triggers() == std::vector<std::string>{"RUN make"});
  CHECK(done.state.image.further.at("OnBuild") == json::array{"COPY . /app"});
}

TEST_CASE("what cannot be is refused by line") {
  CHECK(wrong("FROM x\nEXPOSE http\n") ==
        "Dockerfile, line 2 (EXPOSE): 'http' is no port, such as 8080 or 53/udp");
  CHECK(wrong("FROM x\nEXPOSE 70000\n").find("is no port") != std::string::npos);
  CHECK(wrong("FROM x\nUSER $NOBODY\n").find("(USER): the user is empty") != std::string::npos);
  CHECK(wrong("FROM x\nARG 1A=2\n").find("is no name for a variable") != std::string::npos);
  CHECK(wrong("FROM x\nHEALTHCHECK --interval=soon CMD x\n").find("such as 30s") !=
        std::string::npos);
  CHECK(wrong("FROM x\nHEALTHCHECK maybe\n").find("followed by CMD") != std::string::npos);
}

TEST_CASE("mounts of RUN are of four kinds") {
  using Kind = DockerMount::Kind;
  const auto cache = parse_docker_mount("type=cache,target=/root/.npm,sharing=locked,uid=5");
  REQUIRE(cache.has_value());
  CHECK(cache->id == "/root/.npm");
  CHECK(cache->writable);
  CHECK(cache->uid == 5);
  const auto bind = parse_docker_mount("source=package.json,target=package.json");
  CHECK(bind->kind == Kind::bind);
  CHECK_FALSE(bind->writable);
  CHECK(parse_docker_mount("target=/x,rw")->writable);
  CHECK(parse_docker_mount("type=secret,id=TOKEN")->target == "/run/secrets/TOKEN");
  CHECK(parse_docker_mount("type=secret,id=TOKEN,env=T")->target.empty());
  CHECK(parse_docker_mount("type=tmpfs,target=/tmp,size=1m")->writable);
  CHECK(parse_docker_mount("type=ssh").error().message.find("HTTPS") != std::string::npos);
  for (const char* text : {"type=cache", "type=odd,target=/x", "target=/x,mode=9", "target=/x,y=1",
                           "type=secret", "target=/x,uid=70000"})
    CHECK_MESSAGE(parse_docker_mount(text).has_error(), text);
  CHECK(*parse_octal_mode("755") == 0755);
  CHECK(parse_octal_mode("u+x").has_error());
}
