import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open('color.txt') as file:
            color = file.read().strip()
        text = f"{color} {os.environ.get('MODE', 'no mode')} {os.environ.get('KEY', 'no key')}"
        self.send_response(200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()
