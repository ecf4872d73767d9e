// SPDX-License-Identifier: Apache-2.0
//
// Rebase (specs/cnb.md 1.8): the run base below an image is swapped for another of its kind without
// building anything; the layers above stay, with their digests. Pure.
#pragma once

#include "base/result.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

/// The image's layers from above its run base on the run image's, its labels telling so. The same
/// base gives an equal image. Refused: an image that no lifecycle made or that forbids it, another
/// distribution below.
[[nodiscard]] Result<Image> rebase(Image image, const Image& run, const std::string& run_name);

}  // namespace berth::builder
