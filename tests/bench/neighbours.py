# SPDX-License-Identifier: Apache-2.0
"""What a heavy build does to an app that serves beside it: the latency of steady requests while
a build keeps all processors and the disk busy, against the latency in the same run without one."""
import argparse
import http.client
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from platform_under_test import Platform, wait_for  # noqa: E402
from rows import Rows  # noqa: E402

SECONDS = 15
CLIENTS = 4
PER_CLIENT = 25  # requests a second
BAR = 3.0

HEAVY_BUILD = """
// Four processes that compute and write until the time is up.
const { fork } = require('child_process');
const { createHash } = require('crypto');
const fs = require('fs');
const end = Date.now() + %d * 1000;
if (process.argv[2] === 'work') {
  const block = Buffer.alloc(1 << 20, 7);
  for (let i = 0; Date.now() < end; i++) {
    for (let n = 0; n < 40; n++) createHash('sha256').update(block).digest();
    const file = fs.openSync(`scratch-${process.pid}-${i %% 20}`, 'w');
    fs.writeSync(file, block);
    fs.fsyncSync(file);
    fs.closeSync(file);
  }
  for (let i = 0; i < 20; i++) fs.rmSync(`scratch-${process.pid}-${i}`, { force: true });
} else {
  console.log('heavy work begins');
  for (let i = 0; i < 4; i++) fork(__filename, ['work']);
}
"""


def client(port, seconds, latencies, failures):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    begun = time.monotonic()
    for n in range(int(seconds * PER_CLIENT)):
        due = begun + n / PER_CLIENT
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            connection.request("GET", "/", headers={"Host": "steady.localhost"})
            response = connection.getresponse()
            response.read()
            ok = response.status == 200
        except OSError:
            connection.close()
            ok = False
        # From when it was due: a client that was held up does not hide what it waited for.
        (latencies if ok else failures).append(time.monotonic() - due)


def measure(platform, seconds):
    latencies, failures = [], []
    threads = [threading.Thread(target=client, args=(platform.router_port, seconds, latencies, failures))
               for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies.sort()
    return latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)], len(failures)


def push(platform, path):
    return subprocess.Popen(["git", "push", "berth", "HEAD:main"], cwd=path, env=platform.environment(),
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.nice(-10)  # the clients are not what is measured
    rows = Rows("neighbours", options.json)
    with Platform() as platform:
        path = platform.repository("static-site")
        platform.berth("create", "steady", cwd=path)
        platform.run("git", "push", "berth", "HEAD:main", cwd=path)
        heavy = platform.repository("slow-build")
        (heavy / "build.js").write_text("console.log('nothing yet');\n")
        platform.commit(heavy, "light")
        platform.berth("create", "heavy", cwd=heavy)
        platform.run("git", "push", "berth", "HEAD:main", cwd=heavy)  # Node.js is installed by now
        median, p99, failed = measure(platform, SECONDS)
        rows.add("alone: median", median * 1000, "ms")
        rows.add("alone: p99", p99 * 1000, "ms")
        (heavy / "build.js").write_text(HEAVY_BUILD % (SECONDS + 15))
        platform.commit(heavy, "heavy")
        pushing = push(platform, heavy)
        wait_for(lambda: busy(platform), 60, "the heavy build")
        loaded_median, loaded_p99, loaded_failed = measure(platform, SECONDS)
        still_building = pushing.poll() is None
        rows.add("beside a build: median", loaded_median * 1000, "ms", ratio=loaded_median / median)
        rows.add("beside a build: p99", loaded_p99 * 1000, "ms", ratio=loaded_p99 / p99, bar=BAR)
        rows.add("failed requests", failed + loaded_failed, "requests")
        if not still_building:
            raise RuntimeError("the build ended before the measurement did")
        pushing.wait()
    rows.finish()


def busy(platform):
    """The build's own output says that its work has begun."""
    logs = platform.root / "data/logs/builds"
    return any("heavy work begins" in log.read_text(errors="replace") for log in logs.glob("*.log"))


if __name__ == "__main__":
    main()
