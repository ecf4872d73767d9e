// SPDX-License-Identifier: Apache-2.0
//
// The build of an app from Dockerfiles: the image of each process type that has one of its own, and
// the processes that are run of them, told in the labels of the main one.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "builder/docker_build.hpp"

namespace berth::builder {

/// The image is in the store.
[[nodiscard]] Result<DockerImage> build_dockerfiles(const BuildContext& context,
                                                    const DockerChoice& choice,
                                                    const std::vector<ProcfileEntry>& procfile,
                                                    const DockerSource& source,
                                                    DockerCache& cache);

}  // namespace berth::builder
