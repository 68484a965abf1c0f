#!/usr/bin/env python3
"""How fast a large table is read, and in how much memory.

    scripts/bench/csv.py MTRAIN [MB [COLUMNS]]

Writes a table of about 5 bytes a field (by default 1000 MB, 20 columns) into a
temporary folder, trains 100 steps on it, and prints the bytes read in a second
of CPU time and the peak of resident memory.
"""
import json
import os
import random
import sys
import tempfile

KINDS = [
    lambda r: str(r.randrange(10000)),
    lambda r: "%.2f" % r.uniform(0, 9),
    lambda r: "%.1f" % r.uniform(-9, 9),
    lambda r: "0.%02d" % r.randrange(100),
    lambda r: "%.2f" % r.gauss(0, 1),
]
BLOCKS, BLOCK_BYTES = 8, 1 << 20


def write_table(path, megabytes, columns):
    draw = random.Random(1)
    blocks = []
    for _ in range(BLOCKS):
        rows, size = [], 0
        while size < BLOCK_BYTES:
            fields = [KINDS[i % 5](draw) for i in range(columns - 1)]
            rows.append(",".join(fields + [str(draw.randrange(3))]) + "\n")
            size += len(rows[-1])
        blocks.append("".join(rows))
    with open(path, "w") as f:
        f.write(",".join("c%d" % i for i in range(columns)) + "\n")
        for i in range(megabytes):
            f.write(blocks[i % BLOCKS])


def main():
    mtrain = os.path.abspath(sys.argv[1])
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    columns = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    spec = {
        "model": {"layers": [{"type": "Linear", "out_features": "auto"}]},
        "loss": {"type": "CrossEntropyLoss"},
        "optimizer": {"type": "SGD", "lr": 0.01},
        "data": {"type": "csv", "train": "t.csv", "normalize": "standard"},
        "train": {"steps": 100},
    }
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_table("t.csv", megabytes, columns)
        with open("t.json", "w") as f:
            json.dump(spec, f)
        size = os.path.getsize("t.csv")
        pid = os.spawnv(os.P_NOWAIT, mtrain, [mtrain, "train", "-q", "t.json"])
        _, status, usage = os.wait4(pid, 0)
        os.chdir("/")
    seconds = usage.ru_utime + usage.ru_stime
    print("%.0f MB, %d columns: %.2f s of CPU time, %.0f MB/s, peak %.0f MB" %
          (size / 1e6, columns, seconds, size / 1e6 / seconds,
           usage.ru_maxrss / 1e3))
    sys.exit(status != 0)


main()
