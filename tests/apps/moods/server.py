"""Answers with its release and how it is: MODE is well, failing (every second answer is a 500) or
crashing (it answers well, and exits after a while)."""
import http.server
import itertools
import os
import threading

MODE = os.environ.get('MODE', 'well')
answers = itertools.count()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        fails = MODE == 'failing' and next(answers) % 2 == 1
        text = f"{os.environ['BERTH_RELEASE_VERSION']} {MODE}"
        self.send_response(500 if fails else 200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


if MODE == 'crashing':
    threading.Timer(2, os._exit, [3]).start()
http.server.ThreadingHTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()
