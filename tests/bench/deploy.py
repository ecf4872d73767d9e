# SPDX-License-Identifier: Apache-2.0
"""From `git push` to the first answer of the new version, for apps of several languages.

The floor of a case is what nobody can save, measured in the same round: a plain `git push` of the same
commit to a bare repository beside it, plus the start of the same process up to its first answer.
The ratio is against that floor; the bar is 2 s (1 s for a static site and for no change) in the same
terms."""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from platform_under_test import Platform, free_port, wait_for  # noqa: E402
from rows import Rows  # noqa: E402

ROUNDS = 5


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
            return response.read().decode()
    except OSError:
        return None


def plain_push(platform, path, bare):
    """Seconds that git itself takes for this commit."""
    begun = time.monotonic()
    platform.run("git", "push", "--quiet", str(bare), "HEAD:main", cwd=path)
    return time.monotonic() - begun


def lower_directories(platform, app):
    """Of the image that serves, top first."""
    blobs = platform.root / "data/images/blobs/sha256"
    digest = json.loads(platform.berth("releases", "-a", app, "--json"))[0]["image"]
    manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
    names = [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
    return [str(platform.root / "data/layers" / name) for name in reversed(names)]


def process_start(platform, app):
    """Seconds from the start of the app's web process to its first answer, in a plain chroot of the
    same image: no container, no router, no scheduler."""
    port = free_port()
    scratch = platform.root / f"floor-{port}"
    for name in ("upper", "work", "root"):
        (scratch / name).mkdir(parents=True)
    overlay = (f"lowerdir={':'.join(lower_directories(platform, app))},"
               f"upperdir={scratch}/upper,workdir={scratch}/work")
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, __file__,
               "--in-chroot", overlay, str(scratch / "root"), str(port)]
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        wait_for(lambda: answers(port) is not None, 20, f"start of {app} in a chroot")
        return time.monotonic() - begun
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def in_chroot(overlay, root, port):
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", overlay, root], check=True)
    subprocess.run(["mount", "--rbind", "/dev", f"{root}/dev"], check=True)
    os.chroot(root)
    os.chdir("/app")
    path = "/cnb/process:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.execve("/cnb/process/web", ["/cnb/process/web"],
              {"PATH": path, "PORT": port, "HOME": "/app", "CNB_LAYERS_DIR": "/layers",
               "CNB_APP_DIR": "/app"})


class Case:
    def __init__(self, sample, marker_file, marker, bar):
        self.sample, self.marker_file, self.marker, self.bar = sample, marker_file, marker, bar


CASES = [
    Case("express-200", "server.js", lambda text, n: text.replace("('version one')", f"('{n}')"), 2.0),
    Case("flask", "app.py", lambda text, n: text.replace("Hello", f"Hello {n}"), 2.0),
    Case("static-site", "index.html", lambda text, n: f"<!-- {n} -->\n" + text, 1.0),
]


def measure(platform, case, rows, rounds):
    path = platform.repository(case.sample)
    app = case.sample
    bare = platform.root / f"{app}-bare.git"
    platform.run("git", "init", "--quiet", "--bare", str(bare))
    platform.berth("create", app, cwd=path)
    begun = time.monotonic()
    platform.run("git", "push", "berth", "HEAD:main", cwd=path)
    rows.add(f"{case.sample}: first build", time.monotonic() - begun, "s")
    plain_push(platform, path, bare)
    original = (path / case.marker_file).read_text()
    whole, floors = [], []
    for n in range(1, rounds + 1):
        changed = case.marker(original, f"change-{n}")
        if changed == original:
            raise RuntimeError(f"{case.marker_file} has nothing to change")
        (path / case.marker_file).write_text(changed)
        platform.commit(path, f"change {n}")
        pushed = plain_push(platform, path, bare)
        begun = time.monotonic()
        push = subprocess.Popen(["git", "push", "berth", "HEAD:main"], cwd=path,
                                env=platform.environment(), stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        wait_for(lambda n=n: f"change-{n}" in (platform.get(app) or "").lower(), 60, "the new version")
        whole.append(time.monotonic() - begun)
        if push.wait() != 0:
            raise RuntimeError("the push failed")
        floors.append(pushed + process_start(platform, app))
    seconds = statistics.median(whole)
    rows.add(f"{case.sample}: one-line change to its first answer", seconds, "s",
             ratio=seconds / statistics.median(floors), bar=case.bar / statistics.median(floors))
    rows.add(f"{case.sample}: … of it not git and the app's own start",
             seconds - statistics.median(floors), "s")
    rows.add(f"{case.sample}: floor, plain git push and process start", statistics.median(floors), "s")
    return path, app


def empty_commit(platform, path, app, rows, rounds):
    times = []
    for n in range(rounds):
        platform.commit(path, f"empty {n}")
        begun = time.monotonic()
        platform.run("git", "push", "berth", "HEAD:main", cwd=path)
        times.append(time.monotonic() - begun)
    seconds = statistics.median(times)
    rows.add(f"{app}: empty commit, push to released", seconds, "s", ratio=seconds / 1.0, bar=1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--in-chroot", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_chroot:
        in_chroot(*options.in_chroot)
    rows = Rows("deploy", options.json)
    with Platform() as platform:
        for case in CASES:
            path, app = measure(platform, case, rows, options.rounds)
        empty_commit(platform, path, app, rows, options.rounds)
    rows.finish()


if __name__ == "__main__":
    main()
