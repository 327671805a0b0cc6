"""The example host as a child of this script, and the calls that a person would make with curl."""
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STOP_SECONDS = 60


def end_on_sigterm():
    """A script that is asked to end cleans up as it does on Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class ApiError(Exception):
    """A call that was not answered as the caller had to expect."""


class Host:
    """Runs in a directory of its own below TMPDIR, which goes with it."""

    def __init__(self, examples, arguments=("--dev",), listen="127.0.0.1:0", plugins=None,
                 quiet=True, work=None):
        self.examples = os.path.abspath(examples)
        self.plugins = plugins or os.path.join(self.examples, "plugins")
        self.work = work or tempfile.mkdtemp(prefix="plugreload-")
        self.data = os.path.join(self.work, "data")
        self.run = os.path.join(self.work, "run")
        self.log_path = os.path.join(self.work, "host.log") if quiet else None
        with open(self.log_path or "/dev/stderr", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [os.path.join(self.examples, "bin/http_host"), "--listen", listen, "--plugin-dir",
                 self.plugins, "--data-dir", self.data, "--run-dir", self.run, *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True)
        found = re.search(r"http://(\S+)", self.process.stdout.readline())
        if not found:
            error = "the host did not start:\n" + self.log_tail()
            self.close()
            raise ApiError(error)
        self.address = found.group(1)

    def log_tail(self, lines=20):
        if not self.log_path:
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def call(self, method, path, body=None, ns="", token="root", headers=None):
        """Status, body (parsed when it is JSON) and headers of the response."""
        connection = http.client.HTTPConnection(self.address, timeout=120)
        try:
            sent = {"X-Vault-Token": token, **(headers or {})}
            if ns:
                sent["X-Vault-Namespace"] = ns
            if body is not None and not isinstance(body, (str, bytes)):
                body = json.dumps(body)
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            text = response.read()
            is_json = response.headers.get("Content-Type") == "application/json"
            return response.status, json.loads(text) if is_json and text else text, response.headers
        finally:
            connection.close()

    def expect(self, statuses, method, path, body=None, ns=""):
        status, content, _ = self.call(method, path, body, ns)
        if status not in statuses:
            raise ApiError(f"{method} {path}: {status} {content}")
        return content

    def register(self, version, command, name="kv", **more):
        with open(os.path.join(self.plugins, command), "rb") as file:
            sha256 = hashlib.sha256(file.read()).hexdigest()
        self.expect((200, 204), "POST", f"/v1/sys/plugins/catalog/secret/{name}",
                    {"version": version, "command": command, "sha256": sha256, **more})

    def pin(self, version, name="kv"):
        self.expect((200, 204), "POST", f"/v1/sys/plugins/pins/secret/{name}", {"version": version})

    def namespace(self, ns):
        self.expect((200, 204), "POST", f"/v1/sys/namespaces/{ns}")

    def mount(self, ns="", path="kv", plugin="kv", **more):
        self.expect((200, 204), "POST", f"/v1/sys/mounts/{path}", {"type": plugin, **more}, ns)

    def who(self, ns="", key="greeting"):
        """Value, version, pid and generation of what serves the namespace's kv mount."""
        status, content, headers = self.call("GET", f"/v1/kv/{key}", ns=ns)
        if status != 200:
            raise ApiError(f"GET kv/{key} in {ns or 'root'}: {status} {content}")
        return {"value": content["data"]["value"], "version": content["version"],
                "pid": content["pid"], "generation": int(headers["X-Plugreload-Generation"])}

    def stop(self):
        """Exit status after SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self):
        """Ends everything whatever happened before, and removes the directory."""
        self.kill()
        self.process.stdout.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def journal(self):
        """Every request id that a plugin has seen, as often as it has seen it."""
        try:
            with open(os.path.join(self.data, "requests.log"), encoding="utf-8") as file:
                return [line.split()[0] for line in file]
        except FileNotFoundError:
            return []

    def leftovers(self, seconds=2):
        """What should be gone after a stop: processes, sockets and directories of this host."""
        deadline = time.monotonic() + seconds  # a process that was killed takes a moment to go
        while (found := self._leftovers()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def _leftovers(self):
        found = [f"process {pid}: {command}" for pid, command in self._processes()]
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
            found += ["socket " + line.split()[-1] for line in file if self.work in line]
        for directory, names, files in os.walk(self.run):
            found += ["in the run directory: " + os.path.join(directory, name)
                      for name in names + files]
        return found

    def _processes(self):
        """Plugins carry the data directory in their environment, the host on its command line."""
        marker = self.work.encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) == os.getpid():
                continue
            try:
                texts = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline")]
            except OSError:
                continue
            if any(marker in text for text in texts):
                yield pid, texts[1].replace(b"\0", b" ").decode(errors="replace")
