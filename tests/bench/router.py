#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPU time a request of the router, by epoll and by io_uring, beside HAProxy, nginx and nghttpx, as reverse
proxies to one upstream.

All with one thread, upstream keep-alive and the access log on; interleaved rounds, medians. The proxy
has the second CPU for itself, the load generator (wrk, for HTTP/2 h2load) and the upstream share the
first: their limit is what requests/s show, so CPU time is the figure to compare. nghttpx, which is made
for HTTP/2, is a peer there alone.
"""
import argparse
import ctypes
import fcntl
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rows import Rows  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOST = "hello.localhost"  # what the tests' client of HTTP/2 asks for
CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP = 0x40000000, 0x8914, 1  # sched.h, sockios.h, if.h
# Each may need a connection to the upstream, too.
MOST_CLIENTS = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 200, 30_000)
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.7,de;q=0.3",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://hello.localhost/a/page/that/links/here?with=a&query=string",
    "Cookie": "session=" + "0123456789abcdef" * 12 + "; theme=dark; consent=yes",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin",
    "Cache-Control": "max-age=0",
}
RING = "berth_io_uring"
# The bars of the router with io_uring, where they are others.
RING_BARS = {"keepalive_128B": 0.72, "browser_head": 0.72}
# case: path, headers, the bar for CPU time against the better peer
CASES = {
    "keepalive_128B": ("/", {}, 0.80),
    "keepalive_10KiB": ("/10k", {}, 0.75),
    "browser_head": ("/", BROWSER, 0.80),
    "new_connection": ("/", {"Connection": "close"}, 0.90),
    "tls13_keepalive_128B": ("/", {}, 1.00),
    "tls13_keepalive_10KiB": ("/10k", {}, 1.00),
    "tls13_full_handshake": ("/", {}, 1.00),
    "http2_16x16_128B": ("/", {}, 1.00),
    "http2_16x16_10KiB": ("/10k", {}, 1.00),
}
# What the router itself costs with more in its table, against itself with one route: case, what is
# in it, the bar.
ROUTES = 10_000
LIMITS = {"rules": {"allow_from": ["127.0.0.0/8", "192.0.2.0/24"], "max_body": 10 << 20, "max_head": 8 << 10,
                    "max_in_flight": 10_000,
                    "rate_limit": {"requests": 1_000_000, "per_s": 1, "burst": 1_000_000, "header": ""}}}
OWN_CASES = {
    "10000_routes": (ROUTES, {}, 1.03),
    "limits_on": (1, LIMITS, None),
}


def set_the_stage():
    """In a network of our own, where no rule of the host's costs each packet something, and on the first CPU.
    Returns the number of the CPU that the proxies have."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
    if os.cpu_count() == 1:
        return 0
    os.sched_setaffinity(0, {0})
    return 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(cpu, command, **more):
    pin = ["taskset", "-c", str(cpu)] if os.cpu_count() > 1 and shutil.which("taskset") else []
    return subprocess.Popen(pin + command, **more)


def wait_until_open(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


def make_certificate(directory):
    """The certificate that all proxies show: ECDSA, of one link."""
    chain, key = os.path.join(directory, "chain.pem"), os.path.join(directory, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={HOST}", "-addext",
                    f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", chain],
                   check=True, stderr=subprocess.DEVNULL)
    return chain, key


def read(path):
    with open(path) as file:
        return file.read()


class Proxy:
    """A started proxy; `cpu_us` sums over its threads and child processes."""

    def __init__(self, name, command, ports, cpu, log, directory):
        self.name, self.port, self.https_port, self.log = name, *ports, log
        self.cases = 0
        with open(os.path.join(directory, name + ".out"), "wb") as out:
            self.process = pinned(cpu, command, stdout=out, stderr=subprocess.STDOUT, cwd=directory)
        wait_until_open(self.port)

    def processes(self):
        pids = [self.process.pid]
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/children") as children:
                pids += [int(pid) for pid in children.read().split()]
        return pids

    def cpu_us(self):
        total = 0
        for pid in self.processes():
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                    total += int(stat.read().split()[0])
        return total / 1000

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_router(build, upstreams, directory, cpu, name="berth", routes=1, settings=None, io="epoll",
                 control=None):
    ports, logs = (free_port(), free_port()), os.path.join(directory, name + "-log")
    chain, key = make_certificate(directory)
    os.makedirs(logs)
    table = {
        "version": 1,
        "apps": [{
            "name": "bench", "state": "running", "log": logs,
            "replicas": [{"id": f"r-{i}", "name": f"web.{i}", "address": "127.0.0.1", "port": p}
                         for i, p in enumerate(upstreams, 1)],
            **(settings or {}),
        }],
        "hosts": {HOST: "bench", "127.0.0.1": "bench"},
        # wrk asks for the address by SNI and h2load for nothing, which the others let pass.
        "certificates": [{"name": "bench", "default": True, "hosts": [HOST, "127.0.0.1"], "chain": read(chain),
                          "key": read(key)}],
    }
    for i in range(1, routes):
        table["apps"].append({"name": f"app-{i}", "state": "asleep", "log": "", "replicas": []})
        table["hosts"][f"app-{i}.localhost"] = f"app-{i}"
    path = os.path.join(directory, name + "-table.json")
    with open(path, "w") as file:
        json.dump(table, file)
    command = [os.path.join(build, "bench_router"), str(ports[0]), path, "1", str(ports[1]), io]
    if control:
        command.append(control)
    return Proxy(name, command, ports, cpu, os.path.join(logs, "current.log"), directory)


def start_haproxy(upstreams, directory, cpu):
    ports = (free_port(), free_port())
    both = os.path.join(directory, "haproxy.pem")
    with open(both, "w") as file:
        file.write("".join(map(read, make_certificate(directory))))
    path = os.path.join(directory, "haproxy.cfg")
    servers = "\n".join(f"  server s{i} 127.0.0.1:{p}" for i, p in enumerate(upstreams))
    with open(path, "w") as file:
        file.write(f"""global
  nbthread 1
  maxconn {MOST_CLIENTS}
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
listen bench
  bind 127.0.0.1:{ports[0]}
  bind 127.0.0.1:{ports[1]} ssl crt {both} alpn h2,http/1.1
  unique-id-format %{{+X}}o%ci%cp%Ts%rt
  unique-id-header X-Request-Id
  balance leastconn
{servers}
""")
    log = os.path.join(directory, "haproxy.out")
    return Proxy("haproxy", ["haproxy", "-db", "-f", path], ports, cpu, log, directory)


def start_nginx(upstreams, directory, cpu):
    ports = (free_port(), free_port())
    chain, key = make_certificate(directory)
    path = os.path.join(directory, "nginx.conf")
    log = os.path.join(directory, "nginx.log")
    servers = "".join(f"server 127.0.0.1:{p}; " for p in upstreams)
    with open(path, "w") as file:
        file.write(f"""daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx.err;
events {{ worker_connections {2 * MOST_CLIENTS}; }}
http {{
  access_log {log} combined buffer=64k flush=1s;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2;
  fastcgi_temp_path {directory}/t3; uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
  upstream app {{ least_conn; {servers} keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{ports[0]} backlog=4096;
    listen 127.0.0.1:{ports[1]} ssl http2 backlog=4096;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location /ws {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "upgrade";
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host $http_host;
    }}
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Request-Id $request_id;
    }}
  }}
}}
""")
    return Proxy("nginx", ["nginx", "-c", path, "-p", directory], ports, cpu, log, directory)


def start_nghttpx(upstreams, directory, cpu):
    ports = (free_port(), free_port())
    chain, key = make_certificate(directory)
    log = os.path.join(directory, "nghttpx.log")
    command = ["nghttpx", "--conf=/dev/null", "--workers=1", "--no-ocsp", "--errorlog-file=/dev/null",
               f"--accesslog-file={log}", f"--frontend=127.0.0.1,{ports[0]};no-tls",
               f"--frontend=127.0.0.1,{ports[1]}", "--add-x-forwarded-for"]
    command += [f"--backend=127.0.0.1,{p}" for p in upstreams]
    return Proxy("nghttpx", command + [key, chain], ports, cpu, log, directory)


def load_http2(proxy, path, seconds):
    """As load(), by h2load: 16 connections with 16 streams each."""
    before = proxy.cpu_us()
    output = pinned(0, ["h2load", "-c16", "-m16", "-t1", f"-D{seconds}", "-H", f":authority: {HOST}",
                        f"https://127.0.0.1:{proxy.https_port}{path}"],
                    stdout=subprocess.PIPE, text=True).communicate()[0]
    used = proxy.cpu_us() - before
    counts = {name: int(n) for n, name in re.findall(r"(\d+) (\w+)(?:,|$)", output, re.M)}
    return used / max(counts["2xx"], 1), counts["2xx"] / seconds, counts["failed"] + counts["5xx"]


def shake_hands(proxy, seconds):
    """As load(), with a full TLS handshake for each request, which wrk would abbreviate."""
    before = proxy.cpu_us()
    output = pinned(0, [sys.executable, os.path.join(os.path.dirname(__file__), "handshakes.py"), HOST,
                        str(proxy.https_port), str(seconds)],
                    stdout=subprocess.PIPE, text=True).communicate()[0]
    used = proxy.cpu_us() - before
    requests, failures = map(int, output.split())
    return used / max(requests, 1), requests / seconds, failures


def load(proxy, case, path, headers, seconds, connections):
    """One measurement: CPU time a request, requests/s, failures."""
    if case == "tls13_full_handshake":
        return shake_hands(proxy, seconds)
    if case.startswith("http2"):
        return load_http2(proxy, path, seconds)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Host: {HOST}"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    address = (f"https://127.0.0.1:{proxy.https_port}" if case.startswith("tls")
               else f"http://127.0.0.1:{proxy.port}")
    before = proxy.cpu_us()
    output = pinned(0, command + [address + path],
                    stdout=subprocess.PIPE, text=True).communicate()[0]
    used = proxy.cpu_us() - before
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    failures = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", output))
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    if sockets:
        failures += sum(int(n) for n in sockets.groups())
    return used / max(requests, 1), rate, failures


def measure(started, rows, options):
    for case, (path, headers, bar) in CASES.items():
        if options.case and case not in options.case:
            continue
        if case.startswith("http2") and not shutil.which("h2load"):
            rows.note(f"{case}: skipped: h2load is not installed (apt-get install nghttp2-client)")
            continue
        proxies = [proxy for proxy in started if proxy.name != "nghttpx" or case.startswith("http2")]
        ours = [proxy.name for proxy in proxies if proxy.name.startswith("berth")]
        cpu = {proxy.name: [] for proxy in proxies}
        rate = {proxy.name: [] for proxy in proxies}
        failures = {proxy.name: 0 for proxy in proxies}
        for proxy in proxies:
            proxy.cases += 1
            load(proxy, case, path, headers, 1, options.connections)  # warm-up
        for _ in range(options.rounds):
            for proxy in proxies:
                used, per_second, failed = load(proxy, case, path, headers, options.seconds,
                                                options.connections)
                cpu[proxy.name].append(used)
                rate[proxy.name].append(per_second)
                failures[proxy.name] += failed
        peers = [name for name in cpu if name not in ours]
        best = min(peers, key=lambda name: statistics.median(cpu[name]), default=None)
        for name in ours:
            row = case if name != RING else case + "/io_uring"
            ratio = capacity = None
            if best:
                ratio = statistics.median(our / their for our, their in zip(cpu[name], cpu[best]))
                capacity = 1 / ratio
            used = statistics.median(cpu[name])
            most = RING_BARS.get(case, bar) if name == RING else bar
            rows.add(f"{row}/cpu_us_per_request", used, "us", ratio, most if best else None)
            rows.add(f"{row}/requests_per_core_second", 1e6 / used, "1/s", capacity,
                     1.25 if best and case.startswith("keepalive") else None, at_least=True)
        for name in cpu:
            rows.note(f"{case}: {name}: {statistics.median(cpu[name]):.2f} us/request "
                      f"({min(cpu[name]):.2f}-{max(cpu[name]):.2f}), "
                      f"{statistics.median(rate[name]):,.0f} requests/s, {failures[name]} failures")


def measure_own(berth, ports, directory, cpu, rows, options):
    """The cost of what is in the table: the router beside itself, interleaved."""
    for case, (routes, settings, bar) in OWN_CASES.items():
        if options.case and case not in options.case:
            continue
        other = start_router(options.build, ports, directory, cpu, case, routes, settings)
        used = {berth: [], other: []}
        failures = 0
        try:
            for proxy in used:
                load(proxy, case, "/", {}, 1, options.connections)  # warm-up
            for _ in range(options.rounds):
                for proxy in used:
                    cpu_us, _, failed = load(proxy, case, "/", {}, options.seconds, options.connections)
                    used[proxy].append(cpu_us)
                    failures += failed
        finally:
            other.stop()
        ratio = statistics.median(more / less for more, less in zip(used[other], used[berth]))
        rows.add(f"{case}/cpu_us_per_request", statistics.median(used[other]), "us", ratio, bar)
        rows.note(f"{case}: {statistics.median(used[berth]):.2f} us/request without, {failures} failures")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--case", action="append", choices=sorted({**CASES, **OWN_CASES}))
    options = parser.parse_args()
    rows = Rows("router", options.json)
    if not shutil.which("wrk"):
        rows.note("router: skipped: wrk is not installed (apt-get install wrk)")
        return 0
    for program in ("bench_upstream", "bench_router"):
        if not os.path.exists(os.path.join(options.build, program)):
            rows.note(f"router: skipped: {program} is not built in {options.build}")
            return 0
    cpu = set_the_stage()
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as directory:
        os.chmod(directory, 0o755)
        upstream = pinned(0, [os.path.join(options.build, "bench_upstream"), "4"],
                          stdout=subprocess.PIPE, text=True)
        ports = [int(upstream.stdout.readline()) for _ in range(4)]
        proxies = []
        try:
            proxies.append(start_router(options.build, ports, directory, cpu))
            proxies.append(start_router(options.build, ports, directory, cpu, RING, io="io_uring"))
            for name, start in (("haproxy", start_haproxy), ("nginx", start_nginx),
                                ("nghttpx", start_nghttpx)):
                if shutil.which(name) or os.path.exists(f"/usr/sbin/{name}"):
                    proxies.append(start(ports, directory, cpu))
                else:
                    rows.note(f"router: {name} is not installed, no comparison with it "
                              f"(apt-get install {'nghttp2-proxy' if name == 'nghttpx' else name})")
            measure(proxies, rows, options)
            measure_own(proxies[0], ports, directory, cpu, rows, options)
            for proxy in proxies:
                if proxy.cases and os.path.getsize(proxy.log) == 0:
                    rows.note(f"router: {proxy.name} wrote no access log: its figures do not count")
        finally:
            for proxy in proxies:
                proxy.stop()
            upstream.kill()
            upstream.wait()
    rows.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
