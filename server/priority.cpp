// SPDX-License-Identifier: Apache-2.0
#include "server/priority.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::server {

void yield_to_replicas() {
  constexpr int nice = 10;
  constexpr int who_thread = 1;  // ioprio_set(2), which has no declaration
  constexpr int best_effort_last = 2 << 13 | 7;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice);
  ::syscall(SYS_ioprio_set, who_thread, 0, best_effort_last);
}

}  // namespace berth::server
