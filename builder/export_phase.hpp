// SPDX-License-Identifier: Apache-2.0
//
// Export (specs/cnb.md 1.7, 1.8): what the build left becomes layers, layers become an image. A
// layer that the build did not touch is known by the empty upper directory above it and is not
// read.
#pragma once

#include "base/result.hpp"
#include "builder/build_context.hpp"
#include "builder/build_phase.hpp"
#include "builder/build_record.hpp"
#include "builder/workspace.hpp"

namespace berth::builder {

struct Exported {
  Image image;
  BuildRecord record;  ///< of the layers; its key, tree and image are the caller's
};

/// `previous`: the last image's layers, for those that only the image holds. The sandbox is closed.
[[nodiscard]] Result<Exported> export_image(const BuildContext& context, Workspace& workspace,
                                            const DetectedGroup& group, const BuildOutcome& outcome,
                                            const BuildRecord& previous);

}  // namespace berth::builder
