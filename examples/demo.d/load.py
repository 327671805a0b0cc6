"""The load client as a child of this script, with a live line of what it sees."""
import json
import os
import signal
import subprocess
import sys
import threading


def name_of(ns):
    return ns or "root"


class Load:
    def __init__(self, host, namespaces, rate, run, expect="", live=True):
        self.namespaces, self.live = namespaces, live
        command = [os.path.join(host.examples, "bin/load"), "--connect", f"tcp:{host.address}",
                   "--rate", str(rate), "--run", run, "--expect", expect]
        for ns in namespaces:
            command += ["--namespace", ns]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        self.changed = threading.Condition()
        self.last, self.final, self.worst_ms, self.lines = None, None, 0.0, 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            record = json.loads(line)
            with self.changed:
                if record.get("final"):
                    self.final = record
                else:
                    self.last = record
                    self.worst_ms = max(self.worst_ms, record["window_max_ms"])
                    self.lines += 1
                    self._show(record)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def _show(self, record):
        """One line that renews itself on a terminal, else one line a second."""
        if not self.live or (not sys.stdout.isatty() and self.lines % 5 != 1):
            return
        tenants = "   ".join(
            f"{name_of(ns)} {'+'.join(sorted(filter(None, record['namespaces'][ns]['versions']))) or '-'}"
            for ns in self.namespaces)
        text = (f"  {record['rate']:5.0f} req/s  {record['failed']} failed"
                f"  {record['window_max_ms']:6.1f} ms worst   {tenants}")
        print(f"\r\033[K{text}" if sys.stdout.isatty() else text,
              end="" if sys.stdout.isatty() else "\n", flush=True)

    def say(self, text=""):
        """Prints a line above the live one."""
        with self.changed:
            print(("\r\033[K" if self.live and sys.stdout.isatty() else "") + text, flush=True)

    def wait_lines(self, count, seconds=10):
        """Until the client has told `count` times more how it goes."""
        with self.changed:
            goal = self.lines + count
            return self.changed.wait_for(lambda: self.lines >= goal or self.process.poll() is not None,
                                         seconds)

    def stop(self):
        """The final record, or None when the client broke."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(45)
        except subprocess.TimeoutExpired:
            pass
        self.close()
        self.reader.join(5)
        return self.final

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def count_problems(final, journal, run):
    """What does not add up between what the client sent and what the plugins saw."""
    if final is None:
        return ["the load client broke"]
    problems = []
    ids = [request_id for request_id in journal if request_id.startswith(run + "-")]
    unique = set(ids)
    expected = {f"{run}-{number}" for number in range(final["sent"])}
    if final["failed"]:
        problems.append(f"{final['failed']} requests failed: {final['failures']}")
    if final["ok"] != final["sent"]:
        problems.append(f"{final['sent']} requests sent, {final['ok']} answered")
    if len(ids) != len(unique):
        problems.append(f"{len(ids) - len(unique)} requests reached a plugin twice")
    if unique != expected:
        problems.append(f"{len(expected - unique)} requests reached no plugin, "
                        f"{len(unique - expected)} were never sent")
    return problems
