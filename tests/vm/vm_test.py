#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Berth on a Debian 12 with cgroup v2 alone, under systemd: the tests of tests/kernel, and the units of
config/systemd with an app that is pushed by git. usage: vm_test.py BUILD_DIRECTORY [TEST…]"""
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import unittest

sys.dont_write_bytecode = True
from machine import Machine

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
STACK = pathlib.Path(subprocess.run([ROOT / "buildpacks/stack/make-stack", "--where"],
                                    capture_output=True, text=True, check=True).stdout.strip())
IMAGE = pathlib.Path(subprocess.run([ROOT / "tests/vm/make-image", "--where"],
                                    capture_output=True, text=True, check=True).stdout.strip())
KERNEL_TESTS_SECONDS = 1500
ALL_SECONDS = 2700  # below CTest's limit, which would leave our files
machine = None


def why_not():
    if not IMAGE.is_dir():
        return "no image of a virtual machine is cached: ./test vm makes it"
    if not shutil.which("qemu-system-x86_64"):
        return "qemu-system-x86_64 is not installed: ./test vm installs it"
    if not (STACK / "run.tar").is_file():
        return "the virtual machine needs the stack image: buildpacks/stack/make-stack"
    return ""


def gather_payload(at):
    """What goes into the machine: programs, tests, units, an app, and a stack for apps without a
    compiler, whose builds start from the run image too."""
    at.mkdir(parents=True)
    programs = at / "programs"
    programs.mkdir()
    for name in ["berth", "berth-shim", "berth-launcher", "berth-git-hook", "berth-test-payload",
                 "test_kernel_engine"]:
        shutil.copy(BUILD / name, programs)
    shutil.copytree(BUILD / "buildpacks", programs / "buildpacks")
    shutil.copytree(ROOT / "config", at / "config")
    shutil.copytree(ROOT / "tests/apps/static-site", at / "app")
    (at / "stack").mkdir()
    shutil.copy(STACK / "stack.json", at / "stack")
    copy_small(STACK / "run.tar", at / "stack/run.tar")
    (at / "stack/build.tar").symlink_to("run.tar")


def copy_small(source, target):
    """A root with a shell and its tools alone: unpacking all would take minutes, emulated."""
    left_out = ("./usr/share/", "./usr/sbin/", "./usr/lib/", "./var/lib/", "./usr/bin/perl",
                "./usr/bin/python", "./usr/bin/openssl")
    libraries = "/usr/lib/x86_64-linux-gnu/"
    kept = {"ld-linux-x86-64", "libacl", "libattr", "libc", "libcrypto", "libgmp", "libm",
            "libpcre2-8", "libselinux", "libtinfo", "libz"}

    def wanted(name):
        if name.startswith("./usr/lib/locale"):
            return True
        if name.startswith("." + libraries) and name.split("/")[-1].split(".so")[0] in kept:
            return True
        return not name.startswith(left_out) or "." + libraries == name + "/"

    with tarfile.open(source) as whole, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as small:
        for member in whole:
            if wanted(member.name):
                small.addfile(member, whole.extractfile(member) if member.isreg() else None)


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.2)


class KernelTests(unittest.TestCase):
    def test_kernel(self):
        """all of tests/kernel pass on cgroup v2"""
        self.assertEqual(machine.run("stat", "-fc", "%T", "/sys/fs/cgroup").strip(), "cgroup2fs")
        # The tests know their files by the build directory's path.
        machine.run("mkdir", "-p", BUILD)
        for name in ["berth-shim", "berth-test-payload"]:
            machine.run("cp", f"/media/berth/programs/{name}", BUILD)
        status = machine.watch("/media/berth/programs/test_kernel_engine", "--duration=true",
                               timeout=KERNEL_TESTS_SECONDS)
        self.assertEqual(status, 0)


class ServiceTests(unittest.TestCase):
    """One service and one app for all of them; none depends on another."""

    @classmethod
    def setUpClass(cls):
        machine.run("cp", "-r", "/media/berth/programs", "/opt/berth")
        machine.run("ln", "-s", "/opt/berth/berth", "/usr/bin/berth")
        machine.run("install", "-D", "-m", "0644", "/media/berth/config/berth.yaml", "/etc/berth/berth.yaml")
        machine.run("sh", "-c", "install -m 0644 /media/berth/config/systemd/*.service /etc/systemd/system/")
        # Not on the payload's disk, which is mounted some time after a boot.
        machine.run("cp", "-rL", "/media/berth/stack", "/opt/berth/stack")
        machine.run("sh", "-c", "echo BERTH_SERVER_OPTIONS=--stack /opt/berth/stack "
                                ">/etc/default/berth-server")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "enable", "--now", "berth-server")
        cls.wait_until_healthy(600)  # It unpacks the stack first.
        machine.run("sh", "-c", "berth login --url http://127.0.0.1:7070 </var/lib/berth/keys/admin-token")
        machine.run("sh", "-c", "git config --global user.name Ada && "
                                "git config --global user.email ada@example.com && "
                                "git init --quiet --initial-branch=main /root/app && "
                                "cp -r /media/berth/app/* /root/app && cd /root/app && git add --all && "
                                "git commit --quiet -m first && berth create site && git push berth main")

    @staticmethod
    def wait_until_healthy(seconds=60):
        def healthy():
            return machine.attempt("curl", "--silent", "--fail", "http://127.0.0.1:7070/health").returncode == 0
        try:
            wait_for(healthy, seconds, "start of the server")
        except TimeoutError:
            print(machine.run("journalctl", "--no-pager", "-n", "50", "-u", "berth-server"))
            raise

    @staticmethod
    def page():
        return machine.attempt("curl", "--silent", "--fail", "-H", "Host: site.localhost",
                               "http://127.0.0.1:8080/").stdout

    @staticmethod
    def main_pid():
        return int(machine.run("systemctl", "show", "--value", "-p", "MainPID", "berth-server"))

    @staticmethod
    def replicas():
        return json.loads(machine.run("berth", "ps", "-a", "site", "--json"))

    @classmethod
    def replica(cls):
        """The id of the app's one replica and the processes of its control group."""
        ids = [row["id"] for row in cls.replicas()]
        assert len(ids) == 1, ids
        return ids[0], machine.run("cat", f"/sys/fs/cgroup/berth/{ids[0]}/cgroup.procs").split()

    def test_push(self):
        """an app that was pushed answers"""
        self.assertIn("A plain site", self.page())

    def test_limits(self):
        """a replica runs in a control group of its own, with its limits"""
        replica, processes = self.replica()
        group = f"/sys/fs/cgroup/berth/{replica}"
        for name, value in {"memory.max": "536870912", "memory.swap.max": "0", "cpu.max": "100000 100000",
                            "pids.max": "512"}.items():
            with self.subTest(name):
                self.assertEqual(machine.run("cat", f"{group}/{name}").strip(), value)
        for process in processes:
            self.assertEqual(machine.run("cat", f"/proc/{process}/cgroup").strip(), f"0::/berth/{replica}")

    def test_memory(self):
        """memory runs short: what is frozen goes, then previews, then what load has added, and no request fails"""
        def states(app):
            return sorted(row["state"] for row in json.loads(machine.run("berth", "ps", "-a", app, "--json")))

        def said_at(app, text):
            """When a line of the app's log was written, as text that sorts."""
            lines = machine.run("berth", "logs", "-a", app, "-n", "1000").splitlines()
            return [line.split()[0] for line in lines if text in line][-1]

        machine.run("sh", "-c", "cd /root/app && echo second >second.html && git add --all && "
                                "git commit --quiet -m second && git push berth main && "
                                "git push berth HEAD:refs/previews/one")
        machine.run("berth", "autoscale", "web", "--min", "1", "--max", "2", "--rps", "1", "-a", "site")
        machine.run("systemd-run", "--unit=load", "sh", "-c",
                    "while curl --silent --fail -o /dev/null -H 'Host: site.localhost' http://127.0.0.1:8080/ && "
                    "curl --silent -o /dev/null -H 'Host: one--site.localhost' http://127.0.0.1:8080/; do :; done")
        wait_for(lambda: states("site") == ["idle", "up", "up"] and states("one--site") == ["up"], 300,
                 "two replicas by load, one that is kept for a rollback, and a preview")

        machine.run("sh", "-c", "mkdir /run/hog && mount -t tmpfs -o size=100% tmpfs /run/hog && "
                                "awk '/MemTotal/ { total = $2 } /MemAvailable/ { printf \"%d\\n\", $2 - total / 12 }' "
                                "/proc/meminfo | xargs -I{} fallocate -l {}KiB /run/hog/file")
        wait_for(lambda: states("site") == ["up"] and states("one--site") == [], 120, "room that is made")
        frozen = said_at("site", "[web.1]: Stopped (")
        preview = said_at("one--site", "previews give way first")
        fewer = said_at("site", "Scaled web from 2 to 1: the machine's memory is short")
        self.assertLessEqual(frozen, preview)
        self.assertLess(preview, fewer)

        machine.run("umount", "/run/hog")
        wait_for(lambda: states("site") == ["up", "up"] and states("one--site") == ["up"], 300,
                 "all of them, now that there is memory again")
        self.assertEqual(machine.run("systemctl", "is-active", "load").strip(), "active")  # No request failed.
        machine.run("systemctl", "stop", "load")
        machine.run("berth", "previews:destroy", "one", "-a", "site")
        machine.run("berth", "autoscale:off", "web", "-a", "site")
        machine.run("berth", "ps:scale", "web=1", "-a", "site")
        wait_for(lambda: states("site") == ["up"], 60, "one replica")

    def test_power(self):
        """after the power was cut everything that ran runs again, by itself"""
        machine.run("berth", "ps:scale", "web=2", "-a", "site")
        boot = machine.run("cat", "/proc/sys/kernel/random/boot_id")
        before = {row["name"] for row in self.replicas()}
        machine.cut_power()
        self.assertNotEqual(machine.run("cat", "/proc/sys/kernel/random/boot_id"), boot)
        self.wait_until_healthy(300)
        wait_for(lambda: {row["name"] for row in self.replicas() if row["state"] == "up"} == before, 300,
                 "the replicas that ran")
        self.assertIn("A plain site", self.page())
        machine.run("berth", "ps:scale", "web=1", "-a", "site")
        wait_for(lambda: len(self.replicas()) == 1, 60, "one replica")

    def test_reload(self):
        """the limits stay when systemd reads its units again"""
        replica, _ = self.replica()
        machine.run("systemctl", "daemon-reload")
        machine.run("systemd-run", "--wait", "true")
        self.assertEqual(machine.run("cat", f"/sys/fs/cgroup/berth/{replica}/memory.max").strip(), "536870912")

    def test_kill(self):
        """kill -9 of the server: systemd starts another, which adopts the replica"""
        before, server = self.replica(), self.main_pid()
        machine.run("kill", "-KILL", server)
        self.assertIn("A plain site", self.page())  # The router is not the server.
        wait_for(lambda: self.main_pid() not in (0, server), 60, "another server")
        self.wait_until_healthy()
        self.assertEqual(self.replica(), before)
        self.assertIn("A plain site", self.page())

    def test_restart(self):
        """systemctl restart leaves the replica running"""
        before, server = self.replica(), self.main_pid()
        machine.run("systemctl", "restart", "berth-server")
        self.assertNotEqual(self.main_pid(), server)
        self.wait_until_healthy()
        self.assertEqual(self.replica(), before)
        self.assertIn("A plain site", self.page())

    def test_stop(self):
        """systemctl stop leaves the app serving, and a start adopts it"""
        before = self.replica()
        machine.run("systemctl", "stop", "berth-server")
        self.assertIn("A plain site", self.page())
        machine.run("systemctl", "start", "berth-server")
        self.wait_until_healthy()
        self.assertEqual(self.replica(), before)

    def test_volume(self):
        """a volume grows while its replica runs, and is there again after the power was cut"""
        def inside(command):
            return machine.attempt("berth", "ps:exec", "--no-tty", "-a", "site", "--", command).stdout

        machine.run("berth", "volumes:create", "data", "--mount", "web:/data", "--size", "64m", "-a", "site")
        wait_for(lambda: " /data " in inside("cat /proc/self/mountinfo"), 120, "the volume")
        inside("echo kept >/data/file && sync")
        blocks = int(inside("stat -fc %b /data"))
        machine.run("berth", "volumes:resize", "data", "256m", "-a", "site")
        self.assertGreater(int(inside("stat -fc %b /data")), 3 * blocks)
        machine.run("berth", "volumes:snapshot", "data", "-a", "site")
        machine.cut_power()
        self.wait_until_healthy(300)
        wait_for(lambda: inside("cat /data/file") == "kept\n", 300, "the file on the volume")
        machine.run("berth", "volumes:destroy", "data", "--confirm", "data", "-a", "site")
        wait_for(lambda: inside("test -e /data/file || echo gone") == "gone\n", 120, "the replica without it")


def ended_by(number, _):
    sys.exit(f"ended by {signal.Signals(number).name}: the machine is stopped and removed")


def main():
    global machine
    if reason := why_not():
        print(f"SKIP: {reason}")
        return 0
    signal.signal(signal.SIGALRM, ended_by)
    signal.signal(signal.SIGTERM, ended_by)
    signal.alarm(ALL_SECONDS)
    work = BUILD / "vm"
    payload = BUILD / "vm-payload"
    shutil.rmtree(payload, ignore_errors=True)
    try:
        gather_payload(payload)
        with Machine(IMAGE, work, payload) as machine:
            print(f"started in {machine.started_in:.1f} s", flush=True)
            result = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2, exit=False).result
    finally:
        shutil.rmtree(payload, ignore_errors=True)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
