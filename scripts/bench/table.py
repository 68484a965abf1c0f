#!/usr/bin/env python3
"""README's tables of speed, out of what bench.py --json wrote.

    table.py FILE.json...

A table for each family of CPUs and kind of work; a file that comes later
replaces rows of the same workload and CPU. After each table come the
workloads that are not faster than their peer.
"""
import json
import sys

from bench import number, summary
from workloads import WORKLOADS

TITLES = {"train": "training", "eval": "inference"}
HEAD = ["workload", "mtrain, ms/step", "{peer}, ms/step", "ratio", "of sgemm",
        "memory, MB", "{peer}, MB"]
ISA = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON"))


def title(machine):
    isa = [text for flag, text in ISA if flag in machine["flags"]][:1]
    family = f"family {machine['cpu family']}, model {machine['model']}" \
        if "cpu family" in machine else ""
    without = "" if machine["openblas"] else "no OpenBLAS"
    return machine["model name"] + " (" + ", ".join(filter(None, [
        family, *isa, f"{machine['cpus']} cores", without])) + ")"


def collect(paths):
    """{(CPU, kind, peer): {workload: row of summary()}}"""
    tables = {}
    for path in paths:
        with open(path, encoding="utf-8") as f:
            run = json.load(f)
        for result in run["results"]:
            for row in summary(result):
                key = title(run["machine"]), result["kind"], row["peer"]
                tables.setdefault(key, {})[result["workload"]] = row
    return tables


def cells(name, row):
    return [name, number(row["median"]), number(row["peer median"]),
            number(row["ratio"], "{:.1f} ×"), number(row["share"], "{:.0%}"),
            number(row["mb"], "{:.0f}"), number(row["peer mb"], "{:.0f}")]


def print_table(cpu, kind, peer, rows):
    print(f"{cpu}, {TITLES[kind]}:\n")
    print("| " + " | ".join(HEAD).format(peer=peer) + " |")
    print("| " + " | ".join(["---"] * len(HEAD)) + " |")
    names = [name for name in WORKLOADS if name in rows]
    for name in names:
        print("| " + " | ".join(cells(name, rows[name])) + " |")
    slow = [f"{name} ({rows[name]['ratio']:.2f} ×)" for name in names
            if rows[name]["ratio"] <= 1]
    print(f"\nNot faster than {peer}: {', '.join(slow) or 'none'}.\n")


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for (cpu, kind, peer), rows in collect(sys.argv[1:]).items():
        if peer:
            print_table(cpu, kind, {"ORT": "ONNX Runtime"}.get(peer, peer),
                        rows)


main()
