// SPDX-License-Identifier: Apache-2.0
//
// A place for tests of the local engine: a data directory on a real disk, a root file system with
// nothing but the payload, a bridge, firewall table and cgroup of its own, all removed at the end.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <mutex>
#include <vector>

#include "base/file.hpp"
#include "runtime/engine/local/choose_maker.hpp"
#include "runtime/engine/local/local_engine.hpp"

namespace berth::test {

namespace fs = std::filesystem;
using runtime::ExitReason;
using runtime::ReplicaId;
using runtime::ReplicaSpec;
using runtime::ReplicaState;
using runtime::ReplicaStatus;

/// Who makes the containers of this run of the tests.
inline std::string maker_under_test() {
  const char* name = std::getenv("BERTH_TEST_OCI");
  const char* built = std::getenv("BERTH_RUNSC");  // by tests/kernel/make-runsc
  if (name && built && std::string(name) == "runsc") return std::string(built) + "/runsc";
  return name ? name : "native";
}

/// It has a kernel of its own.
inline bool in_gvisor() { return maker_under_test().ends_with("runsc"); }

/// Empty if containers can run here.
inline std::string why_no_containers() {
  if (::geteuid() != 0) return "not root";
  for (const std::string& maker : {std::string("crun"), std::string("runc"), maker_under_test()})
    if (const auto chosen = runtime::choose_maker(maker, "native"); chosen.has_error())
      return chosen.error().message;
  return {};
}

#define SKIP_WITHOUT_CONTAINERS()                                        \
  if (const auto why = berth::test::why_no_containers(); !why.empty()) { \
    MESSAGE("SKIP: " << why);                                            \
    return;                                                              \
  }

/// A failed result's message, for assertions.
template <class T>
std::string why(const Result<T>& result) {
  return result.has_error() ? result.error().message : std::string();
}

/// Collects events; waits for one without sleeping.
class Events {
 public:
  void add(const ReplicaStatus& status) {
    const std::scoped_lock lock(mutex_);
    all_.push_back(status);
    changed_.notify_all();
  }
  runtime::EngineListener listener() {
    return [this](const ReplicaStatus& status) { add(status); };
  }
  /// The first event of the replica that fits, or a failed test.
  ReplicaStatus wait(const ReplicaId& id, const std::function<bool(const ReplicaStatus&)>& fits,
                     std::chrono::seconds limit = std::chrono::seconds(60)) {
    std::unique_lock lock(mutex_);
    const ReplicaStatus* found = nullptr;
    changed_.wait_for(lock, limit, [&] {
      for (const auto& status : all_)
        if (status.spec.id == id && fits(status)) found = &status;
      return found != nullptr;
    });
    REQUIRE_MESSAGE(found, "no such event of " << id.value << " in time");
    return *found;
  }
  ReplicaStatus wait_ready(const ReplicaId& id) {
    const auto status = wait(id, [](const auto& s) { return s.state != ReplicaState::starting; });
    REQUIRE_MESSAGE(status.state == ReplicaState::ready, status.message);
    return status;
  }
  ReplicaStatus wait_exit(const ReplicaId& id,
                          std::chrono::seconds limit = std::chrono::seconds(60)) {
    return wait(id, [](const auto& s) { return s.state == ReplicaState::exited; }, limit);
  }
  std::size_t count() {
    const std::scoped_lock lock(mutex_);
    return all_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ReplicaStatus> all_;
};

/// Polls a condition that has no event, a short moment at a time.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::seconds limit = std::chrono::seconds(60)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::usleep(5000);
  }
  return true;
}

/// The pid of the shim whose directory this is, from the kernel's list of processes.
inline pid_t shim_of(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    const auto line = pid > 0 ? read_file(entry.path() / "cmdline") : Result<std::string>("");
    if (line.has_value() && line->find("berth-shim") != std::string::npos &&
        line->find(directory.string()) != std::string::npos)
      return pid;
  }
  return 0;
}

class ContainerBench {
 public:
  ContainerBench() : directory_(*TempDir::create(BERTH_BINARY_DIR, "kernel-test-")) {
    const fs::path root = path("root");
    for (const char* name : {"bin", "app", "etc"}) fs::create_directories(root / name);
    fs::copy_file(fs::path(BERTH_BINARY_DIR) / "berth-test-payload", root / "bin/payload");
    (void)write_file(root / "etc/passwd",
                     "root:x:0:0::/:/bin/payload\napp:x:1000:1000::/app:/bin/payload\n");
    fs::create_directories(path("logs"));
    ::chown(root.c_str(), 0, 0);
    (void)!::chown((root / "app").c_str(), 1000, 1000);
  }
  ~ContainerBench() {
    if (engine_) {
      for (const auto& status : engine_->list())
        (void)engine_->stop(status.spec.id, std::chrono::seconds(0));
      eventually([this] {
        for (const auto& status : engine_->list())
          if (status.state != ReplicaState::exited) return false;
        return true;
      });
      for (const auto& status : engine_->list()) engine_->remove(status.spec.id);
      if (auto gone = engine_->destroy_network(); gone.has_error()) WARN_MESSAGE(false, why(gone));
    }
  }

  static runtime::LocalOptions options_in(const fs::path& directory) {
    runtime::LocalOptions options;
    options.data_dir = directory / "data";
    options.shim = fs::path(BERTH_BINARY_DIR) / "berth-shim";
    // One set of names for this build directory: what a crashed run left is taken over and removed
    // by the next, and tests of another build directory are not in the way.
    char tag[16];
    const std::size_t hash = std::hash<std::string>{}(BERTH_BINARY_DIR);
    std::snprintf(tag, sizeof tag, "%03x", static_cast<unsigned>(hash & 0xfff));
    options.cgroup = std::string("berth-test-") + tag;
    options.oci_runtime = maker_under_test();
    options.network.bridge = std::string("berth-test") + tag;
    // The upper half: the lower one is for whole platforms.
    options.network.subnet = "198.19." + std::to_string(128 + hash % 8 * 16) + ".0/20";
    options.network.veth_prefix = std::string("b") + tag;
    options.network.table = options.cgroup;
    return options;
  }
  runtime::LocalEngine& open() { return open(options()); }
  runtime::LocalEngine& open(const runtime::LocalOptions& options) {
    engine_ = std::make_unique<runtime::LocalEngine>(options);
    return open_prepared();
  }
  /// An engine that is not open yet.
  runtime::LocalEngine& prepare() {
    engine_ = std::make_unique<runtime::LocalEngine>(options());
    return *engine_;
  }
  runtime::LocalEngine& open_prepared() {
    const auto opened = engine_->open(events.listener());
    REQUIRE_MESSAGE(opened.has_value(), why(opened));
    return *engine_;
  }
  /// As if the server had ended; replicas run on.
  void close() { engine_.reset(); }

  [[nodiscard]] runtime::LocalOptions options() const { return options_in(directory_.path()); }
  /// The host's address on the bridge.
  [[nodiscard]] std::string gateway() const {
    return runtime::ipv4_text(runtime::parse_ipv4_prefix(options().network.subnet)->address + 1);
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return directory_.path() / name; }
  [[nodiscard]] std::string log() const {
    auto text = read_file(path("logs") / "current.log");
    return text.has_error() ? std::string() : *text;
  }

  [[nodiscard]] ReplicaSpec spec(const std::string& id, std::vector<std::string> words) const {
    ReplicaSpec spec;
    spec.id = ReplicaId(id);
    spec.app_id = "app-1";
    spec.app = "demo";
    spec.process_type = "web";
    spec.name = "web.1";
    spec.root_layers = {path("root")};
    spec.argv = {"/bin/payload"};
    for (auto& word : words) spec.argv.push_back(std::move(word));
    spec.env = {{"NAME", id}, {"PATH", "/bin"}};
    spec.uid_base = 0x20000000;
    spec.limits.memory_bytes = 128ULL << 20;
    spec.log_directory = path("logs");
    return spec;
  }
  [[nodiscard]] ReplicaSpec web(const std::string& id) const {
    ReplicaSpec result = spec(id, {"serve"});
    result.port = 5000;
    return result;
  }

  /// Lines of the log that the replica of this name printed, without their prefix.
  [[nodiscard]] std::string printed(const std::string& name) const {
    std::string output;
    const std::string all = log();
    const std::string mark = " app[" + name + "]: ";
    for (auto at = all.find(mark); at != std::string::npos; at = all.find(mark, at + 1))
      output += all.substr(at + mark.size(), all.find('\n', at) - at - mark.size()) + "\n";
    return output;
  }

  Events events;

 private:
  TempDir directory_;
  std::unique_ptr<runtime::LocalEngine> engine_;
};

/// Runs the payload to its end, as root of the image or as its user; what it printed.
inline std::string run(ContainerBench& bench, runtime::LocalEngine& engine, const std::string& id,
                       std::vector<std::string> words, bool as_root = false,
                       const std::string& maker = {}) {
  auto spec = bench.spec(id, std::move(words));
  spec.oci = maker;
  spec.name = id;
  if (as_root) spec.uid = spec.gid = 0;
  const auto started = engine.start(spec);
  REQUIRE_MESSAGE(started.has_value(), why(started));
  bench.events.wait_exit(ReplicaId(id));
  return bench.printed(id);
}

}  // namespace berth::test
