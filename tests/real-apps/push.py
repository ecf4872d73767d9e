# SPDX-License-Identifier: Apache-2.0
"""Pushes public apps that nobody here wrote to a platform of its own, and asks each what apps.tsv says.

usage: push.py [--table FILE] [--sources DIRECTORY] [--keep-logs DIRECTORY] [ID…]

Needs root and what `./test e2e` made. A repository is read from DIRECTORY/OWNER+NAME/repo if it is there, a bare
snapshot, else cloned. Prints a line an app; the exit status is 1 if one did something else."""
import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from platform_under_test import BUILD, Platform  # noqa: E402

SECONDS_TO_ANSWER = 40


def table(path):
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def snapshot(repository, sources, scratch):
    """A git directory with the repository's newest commit."""
    kept = sources / repository.replace("/", "+") / "repo" if sources else None
    if kept and kept.is_dir():
        return kept
    cloned = scratch / repository.replace("/", "+")
    if not cloned.is_dir():
        subprocess.run(["git", "clone", "--quiet", "--bare", "--depth=1",
                        f"https://github.com/{repository}.git", str(cloned)], check=True)
    return cloned


def check_out(app, sources, scratch):
    folder = scratch / app["id"]
    folder.mkdir()
    tree = "HEAD" if app["folder"] == "." else f"HEAD:{app['folder']}"
    archive = subprocess.Popen(["git", f"--git-dir={snapshot(app['repository'], sources, scratch)}", "archive", tree],
                               stdout=subprocess.PIPE)
    subprocess.run(["tar", "--extract", f"--directory={folder}"], stdin=archive.stdout, check=True)
    if archive.wait() != 0:
        raise RuntimeError(f"{app['repository']} has no {app['folder']}")
    return folder


def host_of(app):
    return f"{app['id']}.localhost" if app["host"] == "-" else app["host"]


def ask(platform, app):
    """The status and the body, or for a redirection its target."""
    class Still(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    request = urllib.request.Request(f"http://127.0.0.1:{platform.router_port}{app['path']}",
                                     headers={"Host": host_of(app)})
    try:
        with urllib.request.build_opener(Still).open(request, timeout=SECONDS_TO_ANSWER) as response:
            return response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", "") + error.read().decode(errors="replace")


def told(wanted, text):
    return text.strip() == wanted[1:] if wanted.startswith("=") else wanted in text


def push(platform, app, folder, log):
    """Whether it did what it should, and what it did."""
    name = app["id"]
    platform.run("git", "init", "--quiet", "--initial-branch=main", cwd=folder)
    platform.commit(folder, "as published")
    platform.berth("create", name, cwd=folder)
    for setting in [] if app["config"] == "-" else app["config"].split():
        platform.berth("config:set", setting, "-a", name)
    if app["host"] != "-":
        platform.berth("domains:add", app["host"], "-a", name)
    pushed = subprocess.run(["git", "push", "berth", "HEAD:main"], cwd=folder, env=platform.environment(),
                            capture_output=True, text=True)
    log.write_text(pushed.stdout + pushed.stderr)
    kind, _, wanted = app["does"].partition(" ")
    if kind == "fails":
        return pushed.returncode != 0 and told(wanted, pushed.stderr), "failed" if pushed.returncode else "was built"
    if pushed.returncode != 0:
        return False, "the push failed"
    if kind == "run":
        program, _, wanted = wanted.partition(" ")
        printed = platform.berth("run", "--no-tty", "-a", name, "--", program)
        return told(wanted, printed), printed.strip()[:100]
    status, body = ask(platform, app)
    return (str(status) == kind and told(wanted, body),
            f"{status} {' '.join(body.split())[:60]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=pathlib.Path, default=pathlib.Path(__file__).with_name("apps.tsv"))
    parser.add_argument("--sources", type=pathlib.Path)
    parser.add_argument("--keep-logs", type=pathlib.Path)
    parser.add_argument("ids", nargs="*")
    arguments = parser.parse_args()
    apps = [app for app in table(arguments.table) if not arguments.ids or app["id"] in arguments.ids]
    wrong = 0
    with Platform() as platform, tempfile.TemporaryDirectory(prefix="real-apps-", dir=BUILD) as scratch:
        logs = arguments.keep_logs or pathlib.Path(scratch)
        logs.mkdir(parents=True, exist_ok=True)
        for app in apps:
            begun = time.monotonic()
            log = logs / f"{app['id']}.log"
            try:
                right, did = push(platform, app, check_out(app, arguments.sources, pathlib.Path(scratch)), log)
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                right, did = False, str(error)
            print(f"{'ok   ' if right else 'WRONG'} {app['id']} {app['repository']} {app['folder']}: {did} "
                  f"({time.monotonic() - begun:.1f} s)", flush=True)
            if not right:
                wrong += 1
                if log.exists():
                    print("      " + log.read_text()[-1500:].replace("\n", "\n      "), flush=True)
            subprocess.run([BUILD / "berth", "destroy", "-a", app["id"], "--confirm", app["id"]],
                           env=platform.environment(), capture_output=True)
    print(f"{len(apps) - wrong} of {len(apps)} did what they should")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
