"""The demo's web service on loopback, on the port given as argument or a free one: a page that says
that it came through, and /trickle, whose answer takes a minute and comes at a changing speed."""

import html
import http.server
import math
import platform
import sys
import time

STARTED = time.time()
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>HTTP1</title>
<style>body {{ font: 16px/1.5 sans-serif; max-width: 45em; margin: 3em auto; }}
pre {{ background: #eee; padding: 1em; overflow: auto; }}</style>
<h1>You came through the tunnel</h1>
<p>This page is served on <b>{host}</b> by a web server that listens on loopback only. It runs since
{up} s and is called <code>HTTP1</code>.</p>
<p>Your request, as it arrived here:</p>
<pre>{request}</pre>
</html>
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/trickle":
            self.trickle()
        else:
            self.page()

    def trickle(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for i in range(300):
                self.wfile.write(bytes(int(20000 * (1.2 + math.sin(i / 10)))))
                time.sleep(0.2)
        except ConnectionError:
            pass  # the client has closed the connection

    def page(self):
        request = f"{self.requestline}\n{self.headers}"
        body = PAGE.format(host=html.escape(platform.node()), up=int(time.time() - STARTED),
                           request=html.escape(request)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
print(f"Listening on 127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
