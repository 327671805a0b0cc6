#!/usr/bin/env python3
"""A plugin that answers with the request as it arrived."""
import http.server
import json
import os
import socketserver


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = json.dumps({"method": self.command, "target": self.path, "body": body.decode(),
                             "headers": dict(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("X-Plugreload-Version", "a lie")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)
        self.wfile.flush()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_LIST = do_PATCH = handle_any

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


path = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "echo.sock")
server = Server(path, Handler)
print(f"1|1|unix|{path}|http", flush=True)
server.serve_forever()
