import http.server
import os

import greeting


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(greeting.TEXT)))
        self.end_headers()
        self.wfile.write(greeting.TEXT)


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Hello).serve_forever()
