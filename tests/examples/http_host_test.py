"""Starts the example host and drives it as a client would: http_host_test.py EXAMPLES [TEST...]"""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../examples/demo.d"))
from host import ApiError, Host  # noqa: E402

EXAMPLES = ""


class Call(threading.Thread):
    """A call on a thread of its own."""

    def __init__(self, host, *arguments, **more):
        super().__init__(daemon=True)
        self.call, self.result = lambda: host.call(*arguments, **more), None
        self.start()

    def run(self):
        try:
            self.result = self.call()
        except OSError as error:
            self.result = error

    def end(self):
        self.join(30)
        return self.result


class HostTest(unittest.TestCase):
    arguments = ("--dev",)

    def setUp(self):
        self.host = Host(EXAMPLES, self.arguments)
        self.addCleanup(self.host.close)

    def tearDown(self):
        if self.host.process.returncode is None:
            self.assertEqual(self.host.stop(), 0, self.host.log_tail())
        self.assertEqual(self.host.leftovers(), [])

    def with_kv(self, *namespaces):
        for version in ("v1.0.0", "v2.0.0"):
            self.host.register(version, f"kv-{version}", env=["KV_JOURNAL=1"])
        self.host.pin("v1.0.0")
        for ns in namespaces or ("",):
            if ns:
                self.host.namespace(ns)
            self.host.mount(ns)
            self.assertEqual(self.host.call("PUT", "/v1/kv/greeting", "hello", ns)[0], 204)

    def reload(self, **body):
        status, content, _ = self.host.call("POST", "/v1/sys/plugins/reload/secret/kv", body)
        self.assertEqual(status, 200, content)
        return content["data"]

    def wait_for_id(self, request_id):
        """Until a plugin has seen the request."""
        deadline = time.monotonic() + 10
        while request_id not in self.host.journal():
            self.assertLess(time.monotonic(), deadline, "no plugin has seen " + request_id)
            # lint: allow-sleep the journal is another process's file
            time.sleep(0.005)

    def slow_get(self, request_id, ms):
        call = Call(self.host, "GET", f"/v1/kv/greeting?delay_ms={ms}",
                    headers={"X-Request-Id": request_id})
        self.wait_for_id(request_id)
        return call


class Serving(HostTest):
    def test_values_stay_when_versions_and_languages_change(self):
        self.with_kv()
        self.host.register("v3.0.0", "kv.py", env=["KV_JOURNAL=1"])
        for version in ("v1.0.0", "v2.0.0", "v3.0.0"):
            self.host.pin(version)
            self.reload()
            now = self.host.who()
            self.assertEqual((now["version"], now["value"]), (version, "hello"))
            self.host.expect((204,), "PUT", f"/v1/kv/dir/{version}", "more")
        self.assertEqual(self.host.expect((200,), "LIST", "/v1/kv/dir")["data"]["keys"],
                         ["v1.0.0", "v2.0.0", "v3.0.0"])
        self.assertEqual(self.host.expect((200,), "GET", "/v1/kv/?list=true")["data"]["keys"],
                         ["dir/", "greeting"])
        self.host.expect((204,), "DELETE", "/v1/kv/greeting")
        self.host.expect((404,), "GET", "/v1/kv/greeting")

    def test_what_is_not_there_is_404(self):
        self.with_kv("", "team")
        for path, ns in (("/v1/none/a", ""), ("/v1/kvx", ""), ("/v1/none/a", "team"),
                         ("/v1/kv/a", "nobody"), ("/v1/kv/none", ""), ("/kv/greeting", "")):
            status, content, _ = self.host.call("GET", path, ns=ns)
            self.assertEqual(status, 404, (path, ns, content))
            self.assertIn("errors", content)

    def test_the_namespace_comes_from_header_and_path(self):
        self.with_kv("", "team")
        self.host.namespace("other")
        self.host.expect((204,), "PUT", "/v1/kv/where", "team", ns="team")
        self.host.expect((404,), "GET", "/v1/kv/where")
        for path, ns in (("/v1/team/kv/where", ""), ("/v1/kv/where", "team/"),
                         ("/v1/team/kv/where", "root"), ("/v1/kv/where", "/team")):
            self.assertEqual(self.host.expect((200,), "GET", path, ns=ns)["data"]["value"], "team")
        self.assertEqual(self.host.call("GET", "/v1/team/sys/mounts")[0], 200)
        self.assertEqual(self.host.call("GET", "/v1/sys/mounts", ns="team")[0], 200)
        # Behind a mount, "sys" is a key like any other.
        self.host.expect((204,), "PUT", "/v1/team/kv/sys/mounts", "mine")
        self.assertEqual(self.host.expect((200,), "GET", "/v1/kv/sys/mounts",
                                          ns="team")["data"]["value"], "mine")

    def test_a_request_that_runs_during_a_reload_ends_on_the_old_version(self):
        self.with_kv()
        call = self.slow_get("slow", 700)
        self.host.pin("v2.0.0")
        reload = Call(self.host, "POST", "/v1/sys/plugins/reload/secret/kv")
        deadline = time.monotonic() + 10
        while self.host.who()["version"] != "v2.0.0":
            self.assertLess(time.monotonic(), deadline)
        self.assertIsNone(call.result, "the slow request ended before the swap was seen")
        status, content, headers = call.end()
        self.assertEqual((status, content["version"]), (200, "v1.0.0"))
        self.assertEqual(headers["X-Plugreload-Version"], "v1.0.0")
        status, content, _ = reload.end()
        self.assertEqual((status, content["data"]["state"]), (200, "done"))

    def test_requests_wait_while_a_stop_first_reload_holds_them(self):
        self.with_kv()
        failures, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                status, content, _ = self.host.call("GET", "/v1/kv/greeting")
                if status != 200:
                    failures.append((status, content))

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        for version in ("v2.0.0", "v1.0.0", "v2.0.0"):
            self.host.pin(version)
            self.assertEqual(self.reload(order="stop_first")["reloaded"], 1)
        stop.set()
        for asker in askers:
            asker.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.host.who()["version"], "v2.0.0")

    def test_a_plugin_that_dies_breaks_its_request_once_and_comes_back(self):
        self.with_kv()
        pid = self.host.who()["pid"]
        call = self.slow_get("broken", 20_000)
        os.kill(pid, signal.SIGKILL)
        status, content, _ = call.end()
        self.assertEqual(status, 502, content)
        deadline = time.monotonic() + 15
        while self.host.call("GET", "/v1/kv/greeting")[0] != 200:
            self.assertLess(time.monotonic(), deadline)
        self.assertNotEqual(self.host.who()["pid"], pid)
        self.assertEqual(self.host.journal().count("broken"), 1)

    def test_a_plugin_that_does_not_answer_in_time_is_504(self):
        self.host.stop()
        self.host.close()
        self.host = Host(EXAMPLES, ("--dev", "--timeout-ms", "300"))
        self.addCleanup(self.host.close)
        self.with_kv()
        self.assertEqual(self.host.call("GET", "/v1/kv/greeting?delay_ms=1500")[0], 504)
        self.assertEqual(self.host.who()["value"], "hello")


class Protocol(HostTest):
    def setUp(self):
        plugins = os.path.join(os.environ["TEST_WORK"], "echo")
        os.makedirs(plugins, exist_ok=True)
        shutil.copy(os.path.join(HERE, "echo.py"), plugins)
        self.host = Host(EXAMPLES, plugins=plugins)
        self.addCleanup(self.host.close)
        self.host.register("v1.0.0", "echo.py", name="echo")
        self.host.namespace("team")
        self.host.mount("team", "echo", "echo", options={"color": "blue", "odd key": "no header"})

    def test_the_plugin_sees_the_path_below_the_mount_and_whose_request_it_is(self):
        status, seen, headers = self.host.call(
            "PATCH", "/v1/echo/a/b%20c?x=1&y", "text", "team",
            headers={"X-Plugreload-Mount": "forged", "X-Plugreload-Option-Color": "red",
                     "X-Own": "kept", "Connection": "keep-alive, X-Hop", "X-Hop": "dropped",
                     "Authorization": "Bearer root"})
        self.assertEqual(status, 200)
        self.assertEqual((seen["method"], seen["target"], seen["body"]),
                         ("PATCH", "/a/b%20c?x=1&y", "text"))
        sent = {name.lower(): value for name, value in seen["headers"].items()}
        self.assertEqual(sent["x-plugreload-namespace"], "team/")
        self.assertEqual(sent["x-plugreload-mount"], "echo/")
        self.assertEqual(sent["x-plugreload-generation"], "1")
        self.assertTrue(sent["x-plugreload-accessor"].startswith("echo_"), sent)
        self.assertEqual(sent["x-plugreload-option-color"], "blue")
        self.assertEqual(sent["x-own"], "kept")
        for absent in ("x-vault-token", "authorization", "x-hop"):
            self.assertNotIn(absent, sent)
        self.assertEqual(headers["X-Plugreload-Version"], "v1.0.0")
        self.assertEqual(headers["X-Plugreload-Generation"], "1")
        self.assertEqual(headers["X-Vault-Namespace"], "team")

    def test_head_has_no_body_and_the_connection_goes_on(self):
        connection = http.client.HTTPConnection(self.host.address, timeout=10)
        self.addCleanup(connection.close)
        for method in ("HEAD", "GET", "HEAD", "LIST"):
            connection.request(method, "/v1/team/echo/x", headers={"X-Vault-Token": "root"})
            response = connection.getresponse()
            body = response.read()
            self.assertEqual((response.status, body == b""), (200, method == "HEAD"))

    def test_large_and_chunked_bodies_arrive_whole(self):
        text = "x" * 3_000_000
        done = subprocess.run(["curl", "-sS", "-H", "X-Vault-Token: root", "--data-binary", "@-",
                               "-H", "Transfer-Encoding: chunked",
                               f"http://{self.host.address}/v1/team/echo/x"],
                              input=text, capture_output=True, text=True, timeout=30, check=True)
        self.assertIn(f'"body": "{text}"', done.stdout)
        done = subprocess.run(["curl", "-sS", "-H", "X-Vault-Token: root", "--data-binary", "@-",
                               f"http://{self.host.address}/v1/team/echo/x"],
                              input=text, capture_output=True, text=True, timeout=30, check=True)
        self.assertIn(f'"body": "{text}"', done.stdout)

    def raw(self, data):
        with socket.create_connection(self.host.address.split(":"), timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return answer.decode()

    def test_pipelined_requests_are_answered_in_order(self):
        one = "GET /v1/team/echo/{} HTTP/1.1\r\nHost: h\r\nX-Vault-Token: root\r\n\r\n"
        answer = self.raw("".join(one.format(n) for n in range(3)).encode())
        places = [answer.index(f'"target": "/{n}"') for n in range(3)]
        self.assertEqual(places, sorted(places))

    def test_what_is_not_http_is_refused(self):
        for data in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
                     b"POST /v1/x HTTP/1.1\r\nContent-Length: many\r\n\r\n"):
            self.assertTrue(self.raw(data).startswith("HTTP/1.1 400 "), data)
        self.assertTrue(self.raw(b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n")
                        .startswith("HTTP/1.1 431 "))
        self.assertEqual(self.raw(b"GET /v1/te"), "")
        self.assertEqual(self.host.call("GET", "/v1/team/echo/x")[0], 200)


class Tokens(HostTest):
    def setUp(self):
        path = os.path.join(os.environ["TEST_WORK"], "tokens")
        with open(path, "w", encoding="utf-8") as file:
            file.write("# who\nroot\n\nteam-token team\n")
        self.host = Host(EXAMPLES, ("--token-file", path))
        self.addCleanup(self.host.close)
        self.with_kv("", "team", "team/sub", "teammate")

    def test_a_token_acts_in_its_namespace_and_below_only(self):
        for token, ns, path, expected in (
                ("root", "", "/v1/kv/greeting", 200), ("root", "team", "/v1/kv/greeting", 200),
                ("team-token", "team", "/v1/kv/greeting", 200),
                ("team-token", "", "/v1/team/sub/kv/greeting", 200),
                ("team-token", "team", "/v1/sys/mounts", 200),
                ("team-token", "", "/v1/kv/greeting", 403),
                ("team-token", "teammate", "/v1/kv/greeting", 403),
                ("team-token", "", "/v1/none/greeting", 403),
                ("team-token", "team", "/v1/none/greeting", 404),
                ("team-token", "", "/v1/sys/mounts", 403),
                ("", "", "/v1/kv/greeting", 403), ("toor", "", "/v1/kv/greeting", 403),
                ("roo", "", "/v1/kv/greeting", 403), ("rootroot", "", "/v1/kv/greeting", 403),
                ("", "", "/v1/sys/mounts", 403), ("", "team", "/v1/none", 403)):
            status, content, _ = self.host.call("GET", path, ns=ns, token=token)
            self.assertEqual(status, expected, (token, ns, path, content))
        status, _, _ = self.host.call("POST", "/v1/sys/plugins/reload/secret/kv",
                                      token="team-token")
        self.assertEqual(status, 403)

    def test_a_bearer_is_a_token_too(self):
        self.assertEqual(self.host.call("GET", "/v1/kv/greeting", token="",
                                        headers={"Authorization": "Bearer root"})[0], 200)
        self.assertEqual(self.host.call("GET", "/v1/sys/mounts", token="",
                                        headers={"Authorization": "Bearer root"})[0], 200)


class Ending(HostTest):
    def test_sigterm_lets_the_running_request_finish(self):
        self.with_kv()
        call = self.slow_get("last", 800)
        self.host.process.send_signal(signal.SIGTERM)
        status, content, headers = call.end()
        self.assertEqual((status, content["version"]), (200, "v1.0.0"))
        self.assertEqual(headers["Connection"], "close")
        self.assertEqual(self.host.process.wait(20), 0, self.host.log_tail())

    def test_sigint_ends_it_and_idle_connections(self):
        self.with_kv()
        with socket.create_connection(self.host.address.split(":")) as idle:
            self.host.process.send_signal(signal.SIGINT)
            self.assertEqual(self.host.process.wait(20), 0, self.host.log_tail())
            self.assertEqual(idle.recv(1), b"")

    def test_a_killed_host_takes_its_plugins_with_it_and_the_next_start_sweeps(self):
        self.with_kv("", "team")
        self.host.kill()
        deadline = time.monotonic() + 10
        while list(self.host._processes()):
            self.assertLess(time.monotonic(), deadline, list(self.host._processes()))
            # lint: allow-sleep they are the children of a process that is gone
            time.sleep(0.02)
        again = Host(EXAMPLES, work=self.host.work)
        self.addCleanup(again.close)
        self.assertEqual(again.stop(), 0)
        self.assertEqual(again.leftovers(), [])

    def restart(self, *more, kill=False):
        if kill:
            self.host.kill()
        else:
            self.assertEqual(self.host.stop(), 0, self.host.log_tail())
        again = Host(EXAMPLES, ("--dev", *more), work=self.host.work)
        self.addCleanup(again.close)
        self.host = again

    def test_a_restarted_host_brings_every_mount_back(self):
        self.with_kv("", "team", "team/project")
        self.host.pin("v2.0.0")
        for kill in (False, True):
            self.restart(kill=kill)
            for ns in ("", "team", "team/project"):
                now = self.host.who(ns)
                self.assertEqual((now["version"], now["value"]), ("v2.0.0", "hello"), (ns, kill))
            pins = self.host.expect((200,), "GET", "/v1/sys/plugins/pins")
            self.assertEqual(pins["data"]["pinned_versions"][0]["version"], "v2.0.0")
        # Where nothing is kept, nothing comes back.
        self.restart("--store", "memory")
        self.host.expect((404,), "GET", "/v1/kv/greeting")
        self.restart("--store", f"sqlite:{self.host.work}/data/plugreload.db")
        self.assertEqual(self.host.who("team")["version"], "v2.0.0")

    def test_it_says_why_a_store_cannot_be_opened(self):
        for store in ("sqlite:/nonexistent/store.db", "sqlite:", "nonsense"):
            with self.assertRaises(ApiError) as refused:
                Host(EXAMPLES, ("--dev", "--store", store))
            self.assertIn("--store " + store, str(refused.exception))

    def test_it_does_not_start_where_it_would_be_open(self):
        for arguments in (("--dev", "--listen", "0.0.0.0:0"), (), ("--nonsense",),
                          ("--token-file", "/nonexistent")):
            with self.assertRaises(ApiError):
                Host(EXAMPLES, arguments)


if __name__ == "__main__":
    EXAMPLES = sys.argv.pop(1)
    import tempfile
    with tempfile.TemporaryDirectory(prefix="plugreload-test-") as work:
        os.environ["TEST_WORK"] = work
        program = unittest.main(verbosity=2, exit=False)
    sys.exit(not program.result.wasSuccessful())
