#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What else the router is measured by, beside HAProxy and nginx as router.py sets them up: latency at a
fixed rate, WebSocket messages, a body of 1 GiB, memory of idle connections, the price of log and traces, and
a table that changes a thousand times a second, and attacks on HTTP/2 beside a client. One thread each, interleaved rounds, medians.
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import router  # noqa: E402
from rows import Rows  # noqa: E402

APPS = 10_000
REPLICAS = 4
CHANGES_A_SECOND = 1_000
RATE = 4_000
IDLE = min(10_000, router.MOST_CLIENTS - 100)
CASES = ("rate", "websocket", "body", "idle", "everything", "table", "siege")
SIEGE_P99_MS = 10


def client(build, *arguments):
    command = [os.path.join(build, "bench_client"), *map(str, arguments)]
    return router.pinned(0, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def rounds(proxies, options, measure_one):
    """Of each proxy the results of all rounds, interleaved, after one that does not count."""
    results = {proxy.name: [] for proxy in proxies}
    for proxy in proxies:
        measure_one(proxy)
    for _ in range(options.rounds):
        for proxy in proxies:
            results[proxy.name].append(measure_one(proxy))
    return results


def compare(rows, case, unit, figures, bar):
    """A row for each of ours against the better of the others, round by round."""
    peers = [name for name in figures if not name.startswith("berth")]
    best = min(peers, key=lambda name: statistics.median(figures[name]), default=None)
    for name in figures:
        if name in peers:
            continue
        ratio = best and statistics.median(our / their for our, their in zip(figures[name], figures[best]))
        # The bars are for what is the default.
        row, its_bar = (case, bar) if name == "berth" else (case + "/io_uring", None)
        rows.add(row, statistics.median(figures[name]), unit, ratio, its_bar if best else None)
    rows.note(f"{case}: " + ", ".join(f"{name} {statistics.median(all_of):,.1f}" for name, all_of in figures.items()))


def at_rate(options, proxy):
    """p50 and p99 of the latency, and the proxy's CPU time a request, all in microseconds."""
    before = proxy.cpu_us()
    words = client(options.build, "rate", proxy.port, router.HOST, options.seconds, RATE, 64).communicate()[0].split()
    p50, p99, answered, failures = map(int, words)
    if failures or answered < options.seconds * RATE:
        raise RuntimeError(f"{proxy.name}: {failures} of {answered} requests failed")
    return p50, p99, (proxy.cpu_us() - before) / answered


def measure_rate(proxies, rows, options):
    results = rounds(proxies, options, lambda proxy: at_rate(options, proxy))
    for index, name, bar in ((0, "p50", 0.90), (1, "p99", 0.90), (2, "cpu_us_per_request", None)):
        figures = {proxy: [result[index] for result in all_of] for proxy, all_of in results.items()}
        compare(rows, f"{RATE}_requests_a_second/{name}", "us", figures, bar)


def measure_websocket(proxies, rows, options):
    def one(proxy):
        before = proxy.cpu_us()
        output = client(options.build, "websocket", proxy.port, router.HOST, options.seconds, 64).communicate()[0]
        messages, failures = map(int, output.split())
        if failures or not messages:
            raise RuntimeError(f"{proxy.name}: {failures} failures of {messages} messages")
        return (proxy.cpu_us() - before) / messages
    compare(rows, "websocket_128B/cpu_us_per_message", "us", rounds(proxies, options, one), 1.00)


def measure_body(proxies, rows, options):
    def one(proxy):
        before = proxy.cpu_us()
        with router.pinned(0, ["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", "-H",
                               f"Host: {router.HOST}", f"http://127.0.0.1:{proxy.port}/1g"],
                           stdout=subprocess.PIPE, text=True) as curl:
            size = int(curl.communicate()[0])
        if size != 1 << 30:
            raise RuntimeError(f"{proxy.name} sent {size} bytes of 1 GiB")
        return (proxy.cpu_us() - before) / 1e6
    compare(rows, "1GiB_body/cpu_seconds", "s", rounds(proxies, options, one), 1.00)


def resident_bytes(proxy):
    total = 0
    for pid in proxy.processes():
        with open(f"/proc/{pid}/status") as status:
            total += sum(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon"))
    return total


def measure_idle(start, rows, options):
    """Fresh processes: what grows is the connections' alone."""
    for name, begin in start.items():
        proxy = begin()
        try:
            first = client(options.build, "idle", proxy.port, router.HOST, 1)
            first.stdout.readline()
            before = resident_bytes(proxy)
            rest = client(options.build, "idle", proxy.port, router.HOST, IDLE)
            there = int(rest.stdout.readline() or 0)
            each = (resident_bytes(proxy) - before) / max(there, 1)
            for process in (first, rest):
                process.communicate()
        finally:
            proxy.stop()
        rows.note(f"idle_connection: {name}: {each:,.0f} bytes each of {there}")
        if name.startswith("berth"):
            row = "idle_connection/bytes" + ("" if name == "berth" else "/io_uring")
            rows.add(row, each, "bytes", each / 600, 1.0)


def measure_all_on(start_one, rows, options):
    """With all that can be left out, the access log and traces begun, against without; request ids, metrics,
    samples and the copy for a second attempt are always there."""
    proxies = [start_one("berth-all", settings={"trace": True}), start_one("berth-bare", settings={"log": ""})]
    try:
        def one(proxy):
            return router.load(proxy, "keepalive_128B", "/", {}, options.seconds, 64)[0]
        used = rounds(proxies, options, one)
    finally:
        for proxy in proxies:
            proxy.stop()
    ratio = statistics.median(on / off for on, off in zip(used["berth-all"], used["berth-bare"]))
    rows.add("everything_on/cpu_us_per_request", statistics.median(used["berth-all"]), "us", ratio, 1.10)


class Changes(threading.Thread):
    """A control plane that changes another app of the table a thousand times a second."""

    def __init__(self, path, upstream, seconds):
        super().__init__()
        self.stopped = threading.Event()
        self.changing = threading.Event()
        self.made = 0
        self.due = 0
        self.upstream = upstream
        # Made before they are needed: what is measured shares the machine with this.
        self.lines = [self.line({"type": "put_app", "version": version, "app": self.app(version % APPS, version)})
                      for version in range(2, 2 + int(seconds * CHANGES_A_SECOND))]
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        threading.Thread(target=self.drop_answers, daemon=True).start()

    def app(self, number, release):
        return {"name": f"app-{number}", "state": "running", "log": "", "release": release,
                "replicas": [{"id": f"r-{number}-{i}-{release}", "name": f"web.{i}", "address": "127.0.0.1",
                              "port": self.upstream} for i in range(REPLICAS)]}

    @staticmethod
    def line(message):
        return json.dumps(message).encode() + b"\n"

    def snapshot(self, bench):
        apps = [bench] + [self.app(number, 0) for number in range(APPS)]
        hosts = {router.HOST: "bench", **{f"app-{n}.localhost": f"app-{n}" for n in range(APPS)}}
        self.socket.sendall(self.line({"type": "snapshot", "version": 1, "apps": apps, "hosts": hosts}))

    def drop_answers(self):
        while self.socket.recv(1 << 20):
            pass

    def run(self):
        for line in self.lines:
            self.changing.wait()
            if self.stopped.is_set():
                break
            self.socket.sendall(line)
            self.made += 1
            now = time.monotonic()
            # What was missed is caught up with, but not what was before a rest.
            self.due = max(self.due, now - 0.01) + 1 / CHANGES_A_SECOND
            time.sleep(max(self.due - now, 0))


def measure_table(start_one, ports, directory, rows, options):
    path = os.path.join(directory, "control.sock")
    proxy = start_one("berth-table", control=path)
    changes = Changes(path, ports[0], options.rounds * (options.seconds + 1))
    try:
        with open(os.path.join(directory, "berth-table-table.json")) as file:
            changes.snapshot(json.load(file)["apps"][0])
        changes.start()
        still, changing = [], []
        at_rate(options, proxy)
        for _ in range(options.rounds):
            still.append(at_rate(options, proxy))
            changes.changing.set()
            changing.append(at_rate(options, proxy))
            changes.changing.clear()
    finally:
        changes.stopped.set()
        changes.changing.set()
        changes.join()
        proxy.stop()
    for index, name, bar in ((0, "p50", None), (1, "p99", 1.25), (2, "cpu_us_per_request", None)):
        ratio = statistics.median(more[index] / less[index] for more, less in zip(changing, still))
        rows.add(f"{CHANGES_A_SECOND}_table_changes_a_second/{name}", statistics.median(row[index] for row in changing),
                 "us", ratio, bar)
    rows.note(f"table: {changes.made} changes of {APPS} apps with {REPLICAS} replicas")


def measure_siege(proxies, rows, options):
    """The p99 of a client of HTTP/2 that asks without a pause, alone and beside each attack that has a name."""
    for proxy in proxies:
        told = {**os.environ, "BERTH_SIEGE": f"{proxy.port} {options.seconds}"}
        output = router.pinned(0, [os.path.join(options.build, "bench_siege")], env=told, stdout=subprocess.PIPE,
                               text=True).communicate()[0]
        seen = [line.split("\t") for line in output.splitlines() if line.startswith("RESULT ")]
        alone, worst = None, (0, "")
        for name, p50, p99, answered, failed, attacks in seen:
            name = name.removeprefix("RESULT ")
            rows.note(f"siege: {proxy.name}, {name}: p50 {int(p50):,} us, p99 {int(p99):,} us of {int(answered):,} "
                      f"requests beside {attacks} attacks")
            if int(failed) or alone is not None and not int(attacks):
                raise RuntimeError(f"{proxy.name}, {name}: {failed} requests failed beside {attacks} attacks")
            if alone is None:
                alone = int(p99)
            else:
                worst = max(worst, (int(p99), name))
        if not worst[1]:
            raise RuntimeError(f"{proxy.name}: {output}")
        case = "besieged" + ("" if proxy.name == "berth" else "/io_uring")
        rows.add(f"{case}/p99_alone", alone / 1000, "ms")
        rows.add(f"{case}/p99_of_the_worst_attack", worst[0] / 1000, "ms", worst[0] / 1000 / SIEGE_P99_MS, 1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", default=os.path.join(router.ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--case", action="append", choices=CASES)
    options = parser.parse_args()
    rows = Rows("router_more", options.json)
    cases = options.case or CASES
    for program in ("bench_upstream", "bench_router", "bench_client", "bench_siege"):
        if not os.path.exists(os.path.join(options.build, program)):
            rows.note(f"router_more: skipped: {program} is not built in {options.build}")
            return 0
    cpu = router.set_the_stage()
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as directory:
        os.chmod(directory, 0o755)
        upstream = router.pinned(0, [os.path.join(options.build, "bench_upstream"), "4"],
                                 stdout=subprocess.PIPE, text=True)
        ports = [int(upstream.stdout.readline()) for _ in range(4)]

        def start_one(name, **more):
            return router.start_router(options.build, ports, directory, cpu, name, **more)

        def peers():
            found = {}
            for name, begin in (("haproxy", router.start_haproxy), ("nginx", router.start_nginx)):
                if shutil.which(name) or os.path.exists(f"/usr/sbin/{name}"):
                    found[name] = lambda begin=begin: begin(ports, directory, cpu)
                else:
                    rows.note(f"router_more: {name} is not installed, no comparison with it")
            return found

        proxies = []
        try:
            if "idle" in cases:
                measure_idle({"berth": lambda: start_one("berth-idle"),
                              router.RING: lambda: start_one("berth-idle-ring", io="io_uring"), **peers()},
                             rows, options)
            proxies = [start_one("berth"), start_one(router.RING, io="io_uring")]
            proxies += [begin() for begin in peers().values()]
            for case, measure in (("rate", measure_rate), ("websocket", measure_websocket), ("body", measure_body)):
                if case in cases:
                    measure(proxies, rows, options)
            if "everything" in cases:
                measure_all_on(start_one, rows, options)
            if "table" in cases:
                measure_table(start_one, ports, directory, rows, options)
            if "siege" in cases:
                measure_siege([proxy for proxy in proxies if proxy.name.startswith("berth")], rows, options)
        finally:
            for proxy in proxies:
                proxy.stop()
            upstream.kill()
            upstream.wait()
    rows.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
