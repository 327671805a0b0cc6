#!/usr/bin/env python3
"""The key-value plugin once more, in Python: same protocol, same files as kv.cpp."""
import http.server
import itertools
import json
import os
import signal
import socketserver
import sys
import threading
import time
import urllib.parse

COOKIE = ("PLUGRELOAD_PLUGIN_COOKIE", "6a6f3c57-2d0e-4b1b-9d0a-0f6c8a7e5b21")
VERSION = os.environ.get("PLUGRELOAD_VERSION") or "v3.0.0"
DATA = os.environ.get("PLUGRELOAD_DATA_DIR", "")


class RequestIds:
    """Counts X-Request-Id, so that a request that was lost or sent twice shows."""

    def __init__(self):
        self.lock, self.seen, self.duplicate = threading.Lock(), set(), 0
        self.journal = None
        if "KV_JOURNAL" in os.environ:
            self.journal = open(os.path.join(DATA, "requests.log"), "ab", buffering=0)

    def add(self, request_id):
        with self.lock:
            if request_id:
                self.duplicate += request_id in self.seen
                self.seen.add(request_id)
                if self.journal:
                    self.journal.write(f"{request_id} {VERSION} {os.getpid()}\n".encode())
            return len(self.seen), self.duplicate


def file_name(text):
    return urllib.parse.quote(text, safe="").replace(".", "%2E")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body in one write
    ids = RequestIds()
    temporary = itertools.count(1)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.counts = self.ids.add(self.headers.get("X-Request-Id", ""))
        path, _, query = self.path.partition("?")
        query = urllib.parse.parse_qs(query)
        time.sleep(min(int(query.get("delay_ms", ["0"])[0]), 30_000) / 1000)
        key = urllib.parse.unquote(path[1:])
        mount = self.headers.get("X-Plugreload-Accessor") or "|".join(
            self.headers.get("X-Plugreload-" + part, "") for part in ("Namespace", "Mount"))
        self.directory = os.path.join(DATA, file_name(mount))
        self.file = os.path.join(self.directory, file_name(key))
        if self.command == "LIST" or query.get("list") == ["true"]:
            self.list(key if not key or key.endswith("/") else key + "/")
        elif not key or len(file_name(key)) > 255:
            self.answer(400, {"errors": ["a key is UTF-8 text of up to about 200 bytes"]})
        else:
            {"GET": self.get, "PUT": self.put, "POST": self.put,
             "DELETE": self.delete}[self.command](body)

    do_GET = do_PUT = do_POST = do_DELETE = do_LIST = handle_any

    def get(self, _):
        try:
            with open(self.file, encoding="utf-8", newline="") as file:
                self.answer(200, {"data": {"value": file.read()}})
        except FileNotFoundError:
            self.answer(404, {"errors": []})

    def put(self, body):
        os.makedirs(self.directory, exist_ok=True)
        fresh = os.path.join(self.directory, f".tmp-{os.getpid()}-{next(self.temporary)}")
        with open(fresh, "wb") as file:
            file.write(body)
        os.rename(fresh, self.file)
        self.answer(204)

    def delete(self, _):
        if os.path.exists(self.file):
            os.unlink(self.file)
        self.answer(204)

    def list(self, prefix):
        names = set()
        for file in os.listdir(self.directory) if os.path.isdir(self.directory) else []:
            key = urllib.parse.unquote(file)
            if not file.startswith(".") and key.startswith(prefix):
                first, slash, _ = key[len(prefix):].partition("/")
                names.add(first + slash)
        if names:
            self.answer(200, {"data": {"keys": sorted(names)}})
        else:
            self.answer(404, {"errors": []})

    def answer(self, status, content=None):
        self.send_response(status)
        if content is not None:
            if status == 200:
                content |= {"version": VERSION, "pid": os.getpid(),
                            "unique_requests": self.counts[0],
                            "duplicate_requests": self.counts[1],
                            "request_id": self.headers.get("X-Request-Id", "")}
            body = json.dumps(content, separators=(",", ":")).encode() + b"\n"
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.end_headers()
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        sys.exit("This is a plugin: it is started by a plugreload host, not by hand.")
    if not DATA:
        sys.exit("PLUGRELOAD_DATA_DIR is not set: start the host with --data-dir")
    path = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "plugin.sock")
    server = Server(path, Handler)
    # The host asks with SIGTERM, or is gone when the liveness socket ends.
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    liveness = int(os.environ.get("PLUGRELOAD_LIVENESS_FD", "-1"))
    if liveness >= 0:
        threading.Thread(target=lambda: (os.read(liveness, 1), stop.set()), daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"1|1|unix|{path}|http", flush=True)
    stop.wait()
    server.shutdown()
    server.server_close()
    os.unlink(path)


if __name__ == "__main__":
    main()
