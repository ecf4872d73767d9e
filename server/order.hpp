// SPDX-License-Identifier: Apache-2.0
//
// What is deployed, and how its image is come by, as a value: a commit is built, an image that was
// made elsewhere is taken. The deployer runs it on the pool and makes the release of what comes.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "builder/build.hpp"
#include "platform/model.hpp"
#include "server/image_library.hpp"
#include "server/uploads.hpp"

namespace berth::server {

struct Order {
  /// Blocking. The log goes to the sink; the flag ends it.
  using Make = std::function<Result<builder::BuiltImage>(
      const platform::BuildId&, const builder::OutputSink&, const std::atomic<bool>&)>;

  std::string what;    ///< "1a2b3c4", "nginx:1": behind the word "Deploy"
  std::string commit;  ///< or empty
  /// On the strand, when its turn has come: what is configured and serves then counts.
  std::function<Make()> prepare;
};

/// An image from an upload, or by its name. What is passed by reference outlives the order.
[[nodiscard]] Order image_order(builder::ImageStore& images, const ImageLibrary& library,
                                const Uploads& uploads, const std::string& upload,
                                const std::string& reference);

/// This image on the present run base; nothing if it is on it already. Blocking.
[[nodiscard]] Result<std::optional<builder::Image>> rebased(builder::ImageStore& images,
                                                            const std::string& digest);

}  // namespace berth::server
