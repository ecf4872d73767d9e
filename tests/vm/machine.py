# SPDX-License-Identifier: Apache-2.0
"""A virtual machine of its own kind: Debian 12 under systemd with cgroup v2 alone, emulated by QEMU
without any help of the processor. Its disk is thrown away at the end, and nothing outlives this process.

    with Machine(image, directory, payload) as machine:
        machine.run("systemctl", "is-system-running")

The first start boots and saves a snapshot beside the image; later ones begin there. `payload` is a
directory that is mounted read-only at /media/berth."""
import hashlib
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import time

PAYLOAD_BYTES = 4 << 30  # one size for all: the snapshot knows the disk by it
BOOT_SECONDS = 600
SNAPSHOT = "booted"

HARDWARE = [
    "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "2", "-m", "2048",
    "-append", "root=/dev/vda rw console=ttyS0 quiet mitigations=off nokaslr audit=0",
    "-device", "virtio-blk-pci,drive=root", "-device", "virtio-blk-pci,drive=payload",
    "-device", "virtio-net-pci,netdev=user", "-device", "virtio-rng-pci",
    "-display", "none", "-monitor", "stdio",
]


class MachineError(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def qemu_img(*arguments):
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


class Machine:
    def __init__(self, image, directory, payload):
        """`directory` is for large files, and ours alone."""
        self.image = pathlib.Path(image)
        self.directory = pathlib.Path(directory)
        self.payload = payload
        self.process = None
        self.started_in = 0.0
        self.from_snapshot = False
        version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, check=True).stdout
        key = hashlib.sha256(version + repr((HARDWARE, PAYLOAD_BYTES)).encode()).hexdigest()[:16]
        self.snapshot = self.image / f"snapshot-{key}.qcow2"

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)  # of a run that was killed
        self.directory.mkdir(parents=True)
        self.control = pathlib.Path(tempfile.mkdtemp(prefix="berth-vm-"))  # short, for a socket's path
        try:
            if not self.snapshot.exists():
                self.make_snapshot()
            self.make_payload_disk()
            self.from_snapshot = True
            self.boot(self.snapshot_copy(), ["-loadvm", SNAPSHOT])
            self.prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *failure):
        self.close()

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.control, ignore_errors=True)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process = None

    # --- making it --------------------------------------------------------------------------------

    def make_snapshot(self):
        """Boots once and keeps the state. Whole or not at all."""
        fresh = self.directory / "fresh.qcow2"
        qemu_img("create", "-f", "qcow2", "-b", self.image / "disk.img", "-F", "raw", fresh)
        with open(self.payload_disk, "wb") as disk:
            disk.truncate(PAYLOAD_BYTES)
        began = time.monotonic()
        self.boot(fresh, [])
        self.run("systemctl", "is-system-running", "--wait")
        print(f"booted in {time.monotonic() - began:.1f} s", flush=True)
        # Whoever starts from here shall read the other disk anew.
        self.run("sh", "-c", "sync && echo 3 >/proc/sys/vm/drop_caches")
        began = time.monotonic()
        self.process.stdin.write(f"savevm {SNAPSHOT}\nquit\n".encode())
        self.process.stdin.flush()
        if self.process.wait(BOOT_SECONDS) != 0:
            raise MachineError(f"QEMU could not save its state:\n{self.console()}")
        self.kill()
        print(f"saved in {time.monotonic() - began:.1f} s", flush=True)
        beside = self.snapshot.with_suffix(f".{os.getpid()}")
        shutil.move(fresh, beside)
        beside.rename(self.snapshot)

    def snapshot_copy(self):
        copy = self.directory / "disk.qcow2"
        subprocess.run(["cp", "--reflink=auto", "--sparse=always", self.snapshot, copy], check=True)
        return copy

    @property
    def payload_disk(self):
        return self.directory / "payload.img"

    def make_payload_disk(self):
        with open(self.payload_disk, "wb") as disk:
            disk.truncate(PAYLOAD_BYTES)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", self.payload,
                        "-E", "lazy_itable_init=1", self.payload_disk], check=True)

    def boot(self, disk, more):
        """Until its SSH server lets us in."""
        began = time.monotonic()
        for attempt in range(5):
            self.port = free_port()
            self.start(disk, more)
            if self.answers(began + BOOT_SECONDS):
                self.started_in = time.monotonic() - began
                return
            console = self.console()
            self.kill()
            if "Could not set up host forwarding" not in console:  # somebody took the port meanwhile
                break
        raise MachineError(f"the machine did not start:\n{console}")

    def start(self, disk, more):
        with open(self.directory / "console.log", "wb") as log:
            self.process = subprocess.Popen(
                # Whatever becomes of us, the machine ends with us.
                ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", *HARDWARE,
                 "-kernel", self.image / "vmlinuz", "-initrd", self.image / "initrd.img",
                 "-drive", f"file={disk},if=none,id=root,format=qcow2,cache=unsafe",
                 "-drive", f"file={self.payload_disk},if=none,id=payload,format=raw,readonly=on",
                 # It reaches nothing outside itself, and we reach its SSH server.
                 "-netdev", f"user,id=user,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22",
                 "-serial", f"file:{self.directory}/serial.log", *more],
                stdin=subprocess.PIPE, stdout=log, stderr=log)

    def answers(self, deadline):
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.ssh("true", timeout=30).returncode == 0:
                    return True
            except subprocess.TimeoutExpired:
                pass
            time.sleep(0.2)
        return False

    def console(self):
        texts = [self.directory / "console.log", self.directory / "serial.log"]
        return "".join(text.read_text(errors="replace") for text in texts if text.exists())[-4000:]

    def cut_power(self):
        """Nothing is written back first, and it starts again."""
        self.process.stdin.write(b"system_reset\n")
        self.process.stdin.flush()
        subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={self.control}/ssh", "-O", "exit", "root@127.0.0.1"],
                       capture_output=True)
        if not self.answers(time.monotonic() + BOOT_SECONDS):
            raise MachineError(f"the machine did not start again:\n{self.console()}")
        self.prepare()

    def prepare(self):
        self.run("date", "--set", f"@{time.time():.0f}")  # It thinks that it is the day of the snapshot.
        self.run("sh", "-c", "blockdev --flushbufs /dev/vdb && mkdir -p /media/berth && "
                             "mount -o ro /dev/vdb /media/berth")

    # --- using it ---------------------------------------------------------------------------------

    def ssh(self, command, timeout, **options):
        return subprocess.run(
            ["ssh", "-F", "none", "-i", self.image / "key", "-p", str(self.port),
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
             "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ControlMaster=auto",
             "-o", f"ControlPath={self.control}/ssh", "-o", "ControlPersist=yes",
             "root@127.0.0.1", command],
            stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=timeout,
            **{"capture_output": True, **options})

    def attempt(self, *words, timeout=900):
        return self.ssh(shlex.join(map(str, words)), timeout)

    def run(self, *words, timeout=900):
        """What it printed; an error if it failed."""
        done = self.attempt(*words, timeout=timeout)
        if done.returncode != 0:
            raise MachineError(f"{shlex.join(map(str, words))}: status {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return done.stdout

    def watch(self, *words, timeout):
        """Its status; what it prints goes to our own output as it comes."""
        return self.ssh(shlex.join(map(str, words)), timeout, capture_output=False).returncode
