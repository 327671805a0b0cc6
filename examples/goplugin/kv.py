#!/usr/bin/python3
"""A plugin in Python, on python3-grpcio alone: no generated code, no go-plugin."""
import base64
import os
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

if os.environ.get("PLUGRELOAD_EXAMPLE") != "kv":
    sys.exit("this is a plugin: a host starts it")
directory = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or os.environ.get("TMPDIR", "/tmp")
address = os.path.join(directory, f"kv{os.getpid()}")
ended = threading.Event()


def field(number, data):  # protobuf: a field of bytes shorter than 128
    return bytes([number << 3 | 2, len(data)]) + data


def get(request, context):
    pid, varint = os.getpid(), b""
    while pid > 127:
        pid, varint = pid >> 7, varint + bytes([pid & 127 | 128])
    ids = [value for key, value in context.invocation_metadata() if key == "multiplex_id"]
    return (field(1, b"value-of-" + request[2:]) + field(2, b"v1.0.0") + b"\x18" + varint
            + bytes([pid]) + field(4, "".join(ids).encode()))


def write(request, _):
    at, size, shift = 1, 0, 0  # field 1: bytes of any length, then field 2: to_stdout
    while True:
        size |= (request[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if request[at - 1] < 128:
            break
    os.write(1 if request[at + size:] == b"\x10\x01" else 2, request[at:at + size])
    return b""


def shutdown(_request, _context):
    ended.set()
    return b""


def health(request, context):
    if request != field(1, b"plugin"):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return b"\x08\x01"  # SERVING


def certificate():  # a self-signed one, "localhost"; the key never leaves the private directory
    key, pem = os.path.join(directory, "key.pem"), os.path.join(directory, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", pem, "-days",
                    "3650", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, stderr=subprocess.DEVNULL)
    with open(key, "rb") as k, open(pem, "rb") as p:
        pair = k.read(), p.read()
    os.remove(key)
    os.remove(pem)
    return pair


server = grpc.server(ThreadPoolExecutor(4))
for service, methods in {"plugreload.example.Kv": {"Get": get, "Write": write,
                                                   "Crash": lambda *_: os._exit(7)},
                         "grpc.health.v1.Health": {"Check": health},
                         "plugin.GRPCController": {"Shutdown": shutdown}}.items():
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        service, {name: grpc.unary_unary_rpc_method_handler(f) for name, f in methods.items()}),))

offered = ""
if os.environ.get("PLUGIN_CLIENT_CERT"):
    pair = certificate()
    offered = base64.b64encode(ssl.PEM_cert_to_DER_cert(pair[1].decode())).decode().rstrip("=")
    server.add_secure_port("unix:" + address, grpc.ssl_server_credentials(
        [pair], os.environ["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True))
else:
    server.add_insecure_port("unix:" + address)
server.start()
print(f"1|1|unix|{address}|grpc|{offered}", flush=True)
ended.wait()
server.stop(1).wait()
