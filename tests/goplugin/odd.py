#!/usr/bin/python3
"""A plugin that is odd in what ODD names, one word each.

no_health, not_serving, no_controller, deaf (its controller never answers), stdio (has a stdio
stream), waits_for_reader (serves once somebody reads that), multiplexing (supports it), tcp (listens
there), no_tls_field (five fields), any_version (speaks the first that is offered), ignores_sigterm,
says_so (writes a line when its health is asked for), secretive (never says its type; writes a line when it is asked).
"""
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

odd = os.environ.get("ODD", "").split()
ended = threading.Event()
output = threading.Condition()
chunks = []
reader = threading.Event()


def write(request, _):
    """What a plugin with a stdio stream does with its output."""
    with output:
        size = request[1]
        chunks.append(request[2:2 + size])
        output.notify_all()
    return b""


def stdio(_request, context):
    reader.set()
    context.add_callback(lambda: (output.acquire(), output.notify_all(), output.release()))
    while context.is_active():
        with output:
            if not chunks:
                output.wait(1)
                continue
            data = chunks.pop(0)
        yield b"\x08\x01\x12" + bytes([len(data)]) + data


def shutdown(_request, context):
    if "deaf" in odd:
        threading.Event().wait()
    ended.set()
    return b""


services = {"plugreload.example.Kv": {"Write": write, "Get": lambda *_: b"\x0a\x0avalue-of-k",
                                      "Crash": lambda *_: os._exit(7)}}
if "no_health" not in odd:
    def check(*_):
        if "says_so" in odd:
            print("asked", file=sys.stderr, flush=True)
        waiting = "waits_for_reader" in odd and not reader.is_set()
        return b"\x08\x02" if "not_serving" in odd or waiting else b"\x08\x01"

    services["grpc.health.v1.Health"] = {"Check": check}
if "no_controller" not in odd:
    services["plugin.GRPCController"] = {"Shutdown": shutdown}
if "secretive" in odd:
    def say_nothing(*_):
        print("asked", file=sys.stderr, flush=True)
        threading.Event().wait()

    services["dbplugin.v5.Database"] = {"Type": say_nothing}
if "ignores_sigterm" in odd:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "multiplexing" in odd:
    services["pluginutil.multiplexing.PluginMultiplexing"] = {
        "MultiplexingSupport": lambda *_: b"\x08\x01"}

server = grpc.server(ThreadPoolExecutor(8))
handlers = [grpc.method_handlers_generic_handler(
    service, {name: grpc.unary_unary_rpc_method_handler(f) for name, f in methods.items()})
    for service, methods in services.items()]
if "stdio" in odd:
    handlers.append(grpc.method_handlers_generic_handler(
        "plugin.GRPCStdio", {"StreamStdio": grpc.unary_stream_rpc_method_handler(stdio)}))
server.add_generic_rpc_handlers(tuple(handlers))

offered = os.environ["PLUGIN_PROTOCOL_VERSIONS"].split(",")
version = offered[0] if "any_version" in odd else 1
if "tcp" in odd:
    port = server.add_insecure_port("127.0.0.1:0")
    line = f"1|{version}|tcp|127.0.0.1:{port}|grpc|"
else:
    address = os.environ["PLUGIN_UNIX_SOCKET_DIR"] + "/odd"
    server.add_insecure_port("unix:" + address)
    line = f"1|{version}|unix|{address}|grpc|"
server.start()
print(line.rstrip("|") if "no_tls_field" in odd else line, flush=True)
ended.wait()
server.stop(1).wait()
