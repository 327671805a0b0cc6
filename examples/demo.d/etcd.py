"""A cluster of etcd on loopback, as children of this script."""
import base64
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

START_SECONDS = 30


def free_ports(count):
    """Free ones of 127.0.0.1, below what the kernel gives to who connects."""
    ports = []
    for port in random.sample(range(10_000, 32_000), 1_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError("no free ports")


class Etcd:
    """Runs in a directory of its own below TMPDIR, which goes with it."""

    def __init__(self, size=3):
        self.work = tempfile.mkdtemp(prefix="plugreload-etcd-")
        ports = free_ports(2 * size)
        self.clients, self.peers = ports[:size], ports[size:]
        self.members = [None] * size
        try:
            for number in range(size):
                self.start(number)
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    @property
    def endpoints(self):
        return ",".join(f"http://127.0.0.1:{port}" for port in self.clients)

    def start(self, number):
        client, peer = (f"http://127.0.0.1:{ports[number]}" for ports in (self.clients, self.peers))
        everyone = ",".join(f"m{n}=http://127.0.0.1:{port}" for n, port in enumerate(self.peers))
        with open(os.path.join(self.work, f"m{number}.log"), "ab") as log:
            self.members[number] = subprocess.Popen(
                ["etcd", "--name", f"m{number}", "--data-dir", os.path.join(self.work, f"m{number}"),
                 "--listen-client-urls", client, "--advertise-client-urls", client,
                 "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", everyone, "--initial-cluster-state", "new",
                 "--logger=zap", "--log-outputs=stderr"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def ask(self, number, path, body):
        """The answer of one member, None when it has none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.clients[number], timeout=2)
        try:
            connection.request("POST", path, json.dumps(body))
            response = connection.getresponse()
            return json.loads(response.read()) if response.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def wait_ready(self):
        """Until every running member answers a read that the majority has confirmed."""
        key = base64.b64encode(b"x").decode()
        deadline = time.monotonic() + START_SECONDS
        for number, member in enumerate(self.members):
            while member.poll() is None and not self.ask(number, "/v3/kv/range", {"key": key}):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"etcd is not ready; its logs are in {self.work}")
                time.sleep(0.05)

    def leader(self):
        """The number of the member that leads, None between two leaders."""
        for number, member in enumerate(self.members):
            if member.poll() is not None:
                continue
            status = self.ask(number, "/v3/maintenance/status", {})
            if status and status.get("leader") == status["header"]["member_id"]:
                return number
        return None

    def kill(self, number):
        self.members[number].kill()
        self.members[number].wait()

    def close(self):
        for member in filter(None, self.members):
            if member.poll() is None:
                member.kill()
            member.wait()
        shutil.rmtree(self.work, ignore_errors=True)
