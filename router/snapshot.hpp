// SPDX-License-Identifier: Apache-2.0
//
// The table as the request path reads it: immutable, published by pointer. Every app name has a
// slot number for the life of the router, so that a thread finds its own state of an app by index.
// Threads see every snapshot, in order, and learn from `changed` what to look at; the publisher
// waits for all of them before it makes the next one and frees the last.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "router/counters.hpp"
#include "router/table.hpp"

namespace berth::router {

using AppSlot = std::uint32_t;

class HostMap final {
 public:
  void add(const std::string& host, AppSlot slot);
  /// Exact, then "*." of the parent; `host` as clients send it, with port and in any case.
  [[nodiscard]] std::optional<AppSlot> find(std::string_view host) const;
  [[nodiscard]] std::size_t size() const { return exact_.size() + wildcard_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Map = std::unordered_map<std::string, AppSlot, Hash, std::equal_to<>>;
  Map exact_;
  Map wildcard_;  ///< by the parent: "*.shop.example" under "shop.example"
};

struct Snapshot {
  struct Entry {
    std::shared_ptr<const App> app;  ///< null: no such app (any more)
    AppRuntime* runtime = nullptr;
  };
  std::uint64_t version = 0;
  std::shared_ptr<const HostMap> hosts = std::make_shared<HostMap>();
  std::vector<Entry> apps;       ///< by slot
  std::vector<AppSlot> changed;  ///< slots that differ from the snapshot before
};

/// What a batch of messages touched.
struct Changes {
  bool all = false;
  bool hosts = false;
  std::set<std::string> apps;
  [[nodiscard]] bool empty() const { return !all && !hosts && apps.empty(); }
  void note(const Message& message);
};

class SnapshotBuilder final {
 public:
  explicit SnapshotBuilder(std::size_t threads) : threads_(threads) {}
  /// The next snapshot; shares with the last what did not change.
  [[nodiscard]] std::unique_ptr<const Snapshot> build(const Table& table, const Changes& changes);
  /// Every app that ever was in a table, by slot.
  [[nodiscard]] const std::vector<std::unique_ptr<AppRuntime>>& runtimes() const {
    return runtimes_;
  }

 private:
  AppSlot slot_of(const std::string& name);
  void update(AppSlot slot, const App* app, std::vector<AppSlot>& changed);

  std::size_t threads_;
  std::map<std::string, AppSlot, std::less<>> slots_;
  std::vector<std::unique_ptr<AppRuntime>> runtimes_;
  std::vector<std::shared_ptr<const App>> apps_;
  std::shared_ptr<const HostMap> hosts_ = std::make_shared<HostMap>();
};

}  // namespace berth::router
