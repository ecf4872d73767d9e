# SPDX-License-Identifier: Apache-2.0
"""A real platform for benchmarks: server, router and CLI of the build tree, with directories, ports and
network of their own, removed at the end."""
import fcntl
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def claim_subnet(networks):
    """A subnet of so many /24 (a power of two) that no other platform has, and its locks: see
    tests/support/platform.cpp."""
    taken = subprocess.run(["ip", "-4", "-oneline", "address"], capture_output=True, text=True, check=True)
    for first in range(0, 128, networks):
        thirds = range(first, first + networks)
        locks = [open(f"/run/lock/berth-test-subnet-{third}", "w") for third in thirds]
        try:
            for lock in locks:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        if not any(f" 198.19.{third}." in taken.stdout for third in thirds):
            return f"198.19.{first}.0/{24 - networks.bit_length() + 1}", locks
    raise RuntimeError("no subnet is free")


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.005)
    raise TimeoutError(f"{what}: not within {seconds} s")


class Platform:
    def __init__(self, networks=1):
        """`networks`: /24 networks of its subnet; one has room for 250 replicas."""
        self.networks = networks

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
        tag = self.root.name[-3:].lower().replace("_", "x")
        self.home = self.root / "home"
        self.home.mkdir()
        self.api_port, self.router_port = free_port(), free_port()
        subnet, self.subnet_locks = claim_subnet(self.networks)
        self.config = self.root / "berth.yaml"
        self.config.write_text(
            f"data_dir: {self.root}/data\n"
            f"api:\n  listen: 127.0.0.1:{self.api_port}\n"
            f"router:\n  listen: 127.0.0.1:{self.router_port}\n  admin: \"\"\n"
            f"network:\n  bridge: bb{tag}\n  subnet: {subnet}\n"
            f"runtime:\n  cgroup: berth-test-{tag}\n"
        )
        self.stack = subprocess.run([ROOT / "buildpacks/stack/make-stack", "--where"],
                                    capture_output=True, text=True, check=True).stdout.strip()
        self.log = open(self.root / "server.log", "wb")
        self.start_server()
        wait_for(self.healthy, 120, "start of the server")
        token = (self.root / "data/keys/admin-token").read_text().strip()
        self.berth("login", "--token", token, "--url", f"http://127.0.0.1:{self.api_port}")
        return self

    def __exit__(self, *failure):
        self.server.terminate()
        self.server.wait(30)
        subprocess.run([BUILD / "berth", "teardown", "--config", self.config], timeout=120)
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def start_server(self):
        self.server = subprocess.Popen(
            [BUILD / "berth", "server", "--config", self.config, "--stack", self.stack],
            stdout=self.log, stderr=self.log)

    def healthy(self):
        if self.server.poll() is not None:
            raise RuntimeError((self.root / "server.log").read_text())
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}/health", timeout=2):
                return True
        except OSError:
            return False

    def environment(self):
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
                "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"}

    def run(self, *argv, cwd="/"):
        done = subprocess.run(argv, cwd=cwd, env=self.environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{argv}: {done.stdout}{done.stderr}")
        return done.stdout

    def berth(self, *arguments, cwd="/"):
        return self.run(str(BUILD / "berth"), *arguments, cwd=cwd)

    def repository(self, sample):
        path = self.root / "repositories" / sample
        shutil.copytree(ROOT / "tests/apps" / sample, path)
        self.run("git", "init", "--quiet", "--initial-branch=main", cwd=path)
        self.commit(path, "first")
        return path

    def deploy_python(self, app, program):
        """An app whose web process is this program."""
        path = self.root / "repositories" / app
        path.mkdir(parents=True)
        (path / "app.py").write_text(program)
        (path / "Procfile").write_text("web: python3 app.py\n")
        self.run("git", "init", "--quiet", "--initial-branch=main", cwd=path)
        self.commit(path, "first")
        self.berth("create", app, cwd=path)
        self.run("git", "push", "berth", "HEAD:main", cwd=path)

    def commit(self, path, message):
        self.run("git", "add", "--all", "--force", cwd=path)
        self.run("git", "commit", "--quiet", "--allow-empty", "-m", message, cwd=path)

    def get(self, app, path="/"):
        """The body, or None while the router answers with an error."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.router_port}{path}",
                                         headers={"Host": f"{app}.localhost"})
        try:
            with urllib.request.urlopen(request, timeout=40) as response:
                return response.read().decode()
        except OSError:
            return None

    def router_pid(self):
        return json.loads(self.berth("status", "--json"))["router"]["pid"]
