#!/usr/bin/python3
"""The smallest plugin that runs everywhere: python3-grpcio, no generated code, no TLS."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

if os.environ.get("PLUGRELOAD_EXAMPLE") != "kv":
    sys.exit("this is a plugin: a host starts it")
if os.environ.get("PLUGIN_CLIENT_CERT"):
    sys.exit("this plugin speaks no TLS: start it without AutoMTLS")
ended = threading.Event()


def get(request, _context):  # kv.proto: key is field 1 of the request, value of the answer
    value = b"value-of-" + request[2:]
    return bytes([0x0A, len(value)]) + value


def shutdown(_request, _context):
    ended.set()
    return b""


services = {"plugreload.example.Kv": {"Get": get},
            "grpc.health.v1.Health": {"Check": lambda *_: b"\x08\x01"},  # SERVING
            "plugin.GRPCController": {"Shutdown": shutdown}}
server = grpc.server(ThreadPoolExecutor(4))
server.add_generic_rpc_handlers(tuple(grpc.method_handlers_generic_handler(
    service, {name: grpc.unary_unary_rpc_method_handler(f) for name, f in methods.items()})
    for service, methods in services.items()))
directory = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or os.environ.get("TMPDIR", "/tmp")
address = f"{directory}/small{os.getpid()}"
server.add_insecure_port(f"unix:{address}")
server.start()
print(f"1|1|unix|{address}|grpc|", flush=True)
ended.wait()
server.stop(1).wait()
