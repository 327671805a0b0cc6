"""The show: a plugin replaced in three namespaces under load, and what happens when it cannot be."""
import sys
import time

from host import ApiError, Host, end_on_sigterm
from load import Load, count_problems, name_of

NAMESPACES = ["", "team-a", "team-b"]
RATE = 2400  # per second over all namespaces; at least 2,000 must be carried


class Checks:
    """What has to hold; the exit status tells whether it did."""

    def __init__(self):
        self.failed = []

    def that(self, held, text):
        if not held:
            self.failed.append(text)
        return f"  {'ok  ' if held else 'FAIL'}  {text}"


def table(mounts):
    rows = [("mount", "outcome", "before", "now", "generation", "start", "swap", "drain", "stop")]
    for mount in mounts:
        rows.append((mount["namespace"] + mount["path"], mount["outcome"],
                     mount["previous_version"] or "-", mount["running_version"] or "-",
                     f"{mount['previous_generation']} -> {mount['generation']}",
                     f"{mount['prepare_ms']} ms", f"{mount['commit_us']} us",
                     f"{mount['drain_ms']} ms", f"{mount['retire_ms']} ms"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows]


def set_up(host):
    for version in ("v1.0.0", "v2.0.0"):
        host.register(version, f"kv-{version}", env=["KV_JOURNAL=1"])
    host.pin("v1.0.0")
    for ns in NAMESPACES:
        if ns:
            host.namespace(ns)
        host.mount(ns)
        host.expect((204,), "PUT", "/v1/kv/greeting", f"written through v1.0.0 in '{ns}'", ns)
    print(f"kv v1.0.0 and v2.0.0 are registered, v1.0.0 is pinned and mounted in "
          f"{', '.join(map(name_of, NAMESPACES))}; a value is written in each.")


def serving(load, version):
    """Whether, from one of the next lines on, nothing but this version answers anywhere."""
    for _ in range(25):
        load.wait_lines(1)
        with load.changed:
            tenants = load.last["namespaces"]
            if all(list(tenants[ns]["versions"]) == [version] for ns in NAMESPACES):
                return True
    return False


def reload_all(host, load, checks):
    load.say("\nload: 2,400 requests a second from a separate process, open loop, no retries")
    load.wait_lines(10)
    load.say(checks.that(serving(load, "v1.0.0"), "v1.0.0 answers in every namespace"))
    load.say("\npin v2.0.0, then POST /v1/sys/plugins/reload/secret/kv")
    host.pin("v2.0.0")
    load.wait_lines(1)
    load.worst_ms = 0
    started = time.monotonic()
    data = host.expect((200,), "POST", "/v1/sys/plugins/reload/secret/kv")["data"]
    took = time.monotonic() - started
    load.wait_lines(5)
    worst = load.worst_ms
    load.say(f"\nreload {data['reload_id']}: {data['state']} in {took * 1000:.0f} ms")
    for line in table(data["mounts"]):
        load.say(line)
    load.say(checks.that(data["reloaded"] == 3 and data["state"] == "done",
                         "all three mounts are reloaded"))
    load.say(checks.that(serving(load, "v2.0.0"), "v2.0.0 answers in every namespace"))
    for ns in NAMESPACES:
        now = host.who(ns)
        load.say(checks.that(
            now["version"] == "v2.0.0" and now["value"] == f"written through v1.0.0 in '{ns}'",
            f"{name_of(ns)}: {now['version']} reads \"{now['value']}\""))
    return worst


def reload_one(host, load, checks):
    load.say("\nreload kv in team-a only: POST /v1/sys/plugins/reload/backend, namespace team-a")
    before = {ns: host.who(ns) for ns in NAMESPACES}
    data = host.expect((200,), "POST", "/v1/sys/plugins/reload/backend", {"plugin": "kv"},
                       "team-a")["data"]
    for line in table(data["mounts"]):
        load.say(line)
    for ns in NAMESPACES:
        now, old = host.who(ns), before[ns]
        same = (now["pid"], now["generation"]) == (old["pid"], old["generation"])
        next_one = now["pid"] != old["pid"] and now["generation"] == old["generation"] + 1
        load.say(checks.that(
            next_one if ns == "team-a" else same,
            f"{name_of(ns)}: pid {old['pid']} -> {now['pid']}, "
            f"generation {old['generation']} -> {now['generation']}"))
    load.wait_lines(10)


def reload_broken(host, load, checks):
    load.say("\npin v3.0.0, which dies at start, and reload")
    host.register("v3.0.0", "kv-crash", env=["KV_JOURNAL=1"])
    before = {ns: host.who(ns) for ns in NAMESPACES}
    host.pin("v3.0.0")
    status, content, _ = host.call("POST", "/v1/sys/plugins/reload/secret/kv")
    load.say(f"  {status} {content['errors'][0].strip() if content.get('errors') else content}")
    load.say(checks.that(status == 500 and content["data"]["failed"] == 3,
                         "the reload failed, and says why"))
    load.wait_lines(10)
    load.say(checks.that(serving(load, "v2.0.0"), "v2.0.0 still answers in every namespace"))
    load.say(checks.that({ns: host.who(ns) for ns in NAMESPACES} == before,
                         "by the same processes, at the same generations"))
    host.pin("v2.0.0")


def report_load(host, load, worst_of_reload, run, checks):
    final = load.stop()
    print("\r\033[K" if sys.stdout.isatty() else "")
    problems = count_problems(final, host.journal(), run)
    if final is None:
        checks.that(False, "the load client broke")
        return
    rate, latency = final["sent"] / final["seconds"], final["latency_ms"]
    print(checks.that(rate >= 2000, f"{final['sent']} requests, {rate:.0f} a second"))
    print(checks.that(not problems, "0 failed, 0 duplicated, counted by the client and by the "
                                    "plugins" if not problems else "; ".join(problems)))
    print(f"        highest latency {latency['max']} ms, {worst_of_reload:.1f} ms around the first "
          f"reload; median {latency['p50']} ms, 99.9 % below {latency['p999']} ms")


def show(host, checks):
    started = time.monotonic()
    run = "demo"
    set_up(host)
    load = Load(host, NAMESPACES, RATE, run, "written through v1.0.0 in '{ns}'")
    try:
        worst = reload_all(host, load, checks)
        reload_one(host, load, checks)
        reload_broken(host, load, checks)
        report_load(host, load, worst, run, checks)
    finally:
        load.close()
    print(checks.that(host.stop() == 0, "the host stopped cleanly"))
    left = host.leftovers()
    print(checks.that(not left, "no process, socket or directory is left" if not left
                      else "left behind: " + "; ".join(left)))
    print(f"\n{time.monotonic() - started:.0f} seconds.")


def main():
    end_on_sigterm()
    checks = Checks()
    host = Host(sys.argv[1])
    try:
        show(host, checks)
    except ApiError as error:
        checks.that(False, str(error))
    finally:
        tail = host.log_tail()
        host.close()
    if checks.failed:
        print("\nDid not hold:", *checks.failed, "\nThe host's last words:\n" + tail, sep="\n  ")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
