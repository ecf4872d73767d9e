# SPDX-License-Identifier: Apache-2.0
"""Many idle replicas of three small Python apps on one machine: how long until all are ready, what a replica takes
beside its own process, what server and router take while nothing happens, and how long `berth ps` takes.
Memory is PSS. Bars: server and router together 0.5 % of a core, `berth ps` 50 ms."""
import argparse
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from idle import cpu_seconds, memory_bytes  # noqa: E402
from platform_under_test import Platform, wait_for  # noqa: E402
from rows import Rows  # noqa: E402

APPS = ("crowd-1", "crowd-2", "crowd-3")
SECONDS = 20
LISTS = 9
PROGRAM = """\
import http.server, os


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")


http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Page).serve_forever()
"""


def deploy(platform, app):
    platform.deploy_python(app, PROGRAM)
    platform.berth("ps:type", "web=64m/0.1cpu", "-a", app)
    wait_for(lambda: ready(platform, app) == 1, 60, "the first replica")


def ready(platform, app):
    return sum(entry["state"] == "up" for entry in json.loads(platform.berth("ps", "-a", app, "--json")))


def processes(directory):
    """(pid, its words) of those whose environment or arguments name the platform's directory, or that run in
    a namespace below such a process."""
    children, words = {}, {}
    for at in pathlib.Path("/proc").iterdir():
        if not at.name.isdigit():
            continue
        try:
            pid = int(at.name)
            words[pid] = (at / "cmdline").read_bytes().decode(errors="replace").split("\0")
            children.setdefault(int((at / "stat").read_text().rpartition(")")[2].split()[1]), []).append(pid)
        except OSError:
            pass
    shims = [pid for pid, argv in words.items() if "berth-shim" in argv[0] and str(directory) in " ".join(argv)]
    below = []
    for shim in shims:
        queue = list(children.get(shim, []))
        while queue:
            below.append(queue.pop())
            queue += children.get(below[-1], [])
    return shims, [pid for pid in below if "python3" not in words[pid][0]]


def measure(platform, rows, count):
    for app in APPS:
        deploy(platform, app)
    begun = time.monotonic()
    for app in APPS:
        platform.berth("ps:scale", f"web={count // len(APPS)}", "-a", app)
    wait_for(lambda: sum(ready(platform, app) for app in APPS) == count, 600, f"{count} replicas")
    rows.add(f"{count} replicas: until all are ready", time.monotonic() - begun, "s")
    for app in APPS:
        assert platform.get(app) == "here"
    time.sleep(5)  # the work of the starts ends

    shims, agents = processes(platform.root)
    assert len(shims) == count, len(shims)
    rows.add("a replica's shim and agent: memory", sum(memory_bytes(pid, "Pss") for pid in shims + agents) /
             count / 1e6, "MB", ratio=sum(memory_bytes(pid, "Rss") for pid in shims) / count / 2e6, bar=1.0)
    pids = [platform.server.pid, platform.router_pid()]
    rows.add("server and router: memory", sum(memory_bytes(pid, "Pss") for pid in pids) / 1e6, "MB")
    before, begun = sum(map(cpu_seconds, pids)), time.monotonic()
    time.sleep(SECONDS)
    share = (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - begun)
    rows.add("server and router: CPU", share * 100, "% core", ratio=share / 0.005, bar=1.0)
    lists = []
    for _ in range(LISTS):
        begun = time.monotonic()
        platform.berth("ps", "-a", APPS[0])
        lists.append(time.monotonic() - begun)
    median = statistics.median(lists)
    rows.add("berth ps", median * 1e3, "ms", ratio=median / 0.05, bar=1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--replicas", type=int, default=300)
    options = parser.parse_args()
    rows = Rows("density", options.json)
    with Platform(networks=2) as platform:
        measure(platform, rows, options.replicas)
    rows.finish()


if __name__ == "__main__":
    main()
