"""Counts visits in a SQLite file, and will not share it: a second process ends at once."""
import fcntl
import http.server
import os
import sqlite3
import sys
import threading

folder = os.environ.get("DATA", "/tmp")
owner = open(f"{folder}/owner", "w")
try:
    fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit("another process has the data")
db = sqlite3.connect(f"{folder}/visits.db", check_same_thread=False, isolation_level=None)
db.execute("CREATE TABLE IF NOT EXISTS visits (at TEXT)")
one_at_a_time = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with one_at_a_time:
            if self.path == "/":
                db.execute("INSERT INTO visits VALUES (datetime())")
            (count,) = db.execute("SELECT count(*) FROM visits").fetchone()
        body = f"{count} visits\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
