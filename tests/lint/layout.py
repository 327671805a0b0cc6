#!/usr/bin/env python3
"""The rules of the house that a compiler does not check.

    layout.py ROOT [--cxx COMPILER --cc COMPILER]

Prints `file:line: rule: what is wrong` for every violation and exits 1 if there was one. With
compilers given, every public header is also compiled alone. layout_test.py shows each rule fail.
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# The rooms of lib/ and their layers; includes go downward only, never sideways.
LAYERS = {
    "base": 1,
    "os": 2, "json": 2,
    "state": 3,
    "registry": 4, "namespaces": 4, "launch": 4, "store": 4,
    "reload": 5,
    "cluster": 6,
    "dispatch": 7,
    "runtime": 8,
}
# Optional components: behind the public seams, so they see only themselves and public headers.
COMPONENTS = {"testing", "goplugin", "etcd", "sqlite"}
NOT_ROOMS = {"cmake"}

TOP_LEVEL = {"CMakeLists.txt", "include", "lib", "capi", "tests", "examples", "LICENSE",
             "README.md"}
BUILD_TREES = re.compile(r"^build(-.*)?$")

SOURCE = (".cpp", ".hpp", ".h", ".c", ".py")
MAX_LINES = 499

# Standard headers, the C ones with and without `c`. Anything else in a public header is foreign.
STANDARD = set("""
algorithm any array atomic barrier bit bitset charconv chrono compare complex concepts
condition_variable coroutine deque exception execution expected filesystem format forward_list
fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits
list locale map memory memory_resource mutex new numbers numeric optional ostream queue random
ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack
stacktrace stdexcept stop_token streambuf string string_view strstream syncstream system_error
thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant
vector version cassert cctype cerrno cfenv cfloat cinttypes climits cmath cstdarg cstddef cstdint
cstdio cstdlib cstring ctime cwchar assert.h stdarg.h stdbool.h stddef.h stdint.h limits.h string.h
""".split())

CORE_NEVER = re.compile(r"^(grpc|grpcpp|google/protobuf|sqlite3|etcd|boost|catch2|benchmark)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\("
                   r"|\bpoll\(\s*(nullptr|NULL)\s*,\s*0\b|^\s*sleep\s+[\d.$]")
GUEST = re.compile(
    r"std::(cout|cerr|clog)\b"
    r"|(?<![\w.>])(::|std::)?(printf|puts|putchar|perror|setenv|putenv|unsetenv|chdir|fchdir|umask"
    r"|setlocale|atexit|exit|quick_exit|abort|signal|system)\s*\("
    r"|\bfprintf\s*\(\s*std(out|err)\b|\bwaitpid\s*\(\s*-1")
TODO = re.compile(r"\bTODO\b(?:\((\w*)\))?")
TODO_KINDS = {"abi", "perf", "port"}


class Report:
    def __init__(self, root):
        self.root = root
        self.found = []

    def add(self, path, line, rule, text):
        self.found.append((os.path.relpath(path, self.root), line, rule, text))


def files_below(root, folder, endings):
    for where, folders, names in os.walk(os.path.join(root, folder)):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__pycache__")
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.join(where, name)


def lines_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def includes_of(path):
    for number, line in enumerate(lines_of(path), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == "<", match.group(2)


def check_lib(report, root):
    for path in files_below(root, "lib", (".cpp", ".hpp", ".h")):
        parts = os.path.relpath(path, os.path.join(root, "lib")).split(os.sep)
        room = parts[0] if len(parts) > 1 else ""
        if room in NOT_ROOMS:
            continue
        if room not in LAYERS and room not in COMPONENTS:
            report.add(path, 1, "rooms", f"lib/{room} is no room of the plan; "
                       "name its layer in tests/lint/layout.py")
            continue
        for number, angle, name in includes_of(path):
            if name.startswith("rapidjson/") and room != "json" and room not in COMPONENTS:
                report.add(path, number, "rapidjson",
                           "of the core, only lib/json includes RapidJSON")
            if room in LAYERS and CORE_NEVER.match(name):
                report.add(path, number, "core", f"the core never includes <{name}>")
            if not angle:
                check_room_include(report, path, number, room, name)


def check_room_include(report, path, number, room, name):
    target = name.split("/")[0] if "/" in name else ""
    if target in ("plugreload", room):
        return
    if target not in LAYERS:
        report.add(path, number, "include-form",
                   f'"{name}" is neither "room/file.hpp" of a known room nor "plugreload/x.hpp"')
    elif room in COMPONENTS:
        report.add(path, number, "layers",
                   f"component {room} sees only itself and public headers, not {target}")
    elif LAYERS[target] == LAYERS[room]:
        report.add(path, number, "layers",
                   f"{room} and {target} are rooms of one layer (L{LAYERS[room]})")
    elif LAYERS[target] > LAYERS[room]:
        report.add(path, number, "layers", f"{room} (L{LAYERS[room]}) includes upward: "
                   f"{target} (L{LAYERS[target]})")


def check_public(report, root):
    for path in files_below(root, "include", (".hpp", ".h")):
        for number, angle, name in includes_of(path):
            if angle and name not in STANDARD:
                report.add(path, number, "public-std",
                           f"a public header includes <{name}>, which is not standard")
            if not angle and not name.startswith("plugreload/"):
                report.add(path, number, "public-std",
                           f'a public header includes "{name}", which is not installed')


def check_public_only(report, root):
    """Who sees only what a user sees: the C ABI, the examples, and the tests of what users link."""
    for folder in ("capi", "examples", "tests/api", "tests/capi", "tests/abi", "tests/scenario",
                   "tests/install"):
        for path in files_below(root, folder, (".cpp", ".hpp", ".h", ".c")):
            for number, angle, name in includes_of(path):
                room = name.split("/")[0] if "/" in name else ""
                if angle:
                    if folder == "capi" and name.startswith(("rapidjson/", "absl/", "fmt/")):
                        report.add(path, number, "public-only",
                                   f"capi is written on the public headers alone, not <{name}>")
                    continue
                if room in ("plugreload", "support") and not (folder == "capi" and
                                                              room == "support"):
                    continue
                beside = os.path.join(os.path.dirname(path), name)
                within = os.path.join(root, folder.split("/")[0], name)
                if not (os.path.exists(beside) or os.path.exists(within)):
                    report.add(path, number, "public-only",
                               f'{folder} sees only public headers, not "{name}"')


def check_sizes(report, root):
    for folder in ("include", "lib", "capi", "tests", "examples"):
        for path in files_below(root, folder, SOURCE):
            count = len(lines_of(path))
            if count > MAX_LINES:
                report.add(path, count, "size", f"{count} lines; split it below {MAX_LINES + 1}")


def check_top(report, root):
    for name in sorted(os.listdir(root)):
        if name.startswith(".") or BUILD_TREES.match(name) or name in TOP_LEVEL:
            continue
        report.add(os.path.join(root, name), 0, "top-level", "not an entry of the plan's top level")
    for name in sorted(TOP_LEVEL):
        if not os.path.exists(os.path.join(root, name)):
            report.add(os.path.join(root, name), 0, "top-level", "missing")


def tagged(lines, index, tag):
    """The line or the one above it (or the end of the comment above it) gives a reason."""
    pattern = re.compile(rf"lint: {tag} \S+")
    while True:
        if pattern.search(lines[index]):
            return True
        index -= 1
        if index < 0 or not re.match(r"\s*(//|#|/?\*)", lines[index]):
            return False


def check_words(report, root):
    here = os.path.dirname(os.path.relpath(os.path.abspath(__file__), root))
    for folder in ("include", "lib", "capi", "tests", "examples"):
        for path in files_below(root, folder, SOURCE + (".sh", ".txt", "run", "demo")):
            relative = os.path.relpath(path, root)
            if os.path.dirname(relative) == here:
                continue  # these very rules and their bad examples
            lines = lines_of(path)
            for index, line in enumerate(lines):
                check_line(report, path, relative, lines, index, line)


def check_line(report, path, relative, lines, index, line):
    for match in TODO.finditer(line):
        if match.group(1) not in TODO_KINDS:
            report.add(path, index + 1, "todo", "a TODO names its kind "
                       f"({', '.join(sorted(TODO_KINDS))}) and none is for now")
    code = re.sub(r'"(\\.|[^"\\])*"', '""', line.split("//")[0])
    if relative.startswith("tests/") and not relative.startswith("tests/plugins/"):
        if SLEEP.search(code) and not tagged(lines, index, "allow-sleep"):
            report.add(path, index + 1, "sleep", "no sleep as synchronisation: wait for an event "
                       "with a deadline (or say `lint: allow-sleep why` above)")
    if relative.startswith(("lib/", "capi/")) and path.endswith((".cpp", ".hpp", ".h")):
        if GUEST.search(code) and not tagged(lines, index, "allow-guest"):
            report.add(path, index + 1, "guest", "the library is a guest in its host "
                       "(or say `lint: allow-guest why` above)")


def check_first_lines(report, root):
    for folder, prefix in (("include", "include"), ("lib", "lib"), ("tests/support", "tests")):
        for path in files_below(root, folder, (".hpp", ".h")):
            name = os.path.relpath(path, os.path.join(root, prefix))
            first = (lines_of(path) or [""])[0]
            if not re.match(rf"(//|/\*) {re.escape(name)} - \S", first):
                report.add(path, 1, "first-line", f'begins with "// {name} - what it is for."')


def check_alone(report, root, cxx, cc):
    """Every public header compiles alone, the C ones as C99 and as C++ too."""
    include = os.path.join(root, "include")
    jobs = []
    for path in files_below(root, "include", (".hpp", ".h")):
        flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", include]
        jobs.append((path, [cxx, "-x", "c++", "-std=c++20", *flags, "-"]))
        if path.endswith(".h"):
            jobs.append((path, [cc, "-x", "c", "-std=c99", *flags, "-"]))

    def compile_one(job):
        path, command = job
        name = os.path.relpath(path, include)
        # Twice, so that a missing guard shows.
        text = f'#include "{name}"\n#include "{name}"\nextern int not_empty;\n'
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return path, done.returncode, done.stderr

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, code, errors in pool.map(compile_one, jobs):
            if code != 0:
                first = next((l for l in errors.splitlines() if "error" in l), errors.strip())
                report.add(path, 1, "alone", f"does not compile alone: {first}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--cxx")
    parser.add_argument("--cc")
    options = parser.parse_args()
    root = os.path.abspath(options.root)
    report = Report(root)
    for check in (check_lib, check_public, check_public_only, check_sizes, check_top, check_words,
                  check_first_lines):
        check(report, root)
    if options.cxx:
        check_alone(report, root, options.cxx, options.cc or "cc")
    for path, line, rule, text in sorted(report.found):
        print(f"{path}:{line}: {rule}: {text}")
    return 1 if report.found else 0


if __name__ == "__main__":
    sys.exit(main())
