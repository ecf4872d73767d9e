// SPDX-License-Identifier: Apache-2.0
//
// The base images, as the stack recipe leaves them in a directory (run.tar, build.tar, stack.json),
// come into the image store once: a second import of the same stack reads one small file.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

struct StackImages {
  std::string id;
  Image run;
  Image build;
};

/// stack.json: {"id": "berth-12", "digest": "…", "run": {"env": {…} or ["A=b"], "labels": {…},
/// "user": "1000:1000"}, "build": {…}}. The images are tagged "stack/run" and "stack/build".
[[nodiscard]] Result<StackImages> import_stack(ImageStore& images,
                                               const std::filesystem::path& directory);

}  // namespace berth::builder
