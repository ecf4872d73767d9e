# SPDX-License-Identifier: Apache-2.0
"""Starts and stops of replicas on the local engine, with every isolation on. The floor of a start is
`crun run` with the same configuration, without network and writable layer; medians of one run."""
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
    done = subprocess.run([BUILD / "bench_runtime"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    ms = {}
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            name, value = line.removeprefix("RESULT ").split("\t")
            ms[name] = float(value)
    rows = Rows("runtime", options.json)
    rows.add("from request to its first instruction", ms["first instruction"], "ms",
             ratio=ms["first instruction"] / ms["crun run"], bar=0.75)
    rows.add("the same, where a container prepared ahead may take 20 ms", ms["first instruction"], "ms",
             ratio=ms["first instruction"] / 20, bar=1.0)
    rows.add("the same of crun run", ms["crun run"], "ms")
    rows.add("from request to ready (it listens)", ms["ready"], "ms")
    rows.add("from the freezer to an answer by HTTP", ms["thawed"], "ms", ratio=ms["thawed"] / 10, bar=1.0)
    rows.add("from stop to its end seen", ms["stopped"], "ms", ratio=ms["stopped"] / 50, bar=1.0)
    rows.add("50 at once until all are ready", ms["fifty ready"] / 1e3, "s", ratio=ms["fifty ready"] / 3e3,
             bar=1.0)
    rows.finish()


if __name__ == "__main__":
    main()
