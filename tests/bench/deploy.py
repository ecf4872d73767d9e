# SPDX-License-Identifier: Apache-2.0
"""From `git push` to the first answer of the new version, for apps of several languages.

The floor of a case is what nobody can save, measured in the same round: a plain `git push` of the same
commit to a bare repository beside it, plus the start of the same process up to its first answer, plus
the compiler alone for a compiled language. The ratio is against that floor; the bar is 2 s (1 s for a
static site and for no change, 1.5 s and the compiler's time for Go) in the same terms."""
import argparse
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from chroot import PATH, Chroot, end, layers_of_app, layers_of_build  # noqa: E402
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


def process_start(platform, app):
    """Seconds from the start of the app's web process to its first answer, in a plain chroot of the
    same image."""
    port = free_port()
    chroot = Chroot(platform.root, layers_of_app(platform, app))
    begun = time.monotonic()
    process = chroot.spawn(["/cnb/process/web"],
                           {"PATH": f"/cnb/process:{PATH}", "PORT": str(port), "HOME": "/app",
                            "CNB_LAYERS_DIR": "/layers", "CNB_APP_DIR": "/app"})
    try:
        wait_for(lambda: answers(port) is not None, 20, f"start of {app} in a chroot")
        return time.monotonic() - begun
    finally:
        end(process)


class GoCompiler:
    """go install of a change, with the toolchain and the caches that the change's build will have."""

    def __init__(self, platform, app, path):
        self.chroot = Chroot(platform.root, layers_of_build(platform, app))
        self.path, self.app = path, self.chroot.root / "upper/app"
        self.app.mkdir()
        self.compile()  # what the caches hold; the change then finds them warm

    def compile(self):
        """Seconds."""
        for name in ("go.mod", "go.sum", "main.go"):
            shutil.copy(self.path / name, self.app)
        layers = "/layers/berth_go"
        begun = time.monotonic()
        self.chroot.run([f"{layers}/go/go/bin/go", "install", "-tags", "heroku", "-ldflags", "-s -w", "."],
                        {"PATH": PATH, "HOME": "/tmp", "GOROOT": f"{layers}/go/go", "GOBIN": "/tmp/bin",
                         "GOMODCACHE": f"{layers}/modules", "GOCACHE": f"{layers}/cache",
                         "GOFLAGS": "-trimpath -buildvcs=false -modcacherw", "CGO_ENABLED": "0"})
        return time.monotonic() - begun


class Case:
    def __init__(self, sample, marker_file, marker, bar, compiler=None):
        self.sample, self.marker_file, self.marker, self.bar = sample, marker_file, marker, bar
        self.compiler = compiler


CASES = [
    Case("express-200", "server.js", lambda text, n: text.replace("('version one')", f"('{n}')"), 2.0),
    Case("flask", "app.py", lambda text, n: text.replace("Hello", f"Hello {n}"), 2.0),
    Case("go-module", "main.go", lambda text, n: text.replace("Hello", f"Hello {n}"), 1.5, GoCompiler),
    Case("static-site", "index.html", lambda text, n: f"<!-- {n} -->\n" + text, 1.0),
]


def measure(platform, case, rows, rounds):
    path = platform.repository(case.sample)
    app = case.sample
    bare = platform.root / f"{app}-bare.git"
    platform.run("git", "init", "--quiet", "--bare", str(bare))
    platform.berth("create", app, cwd=path)
    platform.run("git", "push", "berth", "HEAD:main", cwd=path)
    plain_push(platform, path, bare)
    original = (path / case.marker_file).read_text()
    whole, floors, compiles = [], [], []
    for n in range(1, rounds + 1):
        changed = case.marker(original, f"change-{n}")
        if changed == original:
            raise RuntimeError(f"{case.marker_file} has nothing to change")
        compiler = case.compiler(platform, app, path) if case.compiler else None
        (path / case.marker_file).write_text(changed)
        compiles.append(compiler.compile() if compiler else 0)
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
    seconds, compiling = statistics.median(whole), statistics.median(compiles)
    floor = statistics.median(floors) + compiling
    what = "git and the app's own start"
    if case.compiler:
        what = "git, the compiler and the app's own start"
        rows.add(f"{case.sample}: the compiler alone", compiling, "s")
    rows.add(f"{case.sample}: one-line change to its first answer", seconds, "s",
             ratio=seconds / floor, bar=(case.bar + compiling) / floor)
    rows.add(f"{case.sample}: … of it not {what}", seconds - floor, "s")
    rows.add(f"{case.sample}: floor, {what}", floor, "s")
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
    options = parser.parse_args()
    rows = Rows("deploy", options.json)
    with Platform() as platform:
        for case in CASES:
            path, app = measure(platform, case, rows, options.rounds)
        empty_commit(platform, path, app, rows, options.rounds)
    rows.finish()


if __name__ == "__main__":
    main()
