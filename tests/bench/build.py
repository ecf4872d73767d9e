# SPDX-License-Identifier: Apache-2.0
"""What the builder adds to the work that nobody can save.

Floors, measured in the same run: the package manager alone in a chroot of the build image, with the
caches that the build had; `tar c | sha256sum` of a layer's files. Bars: a first build takes 3 s more than
the package manager, a changed lockfile 1.5 s, an export 1.3 times the tar."""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from chroot import PATH, Chroot, layers_of_build  # noqa: E402
from platform_under_test import BUILD, Platform, wait_for  # noqa: E402
from rows import Rows  # noqa: E402

SAMPLE = "express-200"
DEPENDENCY, VERSIONS = "lodash", ("4.17.20", "4.17.21")
FILES, FILE_BYTES = 20_000, 10_000


class Npm:
    """npm ci of the app's lockfile in the build image."""

    def __init__(self, platform, app, warm):
        self.chroot = Chroot(platform.root, layers_of_build(platform, app))
        self.runtimes = runtime_paths(platform)
        self.cache = "/layers/berth_nodejs/npm-cache" if warm else "/tmp/cold"
        (self.chroot.root / "upper/work").mkdir()

    def install(self, path):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(path / name, self.chroot.root / "upper/work")
        begun = time.monotonic()
        self.chroot.run(
            ["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--no-progress"],
            {"PATH": ":".join([*self.runtimes, PATH]),
             "HOME": "/tmp", "npm_config_cache": self.cache,
             **{name: value for name, value in os.environ.items() if "proxy" in name.lower()},
             "NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt"}, "/work")
        return time.monotonic() - begun


def runtime_paths(platform):
    return sorted(f"/layers/berth_nodejs/{at.stem.partition('.')[2]}/bin"
                  for at in (platform.root / "data/runtimes").iterdir())


def push(platform, path):
    begun = time.monotonic()
    platform.run("git", "push", "berth", "HEAD:main", cwd=path)
    return time.monotonic() - begun


def require_version(platform, path, version):
    """A lockfile that differs in one package."""
    platform.run("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit",
                 f"{DEPENDENCY}@{version}", cwd=path)
    platform.commit(path, f"{DEPENDENCY} {version}")


def against_npm(rows, name, seconds, floor, allowance):
    rows.add(f"{SAMPLE}: {name}", seconds, "s", ratio=seconds / floor, bar=(floor + allowance) / floor)
    rows.add(f"{SAMPLE}: {name}, npm alone", floor, "s")


def builds(platform, rows, rounds):
    path = platform.repository(SAMPLE)

    def first_build(n):  # each app begins with nothing
        platform.berth("create", f"{SAMPLE}-{n}", "--remote", f"first-{n}", cwd=path)
        begun = time.monotonic()
        platform.run("git", "push", f"first-{n}", "HEAD:main", cwd=path)
        return time.monotonic() - begun

    app = f"{SAMPLE}-0"
    very_first = first_build(0)
    # Meanwhile, as it does after an app that wants another Node.js, the platform makes one for all.
    runtimes = platform.root / "data/runtimes"
    wait_for(lambda: runtimes.is_dir() and len(list(runtimes.glob("*.json"))) >= 2, 120, "a Node.js for all")
    firsts, colds = [], []
    for n in range(1, rounds + 1):
        firsts.append(first_build(n))
        colds.append(Npm(platform, app, warm=False).install(path))
    cold = statistics.median(colds)
    against_npm(rows, "first build", statistics.median(firsts), cold, 3.0)
    rows.add(f"{SAMPLE}: first build of a platform that has no Node.js yet", very_first, "s",
             ratio=very_first / cold)

    platform.run("git", "remote", "rename", "first-0", "berth", cwd=path)
    changed, alone = [], []
    for n in range(rounds):
        require_version(platform, path, VERSIONS[n % 2])
        changed.append(push(platform, path))
        alone.append(Npm(platform, app, warm=True).install(path))
    against_npm(rows, "one package of the lockfile changed", statistics.median(changed),
                statistics.median(alone), 1.5)
    return path, app


def no_change(platform, rows, path, app):
    def image():
        return json.loads(platform.berth("releases", "-a", app, "--json"))[0]["image"]

    def layers():
        return set(os.listdir(platform.root / "data/layers"))

    before, layers_before = image(), layers()
    platform.commit(path, "nothing changed")
    push(platform, path)
    rows.add(f"{SAMPLE}: no change, layers written", len(layers() - layers_before), "layers",
             ratio=float(len(layers() - layers_before)), bar=0.0)
    rows.add(f"{SAMPLE}: no change, another image", int(image() != before), "images",
             ratio=float(image() != before), bar=0.0)


def export(platform, rows, rounds):
    tree = platform.root / "tree"
    content = random.Random(1)
    for n in range(FILES):
        directory = tree / f"d{n % 200}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"f{n}").write_bytes(content.randbytes(FILE_BYTES))
    ours, floors = [], []
    for _ in range(rounds):
        begun = time.monotonic()
        tar = subprocess.Popen(["tar", "c", "-C", tree, "."], stdout=subprocess.PIPE)
        subprocess.run(["sha256sum"], stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)
        tar.wait()
        floors.append(time.monotonic() - begun)
        ours.append(float(subprocess.run([BUILD / "bench_export", tree, "1"], check=True,
                                         capture_output=True, text=True).stdout))
    seconds, floor = statistics.median(ours), statistics.median(floors)
    rows.add("export of a layer of 200 MB in 20,000 files", seconds, "s", ratio=seconds / floor, bar=1.3)
    rows.add("tar c | sha256sum of it", floor, "s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = Rows("build", options.json)
    with Platform() as platform:
        path, app = builds(platform, rows, min(options.rounds, 3))
        no_change(platform, rows, path, app)
        export(platform, rows, options.rounds)
    rows.finish()


if __name__ == "__main__":
    main()
