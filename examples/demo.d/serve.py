"""The example host in the foreground: serve.py EXAMPLES [PORT]"""
import hashlib
import os
import signal
import sys
import time

from host import ApiError, Host


def main():
    port = sys.argv[2] if len(sys.argv) > 2 else "8200"
    try:
        host = Host(sys.argv[1], listen=f"127.0.0.1:{port}", quiet=False)
    except ApiError:
        return 1
    # The host has a session of its own, so that it is asked to stop once, here.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: host.process.send_signal(signal.SIGTERM))
    with open(os.path.join(host.plugins, "kv-v1.0.0"), "rb") as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    call = f"curl -H 'X-Vault-Token: root' http://{host.address}/v1"
    print(f"""
address           http://{host.address}
token             root
plugin directory  {host.plugins}

register a version of a plugin, mount it, and use it:
  {call}/sys/plugins/catalog/secret/kv -d '{{"version":"v1.0.0","command":"kv-v1.0.0","sha256":"{sha256}"}}'
  {call}/sys/mounts/kv -d '{{"type":"kv"}}'
  {call}/kv/hello -d world && {call}/kv/hello

Ctrl-C stops it.
""", flush=True)
    try:
        while host.process.poll() is None:
            time.sleep(0.2)
        return host.process.returncode
    finally:
        host.close()


if __name__ == "__main__":
    sys.exit(main())
