# SPDX-License-Identifier: Apache-2.0
"""The floors of what a platform does with images: the same program in a plain chroot of the same layers,
without container, router or scheduler."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def layers_of_image(platform, digest):
    """Unpacked layers, top first."""
    blobs = platform.root / "data/images/blobs/sha256"
    manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
    names = [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
    return [platform.root / "data/layers" / name for name in reversed(names)]


def layers_of_app(platform, app):
    """Of the image that serves."""
    return layers_of_image(platform,
                           json.loads(platform.berth("releases", "-a", app, "--json"))[0]["image"])


def layers_of_build(platform, app):
    """What a build of the app finds restored, on the build image."""
    app_id = json.loads(platform.berth("info", "-a", app, "--json"))["id"]
    record = json.loads((platform.root / f"data/cache/{app_id}/metadata.json").read_text())
    restored = [layer["sha"].removeprefix("sha256:").replace("private:", "private-")
                for buildpack in record["buildpacks"] for layer in buildpack["layers"].values()]
    index = json.loads((platform.root / "data/images/index.json").read_text())
    base = next(entry["digest"] for entry in index["manifests"]
                if entry["annotations"]["org.opencontainers.image.ref.name"] == "stack/build")
    return [platform.root / "data/layers" / name for name in restored] + layers_of_image(platform, base)


class Chroot:
    """An overlay of layers that programs run in, network and devices included."""

    def __init__(self, directory, lowers):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="chroot-", dir=directory))
        for name in ("upper", "work", "root"):
            (self.root / name).mkdir()
        self.options = (f"lowerdir={':'.join(map(str, lowers))},"
                        f"upperdir={self.root}/upper,workdir={self.root}/work")

    def start(self, argv, environment, directory="/app"):
        request = {"options": self.options, "root": str(self.root / "root"), "argv": argv,
                   "environment": environment, "directory": directory}
        return subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True), json.dumps(request)

    def spawn(self, argv, environment, directory="/app"):
        process, request = self.start(argv, environment, directory)
        process.stdin.write(request)
        process.stdin.close()
        return process

    def run(self, argv, environment, directory="/app"):
        process, request = self.start(argv, environment, directory)
        errors = process.communicate(request)[1]
        if process.returncode != 0:
            raise RuntimeError(f"{argv}: {errors}")


def end(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


def main():
    request = json.load(sys.stdin)
    root = request["root"]
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", request["options"], root], check=True)
    for name in ("dev", "proc"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
        subprocess.run(["mount", "--rbind", f"/{name}", f"{root}/{name}"], check=True)
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        os.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
        open(f"{root}/{name}", "a", encoding="utf-8").close()
        subprocess.run(["mount", "--bind", f"/{name}", f"{root}/{name}"], check=True)
    os.chroot(root)
    os.chdir(request["directory"])
    os.execvpe(request["argv"][0], request["argv"], request["environment"])


if __name__ == "__main__":
    main()
