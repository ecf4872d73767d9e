// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/json.hpp"
#include "runtime/engine/local/agent_protocol.hpp"
#include "runtime/engine/local/oci_config.hpp"
#include "runtime/engine/local/seccomp.hpp"
#include "runtime/engine/local/shim_conf.hpp"
#include "runtime/engine/local/shim_link.hpp"
#include "runtime/engine/local/spec_json.hpp"

using namespace berth;
using namespace berth::runtime;

TEST_CASE("the OCI configuration isolates in every namespace and grants nothing") {
  const std::string text =
      oci_config({.root = "/stage/rootfs",
                  .init = "/stage/init",
                  .hostname = "web-1",
                  .uid = 1000,
                  .gid = 1000,
                  .uid_base = 655'360,
                  .capabilities = {},
                  .open_files = 20'000,
                  .oom_score_adjust = 200,
                  .tmp_bytes = 1 << 20,
                  .mounts = {{"/stage/m1", "/cache", true}, {"/stage/m2", "/given", false}},
                  .seccomp_filter = "abc"});
  const auto config = parse_json_object(text);
  REQUIRE(config.has_value());
  const auto& process = config->at("process").as_object();
  CHECK(process.at("noNewPrivileges").as_bool());
  for (const char* set : {"bounding", "effective", "permitted", "inheritable", "ambient"})
    CHECK(process.at("capabilities").at(set).as_array().empty());
  CHECK(to_text(process.at("rlimits")) ==
        R"([{"type":"RLIMIT_CORE","hard":0,"soft":0},)"
        R"({"type":"RLIMIT_NOFILE","hard":20000,"soft":20000},)"
        R"({"type":"RLIMIT_SIGPENDING","hard":4096,"soft":4096}])");
  const auto& part = config->at("linux").as_object();
  CHECK(part.at("namespaces").as_array().size() == 7);
  CHECK(to_text(part.at("uidMappings")) == R"([{"containerID":0,"hostID":655360,"size":65536}])");
  CHECK(part.at("uidMappings") == part.at("gidMappings"));
  CHECK(to_text(config->at("annotations")) == R"({"run.oci.seccomp_bpf_data":"YWJj"})");
  CHECK(text.find(R"("/cache","type":"bind","source":"/stage/m1",)"
                  R"("options":["rbind","rw","nosuid","nodev"])") != std::string::npos);
  CHECK(text.find(R"("/given","type":"bind","source":"/stage/m2",)"
                  R"("options":["rbind","ro","nosuid","nodev"])") != std::string::npos);
  CHECK(text.find(R"("destination":"/tmp")") != std::string::npos);
}

TEST_CASE("runc is told its control group, and which system calls may be made") {
  const auto config =
      parse_json_object(oci_config({.maker = Maker::runc, .cgroup = "/berth/r-1"}));
  REQUIRE(config.has_value());
  CHECK(!config->contains("annotations"));
  const auto& part = config->at("linux").as_object();
  CHECK(part.at("cgroupsPath").as_string() == "/berth/r-1");
  const auto& seccomp = part.at("seccomp").as_object();
  CHECK(seccomp.at("defaultAction").as_string() == "SCMP_ACT_ERRNO");
  CHECK(seccomp.at("defaultErrnoRet").as_int64() == ENOSYS);
  const std::string calls = to_text(seccomp.at("syscalls"));
  CHECK(calls.find(R"({"names":["accept",)") != std::string::npos);
  CHECK(calls.find(R"("vmsplice"],"action":"SCMP_ACT_ERRNO","errnoRet":1})") != std::string::npos);
  CHECK(calls.find(R"({"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,)"
                   R"("value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]})") !=
        std::string::npos);
  CHECK(calls.find(R"({"names":["socket"],"action":"SCMP_ACT_ERRNO","errnoRet":97,"args":)"
                   R"([{"index":0,"value":16,"valueTwo":0,"op":"SCMP_CMP_GT"}]})") !=
        std::string::npos);
}

TEST_CASE("runsc is told the network that was made for it, and loads no filter itself") {
  const auto config = parse_json_object(
      oci_config({.maker = Maker::runsc, .network = "/stage/network", .cgroup = "/berth/r-1"}));
  REQUIRE(config.has_value());
  const auto& part = config->at("linux").as_object();
  CHECK(to_text(part.at("namespaces")).find(R"({"type":"network","path":"/stage/network"})") !=
        std::string::npos);
  CHECK(part.at("cgroupsPath").as_string() == "/berth/r-1");
  CHECK(!part.contains("seccomp"));
}

TEST_CASE("/tmp stays in the root when no size is given") {
  CHECK(oci_config({}).find(R"("destination":"/tmp")") == std::string::npos);
}

TEST_CASE("the seccomp filter compiles into whole instructions, the same each time") {
  const auto filter = compile_seccomp_filter();
  REQUIRE(filter.has_value());
  CHECK(filter->size() > 1000);
  CHECK(filter->size() % 8 == 0);
  CHECK(*filter == *compile_seccomp_filter());
}

TEST_CASE("a shim's configuration survives being written and read") {
  const ShimConf conf{
      .id = "r-1",
      .stage = "/run/stage",
      .maker = Maker::runc,
      .oci_runtime = "/usr/sbin/runc",
      .unified = {},
      .uid_base = 655'360,
      .hostname = "web-1",
      .uid = 1000,
      .gid = 1001,
      .capabilities = 1ULL << 40 | 1,
      .open_files = 20'000,
      .oom_score_adjust = 200,
      .tmp_bytes = 1ULL << 33,
      .shm_bytes = 1,
      .mounts =
          {{.name = "rootfs",
            .target = {},
            .source = {},
            .writable = false,
            .lowers = {"/a b", "/c"},
            .upper = "/u",
            .work = "/w"},
           {.name = "m1",
            .target = "/t",
            .source = "/s",
            .writable = true,
            .lowers = {},
            .upper = {},
            .work = {}},
           {.name = "m2", .target = "/data", .device = "/dev/loop0", .writable = true}},
      .cgroups = {"/cg/a", "/cg/b"},
      .oom_events = "/cg/a/memory.events",
      .veth = "bth1",
      .bridge = "berth0",
      .address = "198.18.0.2",
      .gateway = "198.18.0.1",
      .address6 = "fd12::c612:2",
      .gateway6 = "fd12::c612:1",
      .mtu = 1400,
      .log_file = "/l",
      .log_source = "web.1",
      .program = true,
      .terminal = true};
  std::string text;
  REQUIRE(write_shim_conf(conf, text));
  ShimConf read;
  REQUIRE(parse_shim_conf(text, read));
  CHECK(read == conf);
}

TEST_CASE("a shim's configuration refuses line breaks, unknown keys and cut files") {
  std::string text;
  ShimConf conf;
  conf.id = "r-1\nuid_base 0";
  CHECK(!write_shim_conf(conf, text));
  ShimConf read;
  CHECK(!parse_shim_conf("id r-1\ncolour blue\n", read));
  CHECK(!parse_shim_conf("id r-1\nmtu many\n", read));
  CHECK(!parse_shim_conf("id r-1", read));
  CHECK(!parse_shim_conf("lower /x\nid r-1\n", read));
  CHECK(!parse_shim_conf("", read));
}

TEST_CASE("the agent's messages survive the wire, and what is cut or too long is refused") {
  const AgentRun run{.argv = {"/bin/sh", "-c", "echo \n"},
                     .env = {"A=b", "C="},
                     .working_directory = "/app",
                     .uid = 1000,
                     .gid = 1001,
                     .terminal = true,
                     .columns = 100,
                     .rows = 40};
  const std::string bytes = encode(run);
  AgentRun read;
  REQUIRE(decode(bytes, read));
  CHECK(read == run);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    AgentRun cut;
    CHECK(!decode(std::string_view(bytes).substr(0, size), cut));
  }
  CHECK(!decode(bytes + "x", read));
  std::string lie = bytes;
  lie[3] = '\x7f';  // two thousand million arguments
  CHECK(!decode(lie, read));
  AgentExit exit;
  AgentWindow window;
  CHECK(decode(encode(AgentWindow{100, 40}), window));
  CHECK(window == AgentWindow{100, 40});
  CHECK(decode(encode(AgentExit{3, 9}), exit));
  CHECK(exit == AgentExit{3, 9});
}

TEST_CASE("a shim's lines are understood") {
  CHECK(parse_shim_line("started 42 1700000000000000").kind == ShimReport::Kind::started);
  CHECK(parse_shim_line("started 42 1700000000000000").pid == 42);
  const auto exited = parse_shim_line("exited 3 0 2 1 1700000000000000");
  CHECK(exited.kind == ShimReport::Kind::exited);
  CHECK(exited.code == 3);
  CHECK(exited.oom_kills == 2);
  CHECK(exited.forced);
  CHECK(parse_shim_line("failed no such file").message == "no such file");
  CHECK(parse_shim_line("listeners 5000 80l").kind == ShimReport::Kind::listeners);
  CHECK(parse_shim_line("listeners 5000 80l").message == "5000 80l");
  CHECK(parse_shim_line("listeners ").kind == ShimReport::Kind::listeners);
  CHECK(parse_shim_line("note").kind == ShimReport::Kind::note);
  CHECK(parse_shim_line("exited 3").kind == ShimReport::Kind::none);
  CHECK(parse_shim_line("").kind == ShimReport::Kind::none);
}

TEST_CASE("a replica's note survives JSON, without its environment on disk") {
  ReplicaNote note;
  note.spec.id = ReplicaId("r-1");
  note.spec.app_id = "a1";
  note.spec.app = "demo";
  note.spec.process_type = "web";
  note.spec.name = "web.1";
  note.spec.release = 7;
  note.spec.root_layers = {"/l/1", "/l/2"};
  note.spec.argv = {"node", "a b.js"};
  note.spec.env = {{"KEY", "välue\n\"x\""}};
  note.spec.uid_base = 3'000'000'000U;
  note.spec.port = 5000;
  note.spec.log_directory = "/logs/demo";
  note.spec.limits = {
      .memory_bytes = 1, .cpu_milli = 2, .cpu_weight = 3, .pids = 4, .disk_bytes = 5,
      .disk_rate = 6, .network_rate = 7};
  note.spec.oci = "runsc";
  note.spec.volumes = {{.id = "v-1", .name = "data", .target = "/data", .shared = true}};
  note.member = {"bth1", 0xC6120002};
  note.maker = Maker::runsc;
  const auto whole = parse_replica_note(to_json(note, true));
  REQUIRE(whole.has_value());
  CHECK(whole->spec.env == note.spec.env);
  CHECK(whole->spec.argv == note.spec.argv);
  CHECK(whole->spec.root_layers == note.spec.root_layers);
  CHECK(whole->spec.limits == note.spec.limits);
  CHECK(whole->spec.volumes == note.spec.volumes);
  CHECK(whole->spec.oci == "runsc");
  CHECK(whole->spec.uid_base == note.spec.uid_base);
  CHECK(whole->member == note.member);
  CHECK(whole->maker == Maker::runsc);
  CHECK(to_json(*whole, true) == to_json(note, true));
  CHECK(to_json(note, false).find("KEY") == std::string::npos);
  CHECK(parse_replica_note("{}").has_error());
  note.member.address6 = IpAddress::parse("fd12::c612:2");
  CHECK(parse_replica_note(to_json(note, false))->member == note.member);
}
