# SPDX-License-Identifier: Apache-2.0
"""What the platform takes while nobody asks anything: memory and CPU of server and router, with one app
deployed and awake. Memory is PSS, which counts a page that both share half to each; the bar is 30 MB and
0.1 % of a core for the two together."""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from platform_under_test import Platform  # noqa: E402
from rows import Rows  # noqa: E402

SECONDS = 20


def memory_bytes(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {name} for process {pid}")


def cpu_seconds(pid):
    """Of all threads, in nanoseconds' resolution."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = Rows("idle", options.json)
    with Platform() as platform:
        path = platform.repository("static-site")
        platform.berth("create", "idle", cwd=path)
        platform.run("git", "push", "berth", "HEAD:main", cwd=path)
        pids = {"server": platform.server.pid, "router": platform.router_pid()}
        time.sleep(5)  # the work of the deploy ends
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        begun = time.monotonic()
        time.sleep(SECONDS)
        seconds = time.monotonic() - begun
        share = {name: (cpu_seconds(pid) - before[name]) / seconds for name, pid in pids.items()}
        for name, pid in pids.items():
            rows.add(f"{name}: memory (PSS)", memory_bytes(pid, "Pss") / 1e6, "MB")
            rows.add(f"{name}: memory (RSS, shared libraries counted whole)",
                     memory_bytes(pid, "Rss") / 1e6, "MB")
            rows.add(f"{name}: CPU", share[name] * 100, "% core")
        total = sum(memory_bytes(pid, "Pss") for pid in pids.values()) / 1e6
        rows.add("both: memory (PSS)", total, "MB", ratio=total / 30, bar=1.0)
        rows.add("both: CPU", sum(share.values()) * 100, "% core",
                 ratio=sum(share.values()) / 0.001, bar=1.0)
    rows.finish()


if __name__ == "__main__":
    main()
