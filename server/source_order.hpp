// SPDX-License-Identifier: Apache-2.0
//
// The order that builds a commit: what the builder is asked for, read from configuration and store
// when its turn has come.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/build.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"
#include "server/build_machine.hpp"
#include "server/image_library.hpp"
#include "server/order.hpp"

namespace berth::server {

/// What outlives the order.
struct SourceParts {
  const platform::Config& config;
  platform::Store& store;
  builder::ImageStore& images;
  builder::SandboxFactory& sandboxes;
  const ImageLibrary& library;
  BuildPrograms programs;
};

struct Source {
  platform::App app;
  std::filesystem::path repository;
  std::string commit;
  std::filesystem::path quarantine;  ///< where git keeps what is being pushed, or empty
  std::filesystem::path cache;
  std::filesystem::path first_cache = {};  ///< see BuildRequest
  std::vector<std::string> notes = {};  ///< for the log's beginning
};

[[nodiscard]] Order source_order(const SourceParts& parts, Source source);

}  // namespace berth::server
