# SPDX-License-Identifier: Apache-2.0
"""What of a platform is on the machine: processes, control groups, network interfaces, firewall elements,
mounts; and what of it belongs to no replica."""
import ctypes
import json
import pathlib
import subprocess
from dataclasses import dataclass


@dataclass
class Replica:
    id: str
    app: str
    shim: int
    agent: int = 0
    program: int = 0


def processes(root):
    """(pid, parent, words) of all that name the platform's directory or run below one that does."""
    found, parents = {}, {}
    for at in pathlib.Path("/proc").iterdir():
        if not at.name.isdigit():
            continue
        try:
            words = (at / "cmdline").read_bytes().decode(errors="replace").split("\0")
            parents[int(at.name)] = int((at / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        found[int(at.name)] = words
    ours = {pid for pid, words in found.items() if str(root) in " ".join(words)}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return [(pid, parents[pid], found[pid]) for pid in sorted(ours)]


def shims(root):
    """The replicas by their shims, with the first two processes inside."""
    everything = processes(root)
    children = {}
    for pid, parent, _ in everything:
        children.setdefault(parent, []).append(pid)
    result = []
    for pid, _, words in everything:
        if not words[0].endswith("berth-shim"):
            continue
        directory = pathlib.Path(words[2])
        try:
            app = json.loads((directory / "replica.json").read_text())["app"]
        except (OSError, ValueError):
            continue  # it begins or ends
        agent = (children.get(pid) or [0])[0]
        result.append(Replica(directory.name, app, pid, agent, (children.get(agent) or [0])[0]))
    return result


def firewall_members(table):
    """The addresses and ports that the firewall knows, by libnftables."""
    nft = ctypes.CDLL("libnftables.so.1")
    nft.nft_ctx_new.restype = ctypes.c_void_p
    nft.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
    context = ctypes.c_void_p(nft.nft_ctx_new(0))
    nft.nft_ctx_buffer_output(context)
    nft.nft_ctx_output_set_flags(context, 1 << 4)  # JSON
    found = {}
    for family in ("inet", "bridge"):
        if nft.nft_run_cmd_from_buffer(context, f"list table {family} {table}".encode()) != 0:
            if family == "inet":
                raise RuntimeError(f"the firewall has no table {table}")
            continue  # a kernel without that family
        for entry in json.loads(nft.nft_ctx_get_output_buffer(context))["nftables"]:
            for kind in ("set", "map"):
                if kind in entry:
                    found[f"{family} {entry[kind]['name']}"] = len(entry[kind].get("elem", []))
    nft.nft_ctx_free(context)
    return found


def state(platform):
    """How many there are of each kind."""
    tag, data = platform.config.read_text(), platform.root / "data"
    bridge = tag.split("bridge: ")[1].split()[0]
    group = tag.split("cgroup: ")[1].split()[0]
    groups = {at.name for top in pathlib.Path("/sys/fs/cgroup").iterdir()
              for at in (top / group).glob("*/") if at.is_dir()}
    has_ipv6 = pathlib.Path(f"/proc/sys/net/ipv6/conf/{bridge}/disable_ipv6").read_text() == "0\n"
    neighbours = subprocess.run(["ip", "-6", "neigh", "show", "dev", bridge, "nud", "permanent"],
                                capture_output=True, text=True).stdout
    links = subprocess.run(["ip", "-o", "link", "show", "master", bridge], capture_output=True, text=True).stdout
    namespaces = set()
    everything = processes(platform.root)
    for pid, _, _ in everything:
        try:
            namespaces.add((pathlib.Path(f"/proc/{pid}/ns/net")).readlink())
        except OSError:
            pass
    mounts = [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if str(data) in line]
    return {
        "replica directories": len(list((data / "replicas").iterdir())),
        "shims": sum(words[0].endswith("berth-shim") for _, _, words in everything),
        "network namespaces": len(namespaces) - 1,  # the machine's own
        "control groups": len(groups),
        "network interfaces": len(links.splitlines()),
        **({"IPv6 neighbours": len(neighbours.splitlines())} if has_ipv6 else {}),
        **{f"firewall {name}": count for name, count in firewall_members(bridge).items()
           if has_ipv6 or not name.endswith("6")},
        "mounts of the machine": len(mounts),
        "sandboxes": len(list((data / "sandboxes").iterdir())),
    }
