#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU time of server and router when nothing happens: with no app, and with one idle replica.
Memory is the proportional set size, so that what both share is counted once. Ratios are against the
promise of 30 MB for both, and against one thousandth of a core."""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from platform_of_bench import ROOT, Platform, complain, get, missing, wait_until  # noqa: E402
from rows import Rows  # noqa: E402

PROMISED_MB = 30
PROMISED_MILLI_CPU = 1


def memory_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1000


def cpu_seconds(pid):
    """User and system time of all threads, to the nanosecond (schedstat)."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def measure(rows, processes, state, seconds):
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    time.sleep(seconds)
    cpu = {name: (cpu_seconds(pid) - before[name]) / seconds * 1000 for name, pid in processes.items()}
    memory = {name: memory_mb(pid) for name, pid in processes.items()}
    for name in processes:
        rows.add(f"{name}, {state}: memory", memory[name], "MB")
        rows.add(f"{name}, {state}: CPU", cpu[name], "milli-core")
    rows.add(f"both, {state}: memory", sum(memory.values()), "MB", sum(memory.values()) / PROMISED_MB, 1.0)
    rows.add(f"both, {state}: CPU", sum(cpu.values()), "milli-core",
             sum(cpu.values()) / PROMISED_MILLI_CPU, 1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    if why := missing(options.build):
        return complain("idle", why)
    rows = Rows("idle", options.json)
    with Platform(options.build) as platform:
        measure(rows, platform.processes(), "no app", options.seconds)
        platform.deploy("static-site", "bench")
        wait_until(lambda: get(platform.router_port, "bench.localhost")[0] == 200, 30, "the app")
        measure(rows, platform.processes(), "one app", options.seconds)
    rows.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
