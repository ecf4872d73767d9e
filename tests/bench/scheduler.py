# SPDX-License-Identifier: Apache-2.0
"""The scheduler's decisions alone, for 2,000 apps of five replicas with a hundred changes a second of simulated
time: deploys, other quantities, crashes."""
import argparse
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from platform_under_test import BUILD  # noqa: E402
from rows import Rows  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    done = subprocess.run([BUILD / "bench_scheduler"], capture_output=True, text=True, check=True)
    seen = dict(line.removeprefix("RESULT ").split("\t") for line in done.stdout.splitlines())
    seen = {name: float(value) for name, value in seen.items()}
    rows = Rows("scheduler", options.json)
    rows.add("an app that has changed: median", seen["one app median"] * 1e3, "us")
    rows.add("an app that has changed: p99", seen["one app p99"], "ms", ratio=seen["one app p99"] / 5, bar=1.0)
    rows.add("2,000 apps anew", seen["all apps"], "ms", ratio=seen["all apps"] / 100, bar=1.0)
    rows.add("memory of the process", seen["bytes"] / 1e6, "MB", ratio=seen["bytes"] / 200e6, bar=1.0)
    rows.finish()


if __name__ == "__main__":
    main()
