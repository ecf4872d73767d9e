# SPDX-License-Identifier: Apache-2.0
"""A platform under load whose server, router, shims, agents and apps are killed (SIGKILL) at random, while
its apps are scaled, released, rolled back and restarted. Afterwards every replica that is wanted runs,
nothing is left that belongs to none, each failed request has a reason, and each request stands once in its
app's log, but for those that the router was killed with."""
import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import re
import signal
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "bench")]
from leftovers import processes, shims, state  # noqa: E402
from load import Load  # noqa: E402
from platform_under_test import Platform, wait_for  # noqa: E402

APPS = {"north": 2, "south": 3, "solo": 1}
PROGRAM = """\
import http.server, os


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = os.environ.get("GREETING", "here").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Page).serve_forever()
"""
SETTLE_S = 180  # a replica that died often waits for its next start
LOG_DELAY_S = 1  # a line of the access log waits so long for others, at most
AFTERMATH_S = 90  # so long a kill may be the reason that an app has no replica: its longest back-off


def deploy(platform, app, replicas):
    platform.deploy_python(app, PROGRAM)
    platform.berth("ps:scale", f"web={replicas}", "-a", app)


def answers(port):
    """Whether a router is there; what it says is all the same."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": "nobody.localhost"})
        return connection.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Force:
    """What is done to the platform, one thing after the other, as the seed decides."""

    def __init__(self, platform, seed):
        self.platform = platform
        self.random = random.Random(seed)
        self.wanted = dict(APPS)
        self.kills = []  # (when, the app whose process it was)
        self.router_away = []  # (from, until)
        self.done = collections.Counter()
        self.refused = []  # what commands said that met no server

    def run(self, seconds):
        steps = {self.kill_server: 3, self.kill_router: 1, self.kill_in_replica: 8, self.scale: 2,
                 self.release: 2, self.roll_back: 1, self.restart: 1}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.random.choices(list(steps), list(steps.values()))[0]()
            time.sleep(self.random.uniform(0, 0.6))

    def kill(self, pid, what):
        try:
            os.kill(pid, signal.SIGKILL)
            self.done[f"kill {what}"] += 1
        except ProcessLookupError:
            pass

    def kill_server(self):
        self.kill(self.platform.server.pid, "server")
        self.platform.server.wait()
        time.sleep(self.random.uniform(0, 1))  # as long as a service manager takes
        self.platform.start_server()
        wait_for(self.platform.healthy, 60, "the next server")

    def kill_router(self):
        routers = [pid for pid, _, words in processes(self.platform.root) if words[1:2] == ["router"]]
        begun = time.monotonic()
        for pid in routers:
            self.kill(pid, "router")
        wait_for(lambda: answers(self.platform.router_port), 60, "the next router")
        self.router_away.append((begun, time.monotonic()))

    def kill_in_replica(self):
        replicas = [replica for replica in shims(self.platform.root) if replica.program]
        if not replicas:
            return
        replica, what = self.random.choice(replicas), self.random.choice(("shim", "agent", "program"))
        self.kills.append((time.monotonic(), replica.app))
        self.kill(getattr(replica, what), what)

    def command(self, *words):
        try:
            self.platform.berth(*words)
            self.done[words[0]] += 1
            return True
        except RuntimeError as failure:
            self.refused.append(failure.args[0])
            return False

    def scale(self):
        app, replicas = self.random.choice(("north", "south")), self.random.randint(1, 4)
        if self.command("ps:scale", f"web={replicas}", "-a", app):
            self.wanted[app] = replicas

    def release(self):
        self.command("config:set", f"GREETING=release {self.random.randint(0, 999)}", "-a", self.any_app())

    def roll_back(self):
        self.command("rollback", "-a", self.any_app())

    def restart(self):
        self.command("restart", "-a", self.any_app())

    def any_app(self):
        return self.random.choice(list(APPS))

    def lost_with_router(self, request):
        """Whether it failed with the router, or ended so shortly before that its line may not be written."""
        since = request.opened if request.failed else request.begun
        return any(since <= until and request.ended >= begun - LOG_DELAY_S for begun, until in self.router_away)

    def reason(self, request):
        """Why it failed, or nothing."""
        if any(request.opened <= until and request.ended >= begun for begun, until in self.router_away):
            return "the router was killed"
        kills = [when for when, app in self.kills if app == request.app and when <= request.ended]
        if any(when >= request.begun for when in kills):
            return "its replica was killed meanwhile"
        if request.status == 503 and kills and request.begun - kills[-1] < AFTERMATH_S:
            return "no replica was up, for it was killed"
        return None


def settled(platform, wanted):
    for app, replicas in wanted.items():
        states = collections.Counter(entry["state"] for entry in json.loads(platform.berth("ps", "-a", app, "--json")))
        states.pop("idle", None)  # frozen for a rollback
        if states != {"up": replicas}:
            return False
    return True


def tidy(platform):
    """Everything is there as often as there are replicas, frozen ones too."""
    replicas = sum(len(json.loads(platform.berth("ps", "-a", app, "--json"))) for app in APPS)
    now = state(platform)
    per_app = {"firewall inet egress", "firewall inet egress6"}
    return replicas, {what: count for what, count in now.items() if what not in per_app and
                      count != (0 if what in ("mounts of the machine", "sandboxes") else replicas)}


def not_logged_once(platform, app, requests):
    """How often those stand in the access log of the app (its id) that do not stand there once."""
    lines = collections.Counter()
    for path in sorted((platform.root / "data/logs" / app).glob("*.log*")):
        lines.update(re.findall(r" request_id=(\S+) ", path.read_text(errors="replace")))
    return {request.id: lines[request.id] for request in requests if lines[request.id] != 1}


def judge_platform(platform, wanted):
    """What is not as it should be, once everything had time to come to rest."""
    try:
        wait_for(lambda: settled(platform, wanted), SETTLE_S, "every replica that is wanted")
    except TimeoutError as failure:
        yield f"{failure}: " + "".join(platform.berth("ps", "-a", app) for app in APPS)
    for app in APPS:
        if platform.get(app) is None:
            yield f"{app} does not answer"
    try:
        wait_for(lambda: not tidy(platform)[1], 30, "nothing that belongs to no replica")
    except TimeoutError as failure:
        yield f"{failure}: %d replicas, %s" % tidy(platform)


def judge_requests(platform, force, requests):
    """Those that failed without a reason, or do not stand in the log."""
    reasons = collections.Counter()
    for request in filter(lambda request: request.failed, requests):
        reason = force.reason(request)
        reasons[f"{request.status} {request.code}: {reason}"] += 1
        if reason is None:
            yield f"a request failed without a reason: {request}"
    print(f"{len(requests)} requests, {sum(reasons.values())} failed: {dict(reasons)}")
    for app in APPS:
        identity = json.loads(platform.berth("info", "-a", app, "--json"))["id"]
        safe = [each for each in requests if each.app == app and not force.lost_with_router(each)]
        try:
            wait_for(lambda: not not_logged_once(platform, identity, safe), 5 * LOG_DELAY_S, "the log")
        except TimeoutError:
            wrong = not_logged_once(platform, identity, safe)
            yield f"{len(wrong)} of {len(safe)} requests of {app} do not stand once in its log: " \
                  f"{dict(list(wrong.items())[:5])}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds} s", flush=True)
    with Platform() as platform:
        for app, replicas in APPS.items():
            deploy(platform, app, replicas)
        force = Force(platform, options.seed)
        load = Load(platform.router_port, APPS, clients=3, pause=0.1)
        try:
            force.run(options.seconds)
        finally:
            requests = load.stop()
        print(f"done: {dict(force.done)}; {len(force.refused)} commands refused")
        wrong = [*judge_platform(platform, force.wanted), *judge_requests(platform, force, requests)]
        wrong += [f"a command failed without a message: {refusal}" for refusal in force.refused
                  if not re.search("Error: .*\n→ ", refusal)]
        if wrong:
            print((platform.root / "server.log").read_text())
    for each in wrong:
        print("WRONG:", each)
    print("ok" if not wrong else f"{len(wrong)} things are wrong; again: --seed {options.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
