"""The two hosts of README do what it says: hosts_test.py EXAMPLES"""
import os
import subprocess
import sys
import tempfile
import unittest

EXAMPLES = ""


class Hosts(unittest.TestCase):
    def check(self, name):
        program = os.path.join(EXAMPLES, "bin", name)
        if name == "c_host" and not os.path.exists(program):
            self.skipTest("built without the C library")
        with tempfile.TemporaryDirectory(prefix="plugreload-") as work:
            done = subprocess.run([program, os.path.join(EXAMPLES, "plugins"), work + "/run"],
                                  env={**os.environ, "PLUGRELOAD_DATA_DIR": work + "/data"},
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            first, second = done.stdout.splitlines()
            self.assertTrue(first.startswith(f"v1.0.0 at unix:{work}/run/"), first)
            self.assertEqual(second, "kv/ now runs v2.0.0")
            left = [name for _, names, files in os.walk(work + "/run") for name in names + files]
            self.assertEqual(left, [])

    def test_the_cpp_host(self):
        self.check("cpp_host")

    def test_the_c_host(self):
        self.check("c_host")


if __name__ == "__main__":
    EXAMPLES = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
