"""A plugin replaced on three nodes, one by one, while etcd loses its leader and a node dies."""
import sys
import time

from etcd import Etcd
from host import ApiError, Host, end_on_sigterm
from load import Load, count_problems, name_of
from show import Checks

NODES = ["n1", "n2", "n3"]
NAMESPACES = ["", "team-a"]
RATE = 400  # per second and node
START_MS = 1500  # that v2.0.0 takes to be ready, so that there is a middle to kill something in
VALUE = "written through v1.0.0"


class Cluster:
    """Three hosts on one etcd, and a load on each of them that lives."""

    def __init__(self, examples):
        self.examples, self.hosts, self.loads, self.finals = examples, {}, {}, []
        self.etcd = Etcd()
        try:
            for node in NODES:
                self.start(node)
        except BaseException:
            self.close()
            raise

    def start(self, node, work=None):
        self.hosts[node] = Host(
            self.examples, work=work,
            arguments=("--dev", "--node", node, "--store", f"etcd:{self.etcd.endpoints}"))

    def load(self, node, run):
        self.loads[node] = (run, Load(self.hosts[node], NAMESPACES, RATE, run, VALUE, live=False))
        self.loads[node][1].wait_lines(2)

    def end_load(self, node, counted=True):
        """What its client and its plugins saw, kept for the end unless the node was killed."""
        run, load = self.loads.pop(node)
        if counted:
            final = load.stop()
            self.finals.append((node, final, count_problems(final, self.hosts[node].journal(), run)))
        else:
            load.close()

    def status(self, reload_id):
        """The reload as the first node that answers tells it."""
        path = f"/v1/sys/plugins/reload/backend/status?reload_id={reload_id}"
        for host in self.hosts.values():
            if host.process.poll() is None:
                return host.expect((200,), "GET", path)["data"]
        raise ApiError("no host lives")

    def line(self, data):
        cells = []
        for node in NODES:
            states = [m["state"] + (" by its start" if m["by_start"] else "")
                      for m in data.get("members", []) if m["node"] == node]
            versions = "gone"
            if node in self.loads and self.loads[node][1].last:
                last = self.loads[node][1].last
                seen = {v for ns in NAMESPACES for v in last["namespaces"][ns]["versions"] if v}
                versions = f"{'+'.join(sorted(seen)) or '-'}, {last['failed']} failed"
            elif self.hosts[node].process.poll() is None:
                versions = "up, no load"
            cells.append(f"{node}: {'/'.join(states) or '-':<22} {versions:<24}")
        return f"  {data['state']:<8} " + " | ".join(cells).rstrip()

    def watch(self, reload_id, until, seconds=90):
        """Prints a line whenever something has changed, until the status is as wanted."""
        deadline, shown = time.monotonic() + seconds, None
        while True:
            data = self.status(reload_id)
            line = self.line(data)
            if line != shown:
                print(line, flush=True)
                shown = line
            if until(data):
                return data
            if time.monotonic() > deadline:
                raise ApiError(f"the reload stands still: {data}")
            time.sleep(0.1)

    def close(self):
        for _, load in self.loads.values():
            load.close()
        for host in self.hosts.values():
            host.close()
        self.etcd.close()


def set_up(cluster):
    first = cluster.hosts["n1"]
    first.register("v1.0.0", "kv-v1.0.0", env=["KV_JOURNAL=1"])
    first.register("v2.0.0", "kv-v2.0.0", env=["KV_JOURNAL=1", f"KV_START_MS={START_MS}"])
    first.pin("v1.0.0")
    for ns in filter(None, NAMESPACES):
        first.namespace(ns)
    for ns in NAMESPACES:
        first.mount(ns)
    for node, host in cluster.hosts.items():
        for ns in NAMESPACES:
            wait_for(lambda: host.call("PUT", "/v1/kv/greeting", VALUE, ns)[0] == 204,
                     f"{node} serves kv in {name_of(ns)}")
    print("etcd and the hosts n1, n2, n3 are up; kv v1.0.0 is registered, pinned and mounted in "
          f"{' and '.join(map(name_of, NAMESPACES))} through n1, and serves on all of them.")


def wait_for(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ApiError(f"it did not come to pass in {seconds} s: {what}")
        time.sleep(0.05)


def states(data, state):
    return {member["node"] for member in data.get("members", []) if member["state"] == state}


def roll(cluster, checks):
    first = cluster.hosts["n1"]
    print("\nPOST /v1/sys/plugins/reload/secret/kv on n1: pin v2.0.0 and roll it out, one at a time")
    status, content, _ = first.call(
        "POST", "/v1/sys/plugins/reload/secret/kv",
        {"scope": "global", "strategy": "rolling", "max_unavailable": 1, "pin_version": "v2.0.0"})
    if status != 202:
        raise ApiError(f"the reload was not taken: {status} {content}")
    reload_id = content["data"]["reload_id"]
    # n1 is asked how it goes; any other may die.
    data = cluster.watch(reload_id, lambda d: states(d, "running") - {"n1"})
    victim = (states(data, "running") - {"n1"}).pop()

    leader = cluster.etcd.leader()
    print(f"\nkill -9: the leader of etcd (m{leader}), and {victim} in the middle of its reload")
    cluster.etcd.kill(leader)
    cluster.end_load(victim, counted=False)
    cluster.hosts[victim].kill()
    others = set(NODES) - {victim}
    data = cluster.watch(reload_id, lambda d: others <= states(d, "done"))
    print(checks.that(victim in states(data, "pending"),
                      f"{victim} is pending, and stopped nobody: the others are done"))

    print(f"\n{victim} comes back, and so does m{leader}")
    cluster.etcd.start(leader)
    host = cluster.hosts[victim]
    host.process.stdout.close()
    left = host.leftovers()
    print(checks.that(not left or all("run directory" in what for what in left),
                      f"no plugin outlived {victim}"))
    cluster.start(victim, work=host.work)
    wait_for(lambda: cluster.hosts[victim].call("GET", "/v1/kv/greeting")[0] == 200,
             f"{victim} serves again")
    cluster.load(victim, f"{victim}-again")
    data = cluster.watch(reload_id, lambda d: d["state"] == "done")
    print(checks.that(states(data, "done") == set(NODES) and data["state"] == "done",
                      "every node is done, and the reload as a whole"))
    again = [m for m in data["members"] if m["node"] == victim]
    print(checks.that(all(m["by_start"] for m in again),
                      f"{victim} did not reload what it had started fresh"))


def look(cluster, checks):
    for node, host in cluster.hosts.items():
        for ns in NAMESPACES:
            now = host.who(ns)
            print(checks.that(now["version"] == "v2.0.0" and now["value"] == VALUE,
                              f"{node} {name_of(ns)}: {now['version']} reads \"{now['value']}\""))
    members = cluster.hosts["n2"].expect((200,), "GET", "/v1/sys/plugins/running")["data"]["members"]
    print(checks.that([m["node"] for m in members] == NODES, "n2 tells what every node runs"))
    wait_for(lambda: all(m["reload_needed_total"] == 0 for m in cluster.hosts["n2"].expect(
        (200,), "GET", "/v1/sys/plugins/running")["data"]["members"]), "no mount needs a reload")
    print(checks.that(True, "no mount on any node needs a reload"))


def finish(cluster, checks):
    for node in list(cluster.loads):
        cluster.end_load(node)
    for node, final, problems in sorted(cluster.finals):
        text = "the load client broke" if final is None else (
            f"{node}: {final['sent']} requests, {final['failed']} failed, highest latency "
            f"{final['latency_ms']['max']} ms")
        print(checks.that(not problems, text if not problems else f"{node}: {problems}"))
    for node, host in cluster.hosts.items():
        stopped, left = host.stop(), host.leftovers()
        print(checks.that(stopped == 0 and not left,
                          f"{node} stopped cleanly and left nothing" if not left
                          else f"{node} left behind: {left}"))


def main():
    end_on_sigterm()
    checks, started = Checks(), time.monotonic()
    cluster = Cluster(sys.argv[1])
    try:
        set_up(cluster)
        for node in NODES:
            cluster.load(node, node)
        roll(cluster, checks)
        look(cluster, checks)
        finish(cluster, checks)
    except ApiError as error:
        checks.that(False, str(error))
    finally:
        tails = {node: host.log_tail() for node, host in cluster.hosts.items()}
        cluster.close()
    print(f"\n{time.monotonic() - started:.0f} seconds.")
    if checks.failed:
        print("\nDid not hold:", *checks.failed, sep="\n  ")
        for node, tail in tails.items():
            print(f"\nThe last words of {node}:\n{tail}")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
