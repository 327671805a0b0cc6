#!/usr/bin/env python3
"""Runs the programs of the suite and puts their rows together.

    suite.py BUILD [--json FILE] [--svg FILE] [--table FILE] [--only NAME,...]
    suite.py BUILD --from FILE [--table FILE]

BUILD is a tree with the target plugreload_bench. Prints every row with the most that it may be;
exits with 1 when a program failed. A row above its bar is told, and is no failure: the machine and
its neighbours have a part in it. The tables, BUILD/table.md, begin with README's; --from makes
them anew of figures that --json kept.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ["lease", "resolve", "path", "reload", "scale", "goplugin"]
# Those of a component that may not have been built.
OPTIONAL = {"goplugin"}


def run(command, json_file):
    done = subprocess.run([*command, "--json", json_file], check=False)
    if done.returncode != 0:
        print(f"{command[0]} ended with {done.returncode}", file=sys.stderr)
        return None
    with open(json_file, encoding="utf-8") as file:
        return json.load(file)


def costs(parts):
    """The points of all programs as a table: a line per name, a column per size."""
    points = [point for part in parts for point in part.get("points", [])]
    sizes = sorted({point["size"] for point in points})
    names = list(dict.fromkeys((point["name"], point["unit"]) for point in points))
    found = {(point["name"], point["size"]): point["value"] for point in points}
    yield f"{'cost at so many mounts':<44}" + "".join(f"{size:>12,.0f}" for size in sizes)
    for name, unit in names:
        yield f"{name + ', ' + unit:<44}" + "".join(
            f"{found[name, size]:>12,.1f}" if (name, size) in found else f"{'':>12}"
            for size in sizes)


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def comparisons(rows):
    yield "| row | ours | beside it | ratio | at most |"
    yield "|---|--:|--:|--:|--:|"
    for row in rows:
        bar = "" if row["holds"] is None else f"{row['bar']:.3g}" + ("" if row["holds"] else ", missed")
        yield (f"| {row['row']} | {number(row['ours_cost'])} {row['unit']} "
               f"| {number(row['other_cost'])} {row['unit']} "
               f"| {row['ratio']:.3g} [{row['low']:.3g}..{row['high']:.3g}] | {bar} |")
    yield ""


def table(parts, load):
    """What must not cost more than it may, which is README's; then every other comparison, the
    figures, and what size costs."""
    yield (f"Medians of interleaved rounds of one run on {os.cpu_count()} processors, load {load} at its "
           "end; in brackets the 10th and 90th percentile of the rounds' ratios.")
    yield ""
    rows = [row for part in parts for row in part.get("rows", [])]
    yield from comparisons([row for row in rows if row["holds"] is not None])
    yield from comparisons([row for row in rows if row["holds"] is None])
    yield "| figure | |"
    yield "|---|--:|"
    for figure in [figure for part in parts for figure in part.get("figures", [])]:
        yield f"| {figure['name']} | {number(figure['value'])} {figure['unit']} |"
    points = [point for part in parts for point in part.get("points", [])]
    sizes = sorted({point["size"] for point in points})
    if not points:
        return
    yield ""
    yield "| cost at so many mounts | " + " | ".join(f"{size:,.0f}" for size in sizes) + " |"
    yield "|---|" + "--:|" * len(sizes)
    found = {(point["name"], point["size"]): point["value"] for point in points}
    for name, unit in dict.fromkeys((point["name"], point["unit"]) for point in points):
        yield f"| {name}, {unit} | " + " | ".join(
            number(found[name, size]) if (name, size) in found else "" for size in sizes) + " |"


def verdicts(parts):
    rows = [row for part in parts for row in part.get("rows", []) + part.get("figures", [])
            if row.get("holds") is not None]
    missed = [row for row in rows if not row["holds"]]
    yield f"{len(rows) - len(missed)} of {len(rows)} bars hold"
    for row in missed:
        figure = row.get("ratio", row.get("value"))
        spread = f" [{row['low']:.3g}..{row['high']:.3g}]" if "low" in row else ""
        yield f"missed: {row.get('row', row.get('name'))}: {figure:.3g}{spread}, bar {row['bar']:g}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--json")
    parser.add_argument("--svg")
    parser.add_argument("--table")
    parser.add_argument("--from", dest="kept")
    parser.add_argument("--only", default=",".join(PROGRAMS + ["latency"]))
    options = parser.parse_args()
    options.table = options.table or os.path.join(options.build, "table.md")
    if options.kept:
        with open(options.kept, encoding="utf-8") as file:
            kept = json.load(file)
        write_table(options.table, kept["parts"], kept["load"])
        return 0
    return run_all(options, options.only.split(","))


def write_table(name, parts, load):
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join(table(parts, load)) + "\n")


def run_all(options, wanted):
    parts = []
    with tempfile.TemporaryDirectory() as directory:
        for name in PROGRAMS:
            program = os.path.join(options.build, "tests/bench", name + "_bench")
            if name in OPTIONAL and not os.path.exists(program):
                print(f"{name}: not built", file=sys.stderr)
            elif name in wanted:
                parts.append(run([program], os.path.join(directory, name + ".json")))
        if "latency" in wanted:
            parts.append(run([sys.executable, os.path.join(HERE, "latency.py"), options.build,
                              "--svg", options.svg or os.path.join(options.build, "reloads.svg")],
                             os.path.join(directory, "latency.json")))
    failed = parts.count(None)
    parts = [part for part in parts if part is not None]
    print("\n" + "\n".join([*costs(parts), "", *verdicts(parts)]))
    with open("/proc/loadavg", encoding="utf-8") as file:
        load = file.read().split()[0]
    write_table(options.table, parts, load)
    print(f"load of the machine at the end: {load} on {os.cpu_count()} processors")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"load": float(load), "parts": parts}, file, indent=1)
            file.write("\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
