# SPDX-License-Identifier: Apache-2.0
"""buildpacks/lib/registry.js with npm's own client against a registry that also sends what it should not.
Usage: registry_test.py PATH_OF_REGISTRY_JS"""
import base64
import hashlib
import http.server
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
NODE = pathlib.Path(shutil.which("node") or "/none").resolve()


def archive(files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


def integrity(data):
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


GOOD = archive({"bin/tool": "good", "docs/page": "long", "README.md": "text"})
VERSIONS = ["1.0.0", "1.2.0", "2.0.0", "2.1.0-beta.1", "3.0.0"]


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/").split("/")[0]
        if self.path.endswith(".tgz"):
            return self.answer({"cut": GOOD[:-9], "other": archive({"bin/tool": "bad"})}.get(name, GOOD))
        if name not in ("tool", "cut", "other"):
            return self.answer(b"{}", 404)
        url = f"http://{self.headers['Host']}/{name}/-/{name}.tgz"
        versions = {version: {"name": name, "version": version,
                              "dist": {"tarball": url, "integrity": integrity(GOOD)}}
                    for version in VERSIONS}
        return self.answer(json.dumps({"name": name, "dist-tags": {"latest": "3.0.0"},
                                       "versions": versions}).encode())

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class RegistryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="berth-test-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def ask(self, *lines):
        return subprocess.run(
            [NODE, PROGRAM], input="".join(f"{line}\n" for line in lines), capture_output=True,
            text=True, timeout=60, cwd=self.directory,
            env={"PATH": os.environ["PATH"], "HOME": str(self.directory),
                 "npm_config_registry": f"http://127.0.0.1:{self.server.server_port}",
                 "npm_config_cache": str(self.directory / "cache"), "npm_config_fetch_retries": "0",
                 "npm_config_update_notifier": "false"})

    def test_chooses_the_newest_that_is_preferred_and_allowed(self):
        done = self.ask("expect tool", "choose tool >=1 2.x", "choose tool 1.x 3.x", "choose tool v1.0.0 *",
                        "choose tool 2.1.0-beta.1 *", "choose tool >=1%20<2 *", "choose tool 9.x 9.x",
                        "choose tool what 1.x", "offer tool 2.9.x")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split("\n"),
                         ["ok 2.0.0", "ok 1.2.0", "ok 1.0.0", "ok 2.1.0-beta.1", "ok 1.2.0", "ok ", "ok ",
                          "ok 2.0.0, 3.0.0, 1.2.0", ""])

    def test_unpacks_all_but_what_is_left_out(self):
        done = self.ask(f"unpack tool@1.2.0 {self.directory} docs README.md")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.directory / "bin/tool").read_text(), "good")
        self.assertFalse((self.directory / "docs").exists())
        self.assertFalse((self.directory / "README.md").exists())

    def failed(self, done, reason):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(reason, done.stderr)
        self.assertNotIn("    at ", done.stderr)  # a trace says nothing to a user

    def test_a_package_that_is_not_what_the_registry_promised_is_a_failure(self):
        self.failed(self.ask(f"unpack other@1.0.0 {self.directory}"), "integrity checksum failed")
        self.failed(self.ask(f"unpack cut@1.0.0 {self.directory}"), "")

    def test_failures_beside_questions_and_each_other_are_told_once_each(self):
        lines = [f"unpack cut@1.0.0 {self.directory}", f"unpack other@1.0.0 {self.directory}"]
        self.failed(self.ask(*lines, *["choose tool 1.x 1.x"] * 50), "")

    def test_what_is_not_there_is_a_failure(self):
        done = self.ask("choose none 1.x 1.x")
        self.failed(done, "404")
        self.assertNotIn("ok", done.stdout)


if __name__ == "__main__":
    if not (NODE.parents[1] / "lib/node_modules/npm/node_modules/pacote").exists():
        print("SKIP: this machine's Node.js has no npm of its own beside it")
        sys.exit()
    unittest.main()
