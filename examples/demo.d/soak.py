"""Reloads in a row under load, first start-first, then stop-first: soak.py EXAMPLES [COUNT]"""
import sys
import time

from host import ApiError, Host, end_on_sigterm
from load import Load, count_problems

NAMESPACES = ["", "team-a", "team-b"]
RATE = 2000


def reload_often(host, load, count, order):
    """How long the slowest took; raises when one did not end as it should. Every version serves for
    a while, except that ten reloads follow each other at once, now and then."""
    slowest = 0.0
    for number in range(count):
        version = ("v2.0.0", "v1.0.0")[number % 2]
        host.pin(version)
        started = time.monotonic()
        data = host.expect((200,), "POST", "/v1/sys/plugins/reload/secret/kv",
                           {"order": order})["data"]
        slowest = max(slowest, time.monotonic() - started)
        wrong = [mount for mount in data["mounts"]
                 if mount["outcome"] != "reloaded" or mount["running_version"] != version]
        if wrong or data["reloaded"] != len(NAMESPACES):
            raise ApiError(f"{order} reload {number} to {version}: {data}")
        if number % 20 < 10:
            load.wait_lines(1)
    return slowest


def soak(host, count, order):
    """The problems of one order."""
    load = Load(host, NAMESPACES, RATE, order, "a value", live=False)
    try:
        load.wait_lines(5)
        started = time.monotonic()
        slowest = reload_often(host, load, count, order)
        seconds = time.monotonic() - started
        load.wait_lines(5)
        final = load.stop()
    finally:
        load.close()
    problems = count_problems(final, host.journal(), order)
    if final is not None:
        print(f"{order}: {count} reloads in {seconds:.1f} s, the slowest {slowest * 1000:.0f} ms; "
              f"{final['sent']} requests, {final['failed']} failed, "
              f"{'0 duplicated' if not problems else problems}; highest latency "
              f"{final['latency_ms']['max']} ms, median {final['latency_ms']['p50']} ms",
              flush=True)
    return problems


def main():
    end_on_sigterm()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    host, problems = Host(sys.argv[1], arguments=("--dev", "--log-level", "warn")), []
    try:
        for version in ("v1.0.0", "v2.0.0"):
            host.register(version, f"kv-{version}", env=["KV_JOURNAL=1"])
        host.pin("v1.0.0")
        for ns in NAMESPACES:
            if ns:
                host.namespace(ns)
            host.mount(ns)
            host.expect((204,), "PUT", "/v1/kv/greeting", "a value", ns)
        for order in ("start_first", "stop_first"):
            problems += soak(host, count, order)
        if host.stop() != 0:
            problems.append("the host did not stop cleanly")
        problems += ["left behind: " + what for what in host.leftovers()]
    except ApiError as error:
        problems.append(str(error))
    finally:
        tail = host.log_tail()
        host.close()
    if problems:
        print("\nDid not hold:", *problems, "\nThe host's last words:\n" + tail, sep="\n  ")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
