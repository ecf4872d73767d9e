#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From `git push` of a one-line change in the Express sample to the first response of the new version,
while requests go on. Beside it, in the same rounds, the floor: `git push` to a bare repository on this
machine and the start of the same app as a plain process, to its first response."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from platform_of_bench import ROOT, Platform, complain, free_port, get, missing, wait_until  # noqa: E402
from rows import Rows  # noqa: E402

GREETING = "Hello from Express"


class Requests(threading.Thread):
    """One request after the other to the app; keeps count of failures, and says when a text is seen."""

    def __init__(self, port, host):
        super().__init__(daemon=True)
        self.port, self.host = port, host
        self.sent = self.failed = 0
        self.wanted = None
        self.seen_at = None
        self.seen = threading.Event()
        self.ending = False

    def look_for(self, text):
        self.seen.clear()
        self.wanted = text

    def run(self):
        while not self.ending:
            status, body = get(self.port, self.host)
            self.sent += 1
            self.failed += status != 200
            if self.wanted and self.wanted in body:
                self.seen_at, self.wanted = time.monotonic(), None
                self.seen.set()
            time.sleep(0.005)


def change(directory, marker):
    path = os.path.join(directory, "server.js")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before = text[text.index(GREETING):].split(",")[0]
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(before, f"{GREETING} {marker}"))


def push_to_platform(platform, directory, requests, marker):
    change(directory, marker)
    platform.commit(directory, marker)
    requests.look_for(marker)
    begin = time.monotonic()
    platform.git(directory, "push", "berth", "main")
    pushed = time.monotonic()
    if not requests.seen.wait(60):
        raise RuntimeError("the new version does not answer")
    return requests.seen_at - begin, pushed - begin


def push_and_start(platform, directory, bare, modules, marker):
    """The floor: what git and the app's own start take."""
    begin = time.monotonic()
    platform.git(directory, "push", "--quiet", bare, "main")
    port = free_port()
    checkout = os.path.join(platform.directory, "checkout")
    shutil.rmtree(checkout, ignore_errors=True)
    platform.git("/", "clone", "--quiet", bare, checkout)
    os.symlink(modules, os.path.join(checkout, "node_modules"))
    process = subprocess.Popen(["node", "server.js"], cwd=checkout, stdout=subprocess.DEVNULL,
                               env=dict(platform.environment, PORT=str(port)))
    try:
        wait_until(lambda: marker in get(port, "localhost")[1], 30, "the plain process")
        return time.monotonic() - begin
    finally:
        process.kill()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if why := missing(options.build):
        return complain("deploy", why)
    rows = Rows("deploy", options.json)
    with Platform(options.build) as platform:
        begin = time.monotonic()
        directory = platform.deploy("express", "bench")
        first = time.monotonic() - begin
        modules = os.path.join(platform.directory, "modules")
        shutil.copytree(directory, modules)
        platform.checked(["npm", "ci", "--no-audit", "--no-fund", "--silent"], modules)
        modules = os.path.join(modules, "node_modules")
        bare = os.path.join(platform.directory, "bare.git")
        platform.git("/", "init", "--quiet", "--bare", "--initial-branch=main", bare)
        requests = Requests(platform.router_port, "bench.localhost")
        requests.start()
        live, pushes, floors = [], [], []
        for number in range(options.rounds):
            marker = f"v{number}"
            answered, pushed = push_to_platform(platform, directory, requests, marker)
            live.append(answered)
            pushes.append(pushed)
            floors.append(push_and_start(platform, directory, bare, modules, marker))
        requests.ending = True
        requests.join()
    floor = statistics.median(floors)
    rows.add("floor: git push and process start", floor * 1000, "ms")
    rows.add("one-line change to first response", statistics.median(live) * 1000, "ms",
             statistics.median(live) / floor, 3.0)
    rows.add("one-line change, git push returns", statistics.median(pushes) * 1000, "ms",
             statistics.median(pushes) / floor)
    rows.add("first deploy, packages from the network", first * 1000, "ms", first / floor)
    rows.add(f"requests failed of {requests.sent} during the deploys", requests.failed, "requests")
    rows.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
