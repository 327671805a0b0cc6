#!/usr/bin/env python3
"""Requests through the example host at a fixed rate, with and without reloads, and their picture.

    latency.py BUILD [--json FILE] [--svg FILE] [--rate N] [--seconds N] [--rounds N]

The client is open loop: a request that waits makes those behind it late as well, and that counts.
"""
import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../examples/demo.d"))
from host import ApiError, Host  # noqa: E402

BAR = 1.2
STORM_PER_SECOND = 10
PICTURE_RATE = 200  # a dot each, in a file that a page shows
STARTING_MS = 100  # of the picture's plugin: what one with something to load takes


class Client:
    """The load client as a child; ends by itself."""

    def __init__(self, build, address, rate, seconds, samples=None):
        where = address if address.startswith("unix:") else "tcp:" + address
        command = [os.path.join(build, "examples/bin/load"), "--connect", where, "--rate",
                   str(rate), "--seconds", str(seconds)]
        if samples:
            command += ["--samples", samples]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.started = time.monotonic()
        self.lines = None
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        self.lines = self.process.stdout.read().splitlines()

    def running(self):
        return self.process.poll() is None

    def result(self):
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        final = json.loads(self.lines[-1])
        if final["failed"] or not final["ok"]:
            raise ApiError(f"requests failed: {final['failures']}")
        return final["latency_ms"]


def serve(build, order="start_first", env=()):
    host = Host(os.path.join(build, "examples"))
    host.register("v1.0.0", "kv-v1.0.0", order=order, env=list(env))
    host.mount()
    host.expect((200, 204), "POST", "/v1/kv/greeting", "hello")
    return host


def reload(host):
    host.expect((200, 202), "PUT", "/v1/sys/plugins/reload/backend", {"plugin": "kv"})


def load_round(build, host, rate, seconds, storm):
    """Latencies in ms, and how many reloads there were."""
    client = Client(build, host.address, rate, seconds)
    reloads = 0
    while client.running():
        if not storm:
            client.process.wait()
            break
        next_at = client.started + (reloads + 1) / STORM_PER_SECOND
        # lint: allow-sleep the rate of reloads is what is measured
        time.sleep(max(0.0, next_at - time.monotonic()))
        reload(host)
        reloads += 1
    return client.result(), reloads


def storm_rows(options):
    """Rounds of both in turn; the ratio is that of each pair."""
    calm, stormy, counts = [], [], []
    host = serve(options.build)
    try:
        for number in range(options.rounds + 1):
            order = (False, True) if number % 2 else (True, False)
            pair = {storm: load_round(options.build, host, options.rate, options.seconds, storm)
                    for storm in order}
            if number == 0:
                continue  # first-time costs are nobody's
            calm.append(pair[False][0])
            stormy.append(pair[True][0])
            counts.append(pair[True][1] / options.seconds)
    finally:
        host.stop()
        host.close()
    rows = []
    for name in ("p50", "p99", "p999"):
        ratios = sorted(b[name] / a[name] for a, b in zip(calm, stormy))
        ratio = statistics.median(ratios)
        rows.append({
            "row": f"{name} of requests during reloads to without", "ours": "reload storm",
            "other": "no reloads", "unit": "ms",
            "ours_cost": statistics.median(b[name] for b in stormy),
            "other_cost": statistics.median(a[name] for a in calm), "ratio": ratio,
            "low": ratios[0], "high": ratios[-1], "bar": BAR if name == "p99" else 0,
            "holds": ratio <= BAR if name == "p99" else None})
    figures = [{"name": "reloads per second of the storm", "value": statistics.median(counts),
                "unit": "/s", "bar": 0, "holds": None},
               {"name": "requests per second", "value": options.rate, "unit": "/s", "bar": 0,
                "holds": None}]
    return rows, figures


def picture_samples(options, order, directory):
    """Five reloads, a second apart, one second after the start."""
    samples = os.path.join(directory, order + ".dat")
    if order == "vault_order":
        host = VaultOrder(options.build, directory)
    else:
        host = serve(options.build, order, [f"KV_START_MS={STARTING_MS}"])
    try:
        client = Client(options.build, host.address, PICTURE_RATE, 6.5, samples)
        for number in range(1, 6):
            # lint: allow-sleep the times of the reloads are part of the picture
            time.sleep(max(0.0, client.started + number - time.monotonic()))
            host.reload() if order == "vault_order" else reload(host)
        return samples, client.result()
    finally:
        host.stop()
        host.close()


class VaultOrder:
    """The baseline host: Vault's order under the mount's lock, with the same plugin."""

    def __init__(self, build, directory):
        self.data = os.path.join(directory, "baseline")
        os.makedirs(self.data)
        self.process = subprocess.Popen(
            [os.path.join(build, "tests/bench/vault_order_host"),
             os.path.join(build, "examples/plugins/kv-v1.0.0"), self.data, str(STARTING_MS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise ApiError("the baseline host did not start")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(self.address.removeprefix("unix:"))
            connection.sendall(b"PUT /v1/kv/greeting HTTP/1.1\r\nHost: x\r\n"
                               b"Content-Length: 5\r\nConnection: close\r\n\r\nhello")
            if b" 204 " not in connection.recv(4096):
                raise ApiError("the baseline's plugin does not answer")

    def reload(self):
        self.process.stdin.write("reload\n")
        self.process.stdin.flush()
        if self.process.stdout.readline().strip() != "reloaded":
            raise ApiError("the baseline host did not reload")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()

    def close(self):
        self.process.stdout.close()


TITLES = {"start_first": "start_first (default): the new one is ready before the swap",
          "stop_first": "stop_first: requests wait",
          "vault_order": "baseline: Vault's order under the mount's lock"}


def draw(options, directory):
    figures = []
    plots = []
    for order, title in TITLES.items():
        samples, latency = picture_samples(options, order, directory)
        figures.append({"name": f"most of a request through five reloads, {order}",
                        "value": latency["max"], "unit": "ms", "bar": 0, "holds": None})
        plots.append((title, samples))
    script = [f'set terminal svg noenhanced size 900,{220 * len(plots)} font "sans,12" background "white"',
              f'set output "{options.svg}"', "set logscale y", "set yrange [0.05:2000]",
              "set xrange [0:6.5]", 'set ylabel "latency, ms"', "set grid", "unset key",
              f"set multiplot layout {len(plots)},1"]
    for number in range(1, 6):
        script.append(f'set arrow from {number}, graph 0 to {number}, graph 1 nohead '
                      'dashtype 2 linecolor rgb "#888888"')
    for index, (title, samples) in enumerate(plots):
        script.append(f'set title "{title}"')
        label = f'set xlabel "seconds; a reload at every dashed line, {PICTURE_RATE} requests/s"'
        script.append(label if index == len(plots) - 1 else "unset xlabel")
        script.append(f'plot "{samples}" using 1:2 with dots linewidth 2 '
                      'linecolor rgb "#1f5fa8"')
    subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, check=True)
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--json")
    parser.add_argument("--svg")
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    rows, figures = storm_rows(options)
    if options.svg:
        with tempfile.TemporaryDirectory() as directory:
            figures += draw(options, directory)
    for row in rows:
        verdict = "" if row["holds"] is None else "holds" if row["holds"] else "MISSED"
        print(f"{row['row']:<58} {row['ours_cost']:>9.4g} {row['other_cost']:>9.4g} ms  "
              f"{row['ratio']:>7.3g}x [{row['low']:.3g}..{row['high']:.3g}]  {verdict}")
    for figure in figures:
        print(f"{figure['name']:<58} {figure['value']:>9.4g} {figure['unit']}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"program": "latency", "rows": rows, "figures": figures}, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
