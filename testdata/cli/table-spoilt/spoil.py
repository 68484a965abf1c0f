"""spoil.py SEEDS: spoils tables at random, and checks what is said of them."""
import json
import os
import random
import re
import subprocess
import sys

ROWS, COLUMNS = 250, ["a", "b", "town", "y"]
KINDS = ["missing", "text", "extra", "quote"]
HAND = {
    "model": {"layers": [{"type": "Linear", "out_features": 1}]},
    "loss": {"type": "MSELoss"},
    "optimizer": {"type": "SGD", "lr": 0.001},
    "data": {"type": "csv", "train": "t.csv", "target": "y",
             "normalize": "standard",
             "types": {"town": "category"},
             "categories": {"town": ["Delft", "Gent", "Ulm"]}},
    "train": {"epochs": 1},
}


def make(draw):
    rows = []
    for _ in range(ROWS):
        a, b = draw.uniform(-5, 5), draw.randrange(1000)
        rows.append(["%.3f" % a, str(b), draw.choice(["Delft", "Gent", "Ulm"]),
                     "%.2f" % (2 * a + b / 100)])
    return rows


def spoil(rows, kinds, rate, draw):
    """Returns (line, column, kind) of each fault."""
    faults = []
    for i, row in enumerate(rows):
        for k in range(len(COLUMNS)):
            if draw.random() >= rate:
                continue
            kind = draw.choice(kinds)
            if kind == "missing":
                row[k] = draw.choice(["", "NA", "?"])
            elif kind == "text":
                row[k] = draw.choice(["abc", "n.a.", "12x", "#REF!", "1,2"])
                if "," in row[k]:
                    row[k] = '"%s"' % row[k]
            elif kind == "extra":
                row[k] += ",%d" % draw.randrange(10)
            else:
                at = draw.randrange(len(row[k]) + 1)
                row[k] = row[k][:at] + '"' + row[k][at:]
            faults.append((i + 2, COLUMNS[k], kind))
    return faults


def mtrain(*args):
    done = subprocess.run([os.environ["MTRAIN"], *args], text=True,
                          capture_output=True)
    return done.returncode, done.stdout + done.stderr


def names_fault(text, faults):
    lines = {int(n) for n in re.findall(r"(?:t\.csv:|line )(\d+)", text)}
    return any(line in lines for line, _, _ in faults)


def said_of(text, column):
    found = re.search('^column "%s": (.*)' % column, text, re.M)
    return found.group(1) if found else ""


def is_told(text, column, kinds, values):
    """Does the column's line say what became of its faults?"""
    line = said_of(text, column)
    gaps = kinds.count("missing")
    if "left out" in line:
        return True
    if gaps and not re.search(r"missing in %d row" % gaps, line):
        return False
    if len(kinds) == gaps:
        return True
    return column == "town" and "category of %d values" % values in line \
        and "of a single row" in line


def check(seed, kinds, rate):
    draw = random.Random("%d %s %g" % (seed, kinds, rate))
    rows = make(draw)
    faults = spoil(rows, kinds, rate, draw)
    with open("t.csv", "w") as f:
        f.write("".join(",".join(r) + "\n" for r in [COLUMNS] + rows))
    code, text = mtrain("init", "csv", "-f", "--data", "t.csv")
    outcome = "init refused" if code else "init told"
    if code == 2 and not names_fault(text, faults):
        return "init: no fault's line: " + text
    if code == 0:
        if "%d rows" % ROWS not in text and "several lines" not in text:
            return "init: rows are gone: " + text
        town = {r[2] for r in rows if r[2] not in ("", "NA", "?")}
        for column in COLUMNS:
            of = [kind for _, c, kind in faults if c == column]
            if of and not is_told(text, column, of, len(town)):
                return "init: nothing of %s %s: %s" % (column, of, text)
        drop = sum(c == "y" and k == "missing" for _, c, k in faults)
        code, text = mtrain("check", "csv.json")
        n = re.search(r"(\d+) training and (\d+) validation", text)
        if code or int(n.group(1)) + int(n.group(2)) != ROWS - drop:
            return "check: other rows: " + text
    code, text = mtrain("train", "-f", "hand.json", "-o", "hand.mtc")
    odd = [f for f in faults if f[1] != "town" or f[2] == "extra"]
    if code == 2 and names_fault(text, faults):
        return outcome + ", train refused"
    if not code and not faults:
        return "no faults, trained"
    if code or odd or (faults and "town" not in text):
        return "train: %d %s %s" % (code, odd, text)
    return outcome + ", train warned"


with open("hand.json", "w") as spec:
    json.dump(HAND, spec)
results = {}
for seed in range(int(sys.argv[1])):
    for kinds in [[k] for k in KINDS] + [KINDS]:
        for rate in 0.01, 0.002:
            result = check(seed, kinds, rate)
            results[result] = results.get(result, 0) + 1
for result in sorted(results):
    print(results[result], result)
