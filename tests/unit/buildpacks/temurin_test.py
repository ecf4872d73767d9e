# SPDX-License-Identifier: Apache-2.0
"""The Java buildpack's own scripts against a server that answers as the Eclipse Temurin project's API does; the
archives hold a program that tells a version.
Usage: temurin_test.py PATH_OF_BUILDPACKS"""
import gzip
import hashlib
import http.server
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

BUILDPACKS = pathlib.Path(sys.argv.pop(1)).resolve()
# What bin/build does up to the runtime, and what came of it.
STEPS = """
set -euo pipefail
source "$BUILDPACKS/lib/berth.bash"; source "$BUILDPACKS/lib/debian.bash"; source "$BUILDPACKS/lib/upstream.bash"
scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
make_trust_store() { :; }
for part in temurin version; do source "$BUILDPACKS/java/lib/$part.bash"; done
choose_version
temurin_layer jre lbc
printf 'java %s, fresh: %s\\n' "$("$CNB_LAYERS_DIR/jre/bin/java")" "$java_fresh"
"""


def archive(version):
    data = io.BytesIO()
    program = f"#!/bin/sh\necho {version}\n".encode()
    with tarfile.open(fileobj=data, mode="w") as tar:
        entry = tarfile.TarInfo(f"jdk-{version}-jre/bin/java")
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
    return gzip.compress(data.getvalue(), mtime=0)


class Api(http.server.BaseHTTPRequestHandler):
    version = "21.0.5+11"
    digest = None
    asked = []

    def do_GET(self):
        path, _, query = self.path.partition("?")
        Api.asked.append(path)
        if path.startswith("/archives/"):
            return self.answer(archive(path.removeprefix("/archives/")))
        line = path.removeprefix("/v3/assets/latest/").removesuffix("/hotspot")
        wanted = {"architecture=x64", "image_type=jre", "os=linux", "vendor=eclipse", "heap_size=normal"}
        if line != "21" or set(query.split("&")) != wanted:
            return self.answer(b"[]")
        package = {"link": f"http://{self.headers['Host']}/archives/{Api.version}",
                   "checksum": Api.digest or hashlib.sha256(archive(Api.version)).hexdigest()}
        build = {"release_name": f"jdk-{Api.version}", "binary": {"package": package}}
        return self.answer(json.dumps([build]).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Temurin(unittest.TestCase):
    def setUp(self):
        Api.version, Api.digest, Api.asked = "21.0.5+11", None, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.root = tempfile.TemporaryDirectory(prefix="berth-test-")
        self.addCleanup(self.root.cleanup)
        self.layers = pathlib.Path(self.root.name) / "layers"
        self.app = pathlib.Path(self.root.name) / "app"
        self.layers.mkdir()
        self.app.mkdir()

    def build(self, wanted, port=None, allowed=True):
        (self.app / "system.properties").write_text(f"java.runtime.version={wanted}\n")
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BUILDPACKS": str(BUILDPACKS),
                       "CNB_BUILDPACK_DIR": str(BUILDPACKS / "java"), "CNB_LAYERS_DIR": str(self.layers)}
        if allowed:
            environment["ADOPTIUM_API_URL"] = f"http://127.0.0.1:{port or self.server.server_port}"
        return subprocess.run(["bash", "-c", STEPS], cwd=self.app, env=environment, capture_output=True, text=True)

    def test_the_newest_build_of_a_line_is_fetched_once(self):
        built = self.build("21")
        self.assertEqual(built.returncode, 0, built.stdout + built.stderr)
        self.assertIn("java 21.0.5+11, fresh: yes", built.stdout)
        self.assertIn("launch = true", (self.layers / "jre.toml").read_text())
        self.assertIn("java 21.0.5+11, fresh: \n", self.build("21").stdout)
        self.assertEqual(Api.asked.count("/archives/21.0.5+11"), 1)
        Api.version = "21.0.6+7"
        self.assertIn("java 21.0.6+7, fresh: yes", self.build("21").stdout)

    def test_what_is_not_what_was_told_is_refused(self):
        Api.digest = "0" * 64
        built = self.build("21")
        self.assertEqual(built.returncode, 1)
        self.assertIn("another digest", built.stdout)
        Api.digest = None
        self.assertIn("java 21.0.5+11, fresh: yes", self.build("21").stdout)

    def test_a_line_that_is_not_published_fails_and_says_so(self):
        built = self.build("99")
        self.assertEqual(built.returncode, 1)
        self.assertIn("Java 99 is not available (asked for by system.properties)", built.stdout)
        self.assertIn("it has no Java 99", built.stdout)

    def test_where_nobody_answers_the_last_builds_is_kept(self):
        self.assertEqual(self.build("21").returncode, 0)
        self.assertIn("java 21.0.5+11, fresh: \n", self.build("21", port=9).stdout)
        self.assertIn("Java 22 is not available", self.build("22", port=9).stdout)

    def test_nobody_is_asked_without_leave(self):
        built = self.build("21", allowed=False)
        self.assertIn("BP_UPSTREAM_DOWNLOADS=true", built.stdout)
        self.assertEqual(Api.asked, [])


if __name__ == "__main__":
    unittest.main()
