// SPDX-License-Identifier: Apache-2.0
//
// What every container has and does not have, as data: its fixed mounts, the paths that are hidden
// or read-only, the devices. All makers build containers from it, OCI runtimes by way of oci_config
// and the shim itself (shim/native), so that they cannot differ. Shared with the static shim.
#pragma once

#include <linux/capability.h>
#include <sys/mount.h>

namespace berth::runtime {

struct FixedMount {
  const char* target;
  const char* type;
  unsigned long flags;
  const char* data;  ///< sizes are added where they are known
};

inline constexpr unsigned long inert = MS_NOSUID | MS_NOEXEC | MS_NODEV;

/// In this order: a mount inside another's comes after it.
inline constexpr FixedMount fixed_mounts[] = {
    {"/proc", "proc", inert, ""},
    {"/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=64k"},
    {"/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
     "newinstance,ptmxmode=0666,mode=0620,gid=5,max=128"},
    {"/dev/shm", "tmpfs", inert, "mode=1777"},
    {"/dev/mqueue", "mqueue", inert, ""},
    // Possible in a user namespace because the network namespace belongs to it too: the container
    // sees its own interfaces there and not the host's.
    {"/sys", "sysfs", inert | MS_RDONLY, ""},
    {"/sys/fs/cgroup", "cgroup", inert | MS_RDONLY, ""},
};
inline constexpr FixedMount tmp_in_memory{"/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"};

inline constexpr const char* agent_program = "/dev/berth-init";

inline constexpr const char* masked_paths[] = {
    "/proc/acpi",          "/proc/asound",     "/proc/interrupts",
    "/proc/kcore",         "/proc/keys",       "/proc/latency_stats",
    "/proc/timer_list",    "/proc/timer_stats", "/proc/sched_debug",
    "/proc/scsi",          "/proc/pressure",   "/sys/firmware",
    "/sys/devices/virtual/powercap",
};
/// A masked file would take what is written to it: the last one is read-only instead.
inline constexpr const char* read_only_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/// The kernel counts these for a user, and for who made the user namespace, which is root of the
/// host, for all containers. The host's own limit is for these together.
struct CountedLimit {
  const char* path;
  const char* most;
  const char* host_path;
  unsigned long host_least;
};
inline constexpr CountedLimit counted_limits[] = {
    {"/proc/sys/user/max_inotify_instances", "128", "/proc/sys/fs/inotify/max_user_instances",
     65'536},
    {"/proc/sys/user/max_inotify_watches", "65536", "/proc/sys/fs/inotify/max_user_watches",
     8'388'608},
};
inline constexpr unsigned long pending_signals = 4096;

struct Capability {
  const char* name;
  int number;
};
/// All that any container of ours may have, over its own users and files.
inline constexpr Capability capabilities[] = {
    {"CAP_CHOWN", CAP_CHOWN},   {"CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE},
    {"CAP_FOWNER", CAP_FOWNER}, {"CAP_FSETID", CAP_FSETID},
    {"CAP_KILL", CAP_KILL},     {"CAP_SETGID", CAP_SETGID},
    {"CAP_SETUID", CAP_SETUID}, {"CAP_SETPCAP", CAP_SETPCAP},
    {"CAP_NET_BIND_SERVICE", CAP_NET_BIND_SERVICE},
};

/// No capability is left to bind port 80 with.
inline constexpr const char* unprivileged_port_sysctl = "net.ipv4.ip_unprivileged_port_start";

}  // namespace berth::runtime
