// SPDX-License-Identifier: Apache-2.0
//
// Background work yields the processors and the disk to whoever serves.
#pragma once

namespace berth::server {

/// The calling thread, and the processes that it starts from now on, get what others leave.
void yield_to_replicas();

}  // namespace berth::server
