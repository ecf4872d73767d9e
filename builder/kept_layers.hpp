// SPDX-License-Identifier: Apache-2.0
//
// Which layers of the last build are believed: those that are as they were kept. A layer that was
// damaged on the disk is put away, unpacked again from its tar if it has one, and else made anew by
// its buildpack. Each is looked at once a build.
#pragma once

#include <map>
#include <set>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "builder/build_record.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

class KeptLayers final {
 public:
  explicit KeptLayers(ImageStore& images) : images_(images) {}
  ~KeptLayers();
  KeptLayers(const KeptLayers&) = delete;
  KeptLayers& operator=(const KeptLayers&) = delete;

  /// Walks through these beside whatever is done next; looking at them then waits for it.
  void begin(std::set<std::string> ids);

  enum class State { whole, repaired, damaged, gone };
  /// `seals` are those of the last build's record.
  [[nodiscard]] State look_at(const std::string& id,
                              const std::map<std::string, std::string>& seals);
  /// Of the layers that this record's cache keeps, for the record.
  [[nodiscard]] std::map<std::string, std::string> seals(const BuildRecord& record) const;

 private:
  struct Seen {
    State state = State::gone;
    std::string seal;
  };
  [[nodiscard]] Result<Seen> check(const std::string& id, const std::string& seal);
  /// As it is in its directory now; empty if it is not as it should be.
  [[nodiscard]] Result<std::string> valid_seal(const std::string& id, const std::string& seal);
  /// Of the directory as it is; what begin() found of it, the first time.
  [[nodiscard]] Result<std::string> seal_now(const std::string& id);

  ImageStore& images_;
  std::map<std::string, Seen> seen_;
  std::thread walk_;
  std::map<std::string, std::string> walked_;  ///< seals; of the thread until it is joined
};

}  // namespace berth::builder
