#!/usr/bin/env python3
"""Shows that each rule of layout.py and readme.py fails on a tree that breaks it, and only then."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))

GOOD = {
    "CMakeLists.txt": "", "LICENSE": "",
    "README.md": "<!-- file: examples/a.cpp -->\n```cpp\nint main() {}\n```\n",
    "include/plugreload/x.hpp":
        "// plugreload/x.hpp - x.\n#ifndef X_\n#define X_\n#include <string>\n#endif\n",
    "lib/base/a.hpp": "// base/a.hpp - a.\n#ifndef A_\n#define A_\n#include <unistd.h>\n#endif\n",
    "lib/json/j.cpp": '#include <rapidjson/reader.h>\n#include "base/a.hpp"\n',
    "lib/reload/r.cpp": '#include "reload/slot.hpp"\n#include "plugreload/x.hpp"\n'
                        'std::string text = "exit(1)";  // as exit(1) would\n',
    "capi/c.hpp": "// c.hpp - c.\n", "capi/c.cpp": '#include "c.hpp"\n',
    "tests/unit/t_test.cpp": "// lint: allow-sleep a reason\nusleep(1);\n// TODO(perf): faster\n",
    "tests/plugins/p.cpp": "int main() { sleep(1); }\n",
    "examples/a.cpp": "int main() {}\n",
    ".hidden": "", "build/rubbish": "", "build-x/rubbish": "",
}


def run(script, changes, *options):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **changes}.items():
            if text is None:
                continue
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([sys.executable, os.path.join(HERE, script), root, *options],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class Layout(unittest.TestCase):
    def fails(self, where, path, text, *options):
        code, out = run("layout.py", {path: text}, *options)
        self.assertEqual((code, [l for l in out.splitlines() if l.startswith(where)][:1] != []),
                         (1, True), out)
        self.assertEqual(len(out.splitlines()), 1, out)

    def passes(self, path, text):
        self.assertEqual(run("layout.py", {path: text}), (0, ""))

    def test_a_good_tree_passes(self):
        self.assertEqual(run("layout.py", {}, "--cxx", os.environ.get("CXX", "c++"),
                             "--cc", os.environ.get("CC", "cc")), (0, ""))

    def test_includes_go_downward_only(self):
        self.fails("lib/state/s.cpp:2: layers:", "lib/state/s.cpp", '\n#include "reload/slot.hpp"\n')
        self.fails("lib/base/b.cpp:1: layers:", "lib/base/b.cpp", '#include "os/fd.hpp"\n')
        self.passes("lib/runtime/r.cpp", '#include "base/a.hpp"\n#include "dispatch/d.hpp"\n')

    def test_rooms_of_one_layer_do_not_include_each_other(self):
        self.fails("lib/os/o.cpp:1: layers:", "lib/os/o.cpp", '#include "json/json.hpp"\n')

    def test_components_see_only_public_headers(self):
        self.fails("lib/etcd/e.cpp:2: layers:", "lib/etcd/e.cpp",
                   '#include <grpcpp/grpcpp.h>\n#include "base/a.hpp"\n')

    def test_unknown_rooms_and_bare_includes(self):
        self.fails("lib/attic/a.cpp:1: rooms:", "lib/attic/a.cpp", "")
        self.fails("lib/loose.cpp:1: rooms:", "lib/loose.cpp", "")
        self.fails("lib/os/o.cpp:1: include-form:", "lib/os/o.cpp", '#include "fd.hpp"\n')

    def test_third_parties_stay_where_they_belong(self):
        self.fails("lib/state/s.cpp:1: rapidjson:", "lib/state/s.cpp",
                   "#include <rapidjson/writer.h>\n")
        for name in ("grpcpp/server.h", "grpc/grpc.h", "sqlite3.h", "etcd/Client.hpp",
                     "boost/asio.hpp"):
            self.fails("lib/store/s.cpp:1: core:", "lib/store/s.cpp", f"#include <{name}>\n")

    def test_public_headers_use_the_standard_library_alone(self):
        head = "// plugreload/y.hpp - y.\n"
        for line in ("#include <unistd.h>", "#include <absl/strings/str_cat.h>",
                     '#include "base/a.hpp"'):
            self.fails("include/plugreload/y.hpp:2: public-std:", "include/plugreload/y.hpp",
                       head + line + "\n")

    def test_users_and_the_c_abi_see_only_public_headers(self):
        for folder in ("capi", "examples", "tests/api", "tests/capi", "tests/scenario"):
            self.fails(f"{folder}/z.cpp:1: public-only:", f"{folder}/z.cpp",
                       '#include "base/a.hpp"\n')
        self.fails("capi/z.cpp:1: public-only:", "capi/z.cpp", "#include <rapidjson/reader.h>\n")
        self.passes("tests/api/z_test.cpp", '#include "support/catch.hpp"\n')

    def test_files_stay_small(self):
        self.fails("lib/os/o.cpp:500: size:", "lib/os/o.cpp", "\n" * 500)
        self.passes("lib/os/o.cpp", "\n" * 499)

    def test_the_top_level_is_fixed(self):
        self.fails("docs/x:0: top-level:".replace("/x", ""), "docs/x", "")
        code, out = run("layout.py", {"LICENSE": None})
        self.assertEqual((code, out), (1, "LICENSE:0: top-level: missing\n"))

    def test_todos_name_their_kind(self):
        for text in ("// TODO(now): mend\n", "// TODO: mend\n", "// TODO(me): mend\n"):
            self.fails("lib/os/o.cpp:1: todo:", "lib/os/o.cpp", text)

    def test_tests_do_not_sleep(self):
        for line in ("std::this_thread::sleep_for(x);", "usleep(1);", "sleep(1);", "time.sleep(1)",
                     "::poll(nullptr, 0, 5);", "nanosleep(&t, nullptr);"):
            self.fails("tests/unit/u_test.cpp:2: sleep:", "tests/unit/u_test.cpp",
                       "// a comment, no reason\n" + line + "\n")
        self.fails("tests/run:1: sleep:", "tests/run", "sleep 1\n")
        self.fails("tests/unit/u_test.cpp:1: sleep:", "tests/unit/u_test.cpp",
                   "sleep(1);  // lint: allow-sleep\n")

    def test_the_library_is_a_guest(self):
        for line in ("std::cerr << 1;", "exit(1);", "std::abort();", "::setenv(a, b, 1);",
                     'printf("x");', "fprintf(stderr, x);", "umask(0);", "waitpid(-1, 0, 0);",
                     "signal(SIGPIPE, SIG_IGN);"):
            self.fails("lib/os/o.cpp:1: guest:", "lib/os/o.cpp", line + "\n")
        self.passes("lib/os/o.cpp", "on_exit(x); a.exit(1); snprintf(b, 1, x); instance->exit();\n"
                    "abort();  // lint: allow-guest a reason\n")

    def test_headers_say_what_they_are_for(self):
        self.fails("lib/os/o.hpp:1: first-line:", "lib/os/o.hpp", "// os/other.hpp - what.\n")
        self.fails("tests/support/s.hpp:1: first-line:", "tests/support/s.hpp", "")

    def test_public_headers_compile_alone(self):
        compilers = ("--cxx", os.environ.get("CXX", "c++"), "--cc", os.environ.get("CC", "cc"))
        self.fails("include/plugreload/y.hpp:1: alone:", "include/plugreload/y.hpp",
                   "// plugreload/y.hpp - y.\n#ifndef Y_\n#define Y_\nstd::string y;\n#endif\n",
                   *compilers)
        self.fails("include/plugreload/y.hpp:1: alone:", "include/plugreload/y.hpp",
                   "// plugreload/y.hpp - y.\nstruct Unguarded {};\n", *compilers)
        self.fails("include/plugreload/y.h:1: alone:", "include/plugreload/y.h",
                   "/* plugreload/y.h - y. */\n#ifndef Y_\n#define Y_\nclass Y;\n#endif\n",
                   *compilers)


class Readme(unittest.TestCase):
    def test_the_same_text_passes(self):
        self.assertEqual(run("readme.py", {})[0], 0)

    def test_writing_makes_them_equal(self):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {"README.md": "<!-- file: a.c -->\n```c\n```\nend\n",
                               "a.c": 'int a; // \\n "```"\n'}.items():
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            for options, code in (([], 1), (["--write"], 0), ([], 0)):
                done = subprocess.run([sys.executable, os.path.join(HERE, "readme.py"), root,
                                       *options], capture_output=True, check=False)
                self.assertEqual(done.returncode, code, done.stdout)
            with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "<!-- file: a.c -->\n```c\nint a; // \\n \"```\"\n"
                                 "```\nend\n")

    def test_a_changed_file_fails(self):
        code, out = run("readme.py", {"examples/a.cpp": "int main() { return 1; }\n"})
        self.assertEqual(code, 1)
        self.assertIn("README.md:1: the block differs from examples/a.cpp", out)

    def test_a_missing_file_fails(self):
        self.assertEqual(run("readme.py", {"examples/a.cpp": None})[0], 1)

    def test_a_block_without_a_file_fails(self):
        code, out = run("readme.py", {"README.md": GOOD["README.md"] + "\n```c\nint x;\n```\n"})
        self.assertEqual(code, 1)
        self.assertIn("no file backs", out)

    def test_a_readme_without_a_program_fails(self):
        self.assertEqual(run("readme.py", {"README.md": "nothing\n"})[0], 1)


if __name__ == "__main__":
    unittest.main()
