#!/usr/bin/env python3
"""Instructions of the hot path, counted by callgrind, beside what they were when last looked at.

    check.py PROGRAM WAY        WAY is a line of recorded.txt
    check.py PROGRAM --spoiled  that a slower hot path is noticed

Counts do not depend on the machine's mood, so this cannot fail without a reason. A count that is
too low fails as well: record it, or nobody notices when the gain is lost again.
"""
import os
import re
import subprocess
import sys
import tempfile

TIMES = 1000
MARGIN = 0.10  # keys of the hash are random: a probe more here and there


def recorded():
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.txt")
    with open(file, encoding="utf-8") as lines:
        return {way: float(count) for way, count in
                (line.split() for line in lines if line.strip() and not line.startswith("#"))}


def count(program, way):
    function = "measured_resolve" if way == "resolve" else "measured_acquire"
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={function}",
             f"--callgrind-out-file={directory}/out", program, way],
            capture_output=True, text=True, timeout=240, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found or int(found.group(1)) == 0:
        sys.exit(f"{program} {way} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return int(found.group(1)) / TIMES


def main():
    program, way = sys.argv[1:]
    spoiled = way == "--spoiled"
    wanted = recorded()["acquire" if spoiled else way]
    counted = count(program, "spoiled" if spoiled else way)
    fits = abs(counted - wanted) <= wanted * MARGIN
    print(f"{way}: {counted:.1f} instructions, recorded {wanted:.1f}, "
          f"{(counted / wanted - 1) * 100:+.1f}%, at most {MARGIN * 100:.0f}% either way")
    if spoiled:
        return 1 if fits else 0
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
