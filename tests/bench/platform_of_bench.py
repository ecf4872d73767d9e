# SPDX-License-Identifier: Apache-2.0
"""A platform of its own for a benchmark: server, router and CLI of the build, with a data directory,
ports, bridge and control group that nothing else uses. Everything goes when the benchmark ends."""
import http.client
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def get(port, host, path="/", timeout=40):
    """Status and body; status 0 if there was no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except OSError:
        return 0, ""
    finally:
        connection.close()


class Platform:
    def __init__(self, build):
        self.berth = os.path.join(build, "berth")
        self.name = secrets.token_hex(3)
        self.directory = tempfile.mkdtemp(prefix="berth-bench-", dir="/var/tmp")
        self.data = os.path.join(self.directory, "data")
        self.config = os.path.join(self.directory, "berth.yaml")
        self.log = os.path.join(self.directory, "server.log")
        self.api_port = free_port()
        self.router_port = free_port()
        home = os.path.join(self.directory, "home")
        os.makedirs(home)
        self.environment = dict(os.environ, HOME=home, NO_COLOR="1", GIT_CONFIG_NOSYSTEM="1")
        for role in ("AUTHOR", "COMMITTER"):
            self.environment[f"GIT_{role}_NAME"] = "Bench"
            self.environment[f"GIT_{role}_EMAIL"] = "bench@localhost"
        self.server = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(
                f"data_dir: {self.data}\n"
                f"api: {{listen: '127.0.0.1:{self.api_port}'}}\n"
                f"router: {{listen: '127.0.0.1:{self.router_port}', admin: ''}}\n"
                f"network: {{bridge: bb{self.name}, subnet: 198.18.{200 + int(self.name[:1], 16)}.0/24}}\n"
                f"runtime: {{cgroup: berth-bench-{self.name}}}\n")
        with open(self.log, "w", encoding="utf-8") as log:
            self.server = subprocess.Popen(
                [self.berth, "server", "--config", self.config, "--stack", os.environ["BERTH_STACK"]],
                stdout=log, stderr=log, env=self.environment)
        wait_until(self.is_up, 180, "the server's start")
        with open(os.path.join(self.data, "keys", "admin-token"), encoding="utf-8") as token:
            self.run("login", "--url", f"http://127.0.0.1:{self.api_port}", input=token.read())

    def is_up(self):
        if self.server.poll() is not None:
            with open(self.log, encoding="utf-8") as log:
                raise RuntimeError("the server ended: " + log.read()[-2000:])
        return get(self.api_port, "localhost", "/health", timeout=2)[0] == 200

    def __exit__(self, *_):
        if self.server:
            self.server.terminate()
            self.server.wait(60)
        subprocess.run([self.berth, "teardown", "--config", self.config], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, *arguments, directory="/", input=None):
        return self.checked([self.berth, *arguments], directory, input)

    def git(self, directory, *arguments):
        return self.checked(["git", *arguments], directory)

    def checked(self, command, directory, input=None):
        done = subprocess.run(command, cwd=directory, input=input, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command[:2])}: exit {done.returncode}\n{done.stdout[-3000:]}")
        return done.stdout

    def repository(self, sample):
        """The sample as the first commit of a repository on main."""
        directory = os.path.join(self.directory, sample)
        shutil.copytree(os.path.join(ROOT, "tests", "apps", sample), directory)
        self.git(directory, "init", "--quiet", "--initial-branch=main", ".")
        self.commit(directory, "A sample")
        return directory

    def commit(self, directory, message):
        self.git(directory, "add", "--all")
        self.git(directory, "commit", "--quiet", "--message", message)

    def deploy(self, sample, app):
        directory = self.repository(sample)
        self.run("create", app, directory=directory)
        self.git(directory, "push", "berth", "main")
        return directory

    def processes(self):
        """Process ids: the server, and the router that it started."""
        router = int(subprocess.run(["ss", "-Hltnp", f"sport = :{self.router_port}"], text=True,
                                    stdout=subprocess.PIPE, check=True)
                     .stdout.split("pid=")[1].split(",")[0])
        return {"server": self.server.pid, "router": router}


def missing(build):
    """Why a platform cannot be started, or nothing."""
    if os.geteuid() != 0:
        return "it needs root"
    if not os.path.exists(os.path.join(build, "berth")):
        return f"berth is not built in {build}"
    if not os.path.exists(os.path.join(os.environ.get("BERTH_STACK", "/nonexistent"), "stack.json")):
        return "BERTH_STACK names no stack made by buildpacks/stack/make-stack"
    return None


def complain(bench, why):
    print(f"{bench}: not measured: {why}", file=sys.stderr)
    return 1
