#!/usr/bin/env python3
"""What a run costs besides its steps; of several builds, in turns.

    scripts/bench/startup.py [-n TURNS] [-s SPEC] MTRAIN... [KEY=VALUE...]

Trains SPEC (configs/table.json) and prints the least and the median of all
turns, in milliseconds:

    all     from exec to exit
    steps   training and evaluation
    beside  all of it less the steps, which is
    saves   writing checkpoints, and
    rest    starting, reading the spec and the data, planning, printing, exit

The last line is what replacing a file of the checkpoint's size costs on this
disk: written, renamed, and both the file and its folder synchronised.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PARTS = "all", "steps", "beside", "saves", "rest"


def events_of(command):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return [json.loads(line) for line in done.stdout.splitlines()]


def train(build, spec, edits, samples, out):
    """Milliseconds of each part, and how many saves there were."""
    start = time.perf_counter()
    events = events_of([build, "train", "-f", "--json", spec, "-o", out] +
                       edits)
    total = time.perf_counter() - start
    kinds = [event["event"] for event in events]
    end, epochs = events[-1], kinds.count("epoch")
    if not epochs:
        sys.exit("the run has no whole epoch")
    steps = samples * epochs / end["samples_per_s"]
    times = (total, steps, total - steps, end["seconds"] - steps,
             total - end["seconds"])
    return [1e3 * t for t in times], kinds.count("save")


def write_through(folder, data):
    """Milliseconds to replace a file safely."""
    start = time.perf_counter()
    new, old = os.path.join(folder, "new"), os.path.join(folder, "old")
    with open(new, "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    os.replace(new, old)
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    return 1e3 * (time.perf_counter() - start)


def summary(times):
    return "%9.2f %9.2f" % (min(times), statistics.median(times))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-n", "--turns", type=int, default=20)
    parser.add_argument("-s", "--spec", default="configs/table.json")
    parser.add_argument("args", nargs="+", metavar="MTRAIN | KEY=VALUE")
    options = parser.parse_args()
    builds = [os.path.abspath(a) for a in options.args if "=" not in a]
    edits = [a for a in options.args if "=" in a]
    check = events_of([builds[0], "check", "--json", options.spec] + edits)
    samples = check[-1]["samples"]
    times = {build: [] for build in builds}
    disk = []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        out = os.path.join(folder, "out.mtc")
        for _ in range(options.turns):
            for build in builds:
                parts, saves = train(build, options.spec, edits, samples,
                                     out)
                times[build].append(parts)
            with open(out, "rb") as f:
                disk.append(write_through(folder, f.read()))
    for build in builds:
        print("%s, %d saves" % (build, saves))
        for name, column in zip(PARTS, zip(*times[build])):
            print("    %-6s" % name + summary(column))
    print("%-10s" % "a file" + summary(disk))


if __name__ == "__main__":
    main()
