// SPDX-License-Identifier: Apache-2.0
//
// Unpacks a gzip stream piece by piece: git compresses large fetch requests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::api {

class Inflater final {
 public:
  /// More than `limit` unpacked bytes are an error: a small body must not become a huge one.
  explicit Inflater(std::uint64_t limit);
  ~Inflater();
  Inflater(Inflater&&) noexcept;

  [[nodiscard]] Result<std::string> add(std::string_view packed);
  /// An error if the stream was cut.
  [[nodiscard]] Result<void> finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::api
